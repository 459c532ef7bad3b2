"""The catalogue: recognised by its columns, one row an item, the newest wins."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from pyarrow import parquet

from control_plane.collect.ingest import ingest
from control_plane.collect.store import Store

HEAD = "item_id,title,price,currency,available,tags"


def test_a_catalogue_is_known_by_its_columns(take, query):
    report = take("items.csv", f"{HEAD}\na,Tent,199.00,EUR,yes,new|light\nb,Rope,5,JPY,0,\n")
    assert (report.items_updated, report.stored, report.consent_note) == (2, 0, None)
    found = query(
        "SELECT item_id, title, price_minor, currency, available, tags FROM items ORDER BY item_id"
    )
    assert found == [
        ("a", "Tent", 19900, "EUR", True, ["new", "light"]),
        ("b", "Rope", 5, "JPY", False, []),
    ]


def test_an_item_twice_in_one_file_is_rejected_with_its_line(take, rejects, query):
    content = "item_id,title\na,First\nb,Rope\na,Second\na,Third\n"
    report = take("items.csv", content, max_rejects=1)
    assert (report.rows, report.items_updated, report.rejected) == (4, 2, 2)
    assert rejects(report) == [
        (4, "item_id", "the item stands twice in this file"),
        (5, "item_id", "the item stands twice in this file"),
    ]
    assert query("SELECT title FROM items WHERE item_id = 'a'") == [("First",)]


def test_the_newest_row_of_an_item_wins_and_others_stay(take, query):
    take("items.csv", "item_id,title,price\na,Tent,1\nb,Rope,2\n")
    report = take("more.csv", "item_id,title\nb,Rope\na,Big tent\nc,Stove\n")
    assert report.items_updated == 3
    found = query("SELECT item_id, title, price_minor FROM items ORDER BY item_id")
    assert found == [("a", "Big tent", None), ("b", "Rope", None), ("c", "Stove", None)]


def test_an_unchanged_row_counts_as_told_before(take):
    take("items.csv", "item_id,title\na,Tent\nb,Rope\n")
    report = take("items.csv", "item_id,title\na,Tent\nb,Cord\n")
    assert (report.items_updated, report.duplicates) == (1, 1)


def test_events_and_items_of_one_directory_come_in_together(project, write, query):
    write("events.csv", "timestamp,item_id,session_id\n2026-05-01,a,s\n")
    folder = write("items.jsonl", [{"item_id": "a", "title": "Tent", "tags": ["x", "y"]}]).parent
    report = ingest(project, folder)
    assert (report.rows, report.stored, report.items_updated) == (2, 1, 1)
    assert query("SELECT tags FROM items") == [(["x", "y"],)]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("item_id", "", "missing"),
        ("price", "cheap", "not a number"),
        ("price", "-1", "negative"),
        ("currency", "euro", "not a currency code"),
        ("available", "soon", "neither yes nor no"),
        ("url", "javascript:alert(1)", "not a web address"),
        ("image", "data:text/html,x", "not a web address"),
    ],
)
def test_a_row_that_cannot_be_shown_is_rejected(take, rejects, column, value, reason):
    good = {"item_id": "a", "title": "Tent", "url": "/p/a", "image": "img/a.svg?v=1:2"}
    bad = {**good, "item_id": "b", column: value}
    report = take("items.jsonl", [good, bad], max_rejects=1)
    assert (report.items_updated, rejects(report)) == (1, [(2, column, reason)])


def test_a_catalogue_of_other_names_comes_through_a_mapping(take, query):
    mapping = (
        'kind = "items"\n[columns]\nitem_id = "ID"\ntitle = "Name"\n[constants]\nmarket = "FR"'
    )
    report = take("list.csv", "ID;Name;Colour\n1;Tent;red\n", mapping)
    assert [column.name for column in report.unknown_columns] == ["Colour"]
    assert query("SELECT item_id, title, market FROM items") == [("1", "Tent", "FR")]


def test_brands_are_kept_and_a_catalogue_from_before_them_takes_them_in(project, take, query):
    take("items.csv", "item_id,title,brand\na,Tent,Fjell\nb,Rope,\n")
    file = Store(project.data).items
    parquet.write_table(parquet.read_table(file).drop_columns("brand"), file)
    assert query("SELECT item_id, brand FROM items ORDER BY item_id") == [("a", None), ("b", None)]
    report = take("items.csv", "item_id,title,brand\na,Tent,Fjell\nb,Rope,\n")
    assert (report.items_updated, report.duplicates) == (1, 1)
    assert query("SELECT item_id, brand FROM items ORDER BY item_id") == [
        ("a", "Fjell"),
        ("b", None),
    ]


def test_an_item_that_changes_keeps_the_time_at_which_it_was_added(take, query):
    take("items.csv", "item_id,title\na,Tent\nb,Rope\n")
    take("more.csv", "item_id,title\nb,Cord\nc,Stove\n", now=datetime(2040, 1, 1, tzinfo=UTC))
    (_, first), (_, changed), (_, later) = query(
        "SELECT item_id, added_at FROM items ORDER BY item_id"
    )
    assert 0 < first == changed < later


def test_the_report_is_plain_json(take):
    report = take("items.csv", "item_id,title,shade\na,Tent,red\n")
    assert json.loads(msgspec.json.encode(report))["items_updated"] == 1
