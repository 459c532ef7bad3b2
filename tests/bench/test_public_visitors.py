"""Tiny made-up files in the formats of the public sets of known visitors."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from control_plane.bench import public_visitors
from control_plane.bench.public_visitors import find_visitor_sets, read_groceries
from control_plane.bench.quality import bench_quality
from control_plane.evaluation.baselines import POPULAR

PEOPLE = 30


def write_gowalla(folder: Path) -> None:
    """Write two crowds: each of one knows five of its own six places, and goes to the sixth."""
    folder.mkdir()
    train, test = [], []
    for person in range(PEOPLE):
        crowd = person % 2
        places = [10 * crowd + place for place in range(6)]
        next_one = places[(person // 2) % 6]
        train += [(person, place) for place in places if place != next_one]
        test.append((person, next_one))
    for name, rows in (("train", train), ("test", test)):
        users, items = zip(*rows, strict=True)
        table = pa.table({"user_id": users, "item_id": items})
        pq.write_table(table, folder / f"{name}.parquet")


def write_groceries(folder: Path) -> None:
    """Write a year of one household that buys bread every week, and fuel, and once a lamp."""
    start = datetime(2017, 1, 1)
    products = [(1, "GROCERY", "BREAD", "WHEAT", "Private"), (2, "FUEL", "FUEL", "GAS", "Private"),
                (3, "HOME", "LAMPS", "DESK", "National")]  # fmt: skip
    lines = [(week, product) for week in range(1, 54) for product in (1, 2)] + [(50, 3)]
    pq.write_table(
        pa.table({
            "household_id": [7] * len(lines),
            "basket_id": [week for week, _ in lines],
            "product_id": [product for _, product in lines],
            "quantity": [1] * len(lines),
            "week": [week for week, _ in lines],
            "transaction_timestamp": [start + timedelta(weeks=week) for week, _ in lines],
        }),
        folder / "transactions.parquet",
    )  # fmt: skip
    names = ("product_id", "department", "product_category", "product_type", "brand")
    columns = zip(*products, strict=True)
    table = pa.table({name: list(column) for name, column in zip(names, columns, strict=True)})
    pq.write_table(table, folder / "products.parquet")


def test_groceries_are_cut_by_week_and_leave_out_what_stands_on_no_shelf(tmp_path: Path) -> None:
    write_groceries(tmp_path)
    with duckdb.connect() as duck:
        found = read_groceries(duck, tmp_path)
        assert found.events.fetchall()[0][0] == "Order Completed"
        assert {row[4] for row in found.events.fetchall()} == {"1"}
        assert len(found.events.fetchall()) == public_visitors.LEARNED_WEEKS
        assert found.files["items"].order("item_id").fetchall() == [
            ("1", "Private", "WHEAT", "GROCERY / BREAD"),
            ("3", "National", "DESK", "HOME / LAMPS"),
        ]
        ((user, wanted),) = found.tests
    assert (user, sorted(wanted)) == ("7", ["1", "3"])
    assert found.repeats


def test_groceries_are_there_where_their_package_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_visitors, "GROCERIES_MODULE", "nothing_of_this_name")
    assert find_visitor_sets(tmp_path) == {}
    monkeypatch.setattr(public_visitors, "GROCERIES_MODULE", "json")
    assert list(find_visitor_sets(tmp_path)) == ["groceries"]


@pytest.mark.slow
def test_the_edge_knows_where_each_crowd_goes(tmp_path: Path) -> None:
    write_gowalla(tmp_path / "gowalla")
    report = bench_quality(tmp_path, ["gowalla"], lambda line: None, k=1)
    (found,) = report.sets
    assert found.learned == {"visitors": PEOPLE, "events": 5 * PEOPLE}
    (panel,) = found.panels
    assert (panel.view, panel.cases) == ("discover", PEOPLE)
    ours, *others = panel.results
    assert ours.measures["recall"].value == 1.0
    assert next(one for one in others if one.name == POPULAR).measures["recall"].value < 0.7
    assert all(bar.met for bar in found.bars)
