"""What `frontshelf plan` says of tables is what the compiler then makes of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

from control_plane.bench.rules import RULES
from control_plane.bench.shop import NEIGHBOURS, Size, catalogue, make_model, make_shelf, numbering
from control_plane.bench.tastes import zipf_visitors
from control_plane.compiler.build import Release, compile_release
from control_plane.deploy import sizing
from control_plane.keyring import load_visitor_secrets, make_keys
from control_plane.models.artifacts import Model, Rows
from control_plane.settings import Project, Settings
from control_plane.settings import Shop as ShopSettings

#: How far a forecast may be from what was measured.
CLOSE = 0.15


def first(rows: Rows, count: int) -> Rows:
    """Return the first ids of each of the made-up shop's rows."""
    items = len(rows.indptr) - 1
    ids, scores = (part.reshape(items, NEIGHBOURS) for part in (rows.items, rows.scores))
    indptr = np.arange(items + 1, dtype=np.int64) * count
    return Rows(indptr, ids[:, :count].ravel(), scores[:, :count].ravel())


def compiled(root: Path, size: Size, neighbours: int, related: int) -> tuple[Release, Model]:
    project = Project(root, Settings(shop=ShopSettings(name="bench", environment="bench")))
    make_keys(project.keys)
    project.rules.write_text(RULES, encoding="utf-8")
    visitors = zipf_visitors(make_shelf(size.items), numbering(size.items), size.visitors)
    model = make_model(size, visitors.keys, load_visitor_secrets(project.keys).current)
    model = msgspec.structs.replace(
        model,
        visitors=visitors,
        neighbours=first(model.neighbours, neighbours),
        related={"also_bought": first(model.neighbours, related)},
    )
    with catalogue(size) as log:
        return compile_release(project, model, log), model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "neighbours", "related"),
    [(Size(8_000, 60_000), 50, 20), (Size(24_000, 30_000), 25, 10)],
    ids=["many visitors", "many items"],
)
def test_bytes_and_values_of_each_kind_are_foretold(
    tmp_path: Path, size: Size, neighbours: int, related: int
) -> None:
    release, model = compiled(tmp_path, size, neighbours, related)
    shop = sizing.Shop(
        items=size.items,
        visitors=size.visitors,
        neighbours=neighbours,
        related=(related,),
        bought=len(model.visitors.bought.items) / size.visitors,
    )
    told = {table.kind: table for table in sizing.tables(shop)}
    values = Counter(value["kind"] for value in release.values)
    made = release.bytes_by_kind
    lists = ("manifest", "locator", "index")
    # Cards of this shop stand with the neighbours.
    items = told["neighbours"].bytes + told["cards"].bytes
    assert items == pytest.approx(made["items"], rel=CLOSE)
    assert told["manifest"].bytes == pytest.approx(sum(made.get(k, 0) for k in lists), rel=CLOSE)
    assert told["neighbours"].values == pytest.approx(values["items"], rel=CLOSE)
    assert told["manifest"].values == sum(values[kind] for kind in lists)
    for kind in ("related", "visitors", "popular"):
        assert told[kind].bytes == pytest.approx(made[kind], rel=CLOSE), kind
        assert told[kind].values == pytest.approx(values[kind], rel=CLOSE), kind


def test_a_large_shop_is_foretold_as_it_was_measured() -> None:
    """`frontshelf bench compile`: 200,000 items, 1,000,000 visitors (docs/tables.md)."""
    told = {t.kind: t for t in sizing.tables(sizing.Shop(visitors=1_000_000, items=200_000))}
    assert told["neighbours"].bytes_each == pytest.approx(78.8, rel=0.05)
    assert told["cards"].bytes_each == pytest.approx(24.4, rel=0.05)
    assert told["visitors"].bytes_each == pytest.approx(40.1, rel=0.05)
    assert told["manifest"].values > 1, "the locator and the list of visitors have moved out"


def test_a_shop_without_anything_has_a_manifest_and_a_popular_value() -> None:
    told = sizing.tables(sizing.Shop(visitors=0, items=0))
    assert {table.kind: table.values for table in told if table.values} == {
        "popular": 1,
        "manifest": 1,
    }
