"""Hides a tenth of a gift shop's items from learning, and asks for them all the same.

    python tests/bench/cold_items.py DATA

DATA is the parquet file of UCI's Online Retail. Its first 92 % of invoices are learned without the
lines of the hidden items, once with the catalogue and once without. Of the rest, each line is asked
for after those before it on its invoice. Prints JSON: hit rate at 20 of items that were learned and
of those that were not, the new ones' share of shelves, and the hit rate where the last line before
was of a new item; beside it what popular and random items hit.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.collect.ingest import ingest
from control_plane.keyring import make_keys
from control_plane.models.artifacts import Model
from control_plane.models.train import train
from control_plane.settings import load_project

MAPPING = Path(__file__).parents[2] / "examples" / "online-retail" / "mapping.toml"
AT = 20
#: Lines of an invoice that are asked for at most: a few have hundreds.
LINES = 30

_LINES = """
CREATE TABLE lines AS
SELECT *, row_number() OVER () AS line, min(moment) OVER (PARTITION BY InvoiceNo) AS began FROM (
    SELECT *, strptime(InvoiceDate, '%m/%d/%y %H:%M') AS moment FROM '{file}'
    WHERE Quantity > 0 AND Description IS NOT NULL AND regexp_matches(StockCode, '^[0-9]')
)
"""
_LEARNED = """
COPY (SELECT * EXCLUDE (line, moment, began) FROM lines
      WHERE began < $cut AND hash(StockCode) % 10 > 0 ORDER BY line) TO '{file}' (FORMAT parquet)
"""
_CATALOGUE = """
SELECT StockCode AS item_id, arg_max(Description, line) AS title, median(UnitPrice) AS price
FROM lines GROUP BY ALL ORDER BY item_id
"""
_ASKED = """
SELECT list(StockCode ORDER BY line) FROM lines WHERE began >= $cut GROUP BY InvoiceNo, began
ORDER BY began, InvoiceNo
"""


class Case(msgspec.Struct, frozen=True):
    """What was bought next, after which items, the newest first."""

    target: str
    recent: list[str]
    before: set[str]


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as duck:
        duck.execute(_LINES.format(file=data))
        (cut,) = duck.execute("SELECT quantile_disc(began, 0.92) FROM lines").fetchone() or ()
        hidden = {
            item
            for (item,) in duck.execute(
                "SELECT DISTINCT StockCode FROM lines WHERE hash(StockCode) % 10 = 0"
            ).fetchall()
        }
        cases = _cases([row[0] for row in duck.execute(_ASKED, {"cut": cut}).fetchall()])
        catalogue = duck.execute(_CATALOGUE).fetchall()
        learned = Path(scratch) / "learned.parquet"
        duck.execute(_LEARNED.format(file=learned), {"cut": cut})
        figures: dict[str, Any] = {"items": len(catalogue), "hidden": len(hidden)}
        for name, items in (("events alone", []), ("with the catalogue", catalogue)):
            model = _learn(Path(scratch) / name, learned, items)
            shelves = _shelves(model, cases)
            figures[name] = _measures(cases, shelves, hidden)
        popular = [model.item_ids[n] for n in model.popular["all"]]
        figures["popular"] = _measures(cases, [_rest(popular, case) for case in cases], hidden)
        draws = np.random.default_rng(1)
        everything = [row[0] for row in catalogue]
        random = [_rest(list(draws.choice(everything, 2 * AT)), case) for case in cases]
        figures["random"] = _measures(cases, random, hidden)
    print(json.dumps(figures, indent=1))


def _cases(invoices: list[list[str]]) -> list[Case]:
    cases = []
    for invoice in invoices:
        items = list(dict.fromkeys(invoice))
        for place in range(1, min(len(items), LINES)):
            before = items[:place]
            cases.append(Case(items[place], before[::-1], set(before)))
    return cases


def _learn(root: Path, events: Path, catalogue: list[tuple[Any, ...]]) -> Model:
    root.mkdir()
    (root / "frontshelf.toml").write_text("", encoding="utf-8")
    make_keys(root / "keys")
    project = load_project(root, {})
    ingest(project, events, mapping=MAPPING)
    if catalogue:
        rows = [dict(zip(("item_id", "title", "price"), row, strict=True)) for row in catalogue]
        file = root / "items.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        ingest(project, file)
    return train(project)


def _shelves(model: Model, cases: list[Case]) -> list[list[str]]:
    """Return the best items after each case's, as the worker sums their rows."""
    number = {item: place for place, item in enumerate(model.item_ids)}
    rows, count = model.neighbours, len(number)
    near = sparse.csr_matrix((rows.scores, rows.items, rows.indptr), shape=(count, count))
    shelves = []
    for case in cases:
        sums: NDArray[np.float64] = np.zeros(count)
        for age, item in enumerate(case.recent[: model.serving.items]):
            if item in number:
                mine = slice(*near.indptr[number[item] : number[item] + 2])
                sums[near.indices[mine]] += np.exp(-age / model.serving.decay) * near.data[mine]
        best = np.argsort(-sums, kind="stable")[: AT + len(case.before)]
        shelves.append(_rest([model.item_ids[place] for place in best if sums[place] > 0], case))
    return shelves


def _rest(items: list[str], case: Case) -> list[str]:
    return [item for item in items if item not in case.before][:AT]


def _measures(
    cases: list[Case], shelves: list[list[str]], hidden: set[str]
) -> dict[str, float | int]:
    ranks = [
        shelf.index(case.target) + 1 if case.target in shelf else 0
        for case, shelf in zip(cases, shelves, strict=True)
    ]
    new = np.array([case.target in hidden for case in cases])
    after_new = np.array([case.recent[0] in hidden for case in cases])
    hit = np.array(ranks) > 0
    shown = [item for shelf in shelves for item in shelf]
    return {
        "cases": int((~new).sum()),
        "hr": _percent(hit[~new]),
        "mrr": _percent(np.array([1 / rank if rank else 0.0 for rank in ranks])[~new]),
        "new_cases": int(new.sum()),
        "new_hr": _percent(hit[new]),
        "after_new_hr": _percent(hit[after_new & ~new]),
        "new_share_of_shelves": _percent(np.array([item in hidden for item in shown])),
        "new_items_shown": len({*shown} & hidden),
    }


def _percent(values: NDArray[Any]) -> float:
    return round(100 * float(values.mean()), 2) if len(values) else 0.0


if __name__ == "__main__":
    main()
