"""Counts neighbours of nine million clicks, beside implicit's item-kNN, in turns.

    pip install implicit
    python tests/bench/neighbours_speed.py DATA [--copies 13] [--rounds 3] [--train [--memory-gb 4]]

DATA holds RetailRocket's `train.parquet` (session_id, item_id, timestamp). Copies of it, each with
a catalogue of its own, make the large log; every contender counts it from memory in a process of
its own. Prints JSON: seconds, CPU seconds and peak memory above the log's own by contender, and
what a table of 50 neighbours of the older 92 % of one copy foretells of the rest at 20, summed as
the worker does. `--train` adds the whole of `train` on the large log, with a user for every three
sessions, in the memory that `--memory-gb` gives it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from scipy import sparse

from control_plane.collect.log import EventLog
from control_plane.models.artifacts import Rows
from control_plane.models.learn import learn
from control_plane.models.neighbours import fit_sessions
from control_plane.models.recipe import Serving
from control_plane.models.replay import clicks_of, replay
from control_plane.models.tune import figures
from control_plane.profiles.sessions import Sessions
from control_plane.settings import Project, Settings, Train

NEIGHBOURS = 50
SESSIONS_A_USER = 3

Fit = Callable[[Sessions, int], Rows]


def ours(sessions: Sessions, items: int) -> Rows:
    """Return our neighbour table by the default recipe."""
    return fit_sessions(sessions, items, NEIGHBOURS).rows


def implicit_knn(name: str) -> Fit:
    """Return one of implicit's nearest-neighbour models as a function of sessions."""

    def fit(sessions: Sessions, items: int) -> Rows:
        from implicit import nearest_neighbours  # not locked: for comparison alone

        clicks = (np.ones(len(sessions.items)), sessions.items, sessions.indptr)
        table = sparse.csr_matrix(clicks, shape=(len(sessions.ends), items))
        model = getattr(nearest_neighbours, name)(K=NEIGHBOURS)
        model.fit(table, show_progress=False)
        similar = model.similarity
        return Rows(similar.indptr, similar.indices, similar.data)

    return fit


CONTENDERS: dict[str, Fit] = {
    "frontshelf": ours,
    "implicit_cosine": implicit_knn("CosineRecommender"),
    "implicit_bm25": implicit_knn("BM25Recommender"),
}


def read_log(data: Path, copies: int) -> tuple[Sessions, int]:
    """Return `copies` of the clicks side by side, and the number of items."""
    query = f"SELECT session_id, item_id, timestamp FROM '{data / 'train.parquet'}'"
    table = duckdb.sql(query).fetchnumpy()
    names, item = np.unique(table["item_id"].astype(str), return_inverse=True)
    session = table["session_id"].astype(str)
    starts = np.flatnonzero(np.append(True, session[1:] != session[:-1]))
    lengths = np.tile(np.diff(np.append(starts, len(item))), copies)
    ends = table["timestamp"][np.append(starts[1:], len(item)) - 1].astype(np.int64)
    shift = np.repeat(np.arange(copies) * len(names), len(item))
    log = Sessions(
        indptr=np.append(0, np.cumsum(lengths)),
        items=(np.tile(item, copies) + shift).astype(np.int32),
        kinds=np.zeros(copies * len(item), dtype=np.int8),
        ends=np.tile(ends, copies),
        owners=np.arange(len(lengths)),
    )
    return log, copies * len(names)


def cost(name: str, data: Path, copies: int) -> dict[str, float]:
    """Count the large log by one contender; return what it took."""
    sessions, items = read_log(data, copies)
    fit = CONTENDERS[name]
    fit(sessions.take(np.arange(100)), items)
    before, wall, cpu = _peak(), time.perf_counter(), time.process_time()
    fit(sessions, items)
    return {
        "events": len(sessions.items),
        "items": items,
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "more_mb": round(_peak() - before),
    }


def quality(name: str, data: Path) -> dict[str, float]:
    """Return what a contender's table of the older sessions foretells of the newest."""
    sessions, items = read_log(data, 1)
    order = np.argsort(sessions.ends, kind="stable")
    cut = int(len(order) * 0.92)
    older, newer = sessions.take(np.sort(order[:cut])), sessions.take(np.sort(order[cut:]))
    clicks = clicks_of(newer, items, 20_000, orders=False)
    return figures(replay(clicks, CONTENDERS[name](older, items), Serving()), clicks)


def whole_train(data: Path, copies: int, memory_gb: float) -> dict[str, Any]:
    """Run all of `train` on the large log; return its seconds step by step."""
    empty = EventLog(Project(root=Path("/nonexistent"), settings=Settings()))
    log = empty.connect()
    log.execute(
        f"""
        DROP VIEW events;
        CREATE VIEW events AS
        SELECT concat(copy, ':', number) AS message_id, 'Product Viewed' AS event,
               NULL::UBIGINT AS device_id, concat(copy, ':', session_id) AS session_id,
               hash(copy, s // {SESSIONS_A_USER}) AS "user", make_timestamp(timestamp * 1000000)
               AS timestamp, ['personalization'] AS consent, false AS is_bot,
               MAP {{}}::MAP(VARCHAR, VARCHAR) AS context, number AS sequence,
               [{{'item_id': concat(copy, ':', item_id), 'quantity': 1, 'price_minor': NULL::BIGINT,
                 'currency': NULL::VARCHAR, 'position': NULL::INTEGER}}] AS lines,
               NULL::VARCHAR AS order_id
        FROM (SELECT *, row_number() OVER () AS number,
                     substr(session_id, 2)::BIGINT AS s FROM '{data / "train.parquet"}'),
             range({copies}) t(copy)
        """
    )
    wall, cpu = time.perf_counter(), time.process_time()
    model = learn(log, Train(memory_gb=memory_gb))
    return {
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mb": round(_peak()),
        "steps": model.report["seconds"],
        "counts": model.report["counts"],
        "warnings": model.report["warnings"],
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(*arguments: str) -> Any:
    """Run this script in a process of its own; return what it prints."""
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def measure(data: Path, copies: int, rounds: int, train: bool, memory_gb: float) -> dict[str, Any]:
    """Let the contenders take turns; return the figures of every round, and quality."""
    told: dict[str, Any] = {name: {"rounds": []} for name in CONTENDERS}
    for _ in range(rounds):
        for name, figures_ in told.items():
            figures_["rounds"].append(_apart(str(data), "--copies", str(copies), "--only", name))
    for name, figures_ in told.items():
        figures_["quality"] = quality(name, data)
    if train:
        told["train"] = _apart(
            str(data), "--copies", str(copies), "--only", "train", "--memory-gb", str(memory_gb)
        )
    return told


def main() -> None:
    """Run the benchmark, or with --only one contender's turn, and print figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--copies", type=int, default=13)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-gb", type=float, default=0.0)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--only", choices=[*CONTENDERS, "train"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only == "train":
        told = whole_train(chosen.data, chosen.copies, chosen.memory_gb)
    elif chosen.only:
        told = cost(chosen.only, chosen.data, chosen.copies)
    else:
        told = measure(chosen.data, chosen.copies, chosen.rounds, chosen.train, chosen.memory_gb)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
