"""Overlays: what changes in seconds without a release, and stays true of every release."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane import tables
from control_plane.collect.ingest import ingest
from control_plane.collect.stock import read_stock, tell_reject
from control_plane.compiler.overlays import erased_parts, read_erased_parts, read_stock_parts
from control_plane.deploy.head import ErasedOverlay, OffOverlay, StockOverlay, read_head
from control_plane.deploy.history import releases, rollback
from control_plane.deploy.lock import deployment_lock
from control_plane.deploy.overlays import changes as overlay_changes
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.overlays.stock import change_stock, entries_of, load_catalogue_stock
from control_plane.deploy.overlays.values import find, read_values
from control_plane.deploy.publish import publish
from control_plane.deploy.record import MAX_BYTES, record_file
from control_plane.errors import InputError, PlatformError, RejectedError
from control_plane.hashing import hash_texts
from control_plane.tables import MAX_VALUE_BYTES

START = datetime(2026, 11, 1, 12)


def off(slot: str) -> Callable:
    """Return the change that switches a slot off."""
    return lambda target, head: overlay_changes.switch(target, head, slot, off=True)


class Shop:
    """A deployed project whose clock a test turns, and short ways to change its overlays."""

    def __init__(self, target, project, build, folder: Path) -> None:
        self.target, self.project, self.build, self.folder = target, project, build, folder
        self.now = START

    def clock(self) -> float:
        return (self.now - datetime(1970, 1, 1)).total_seconds()

    def catalogue(self, *lines: str) -> None:
        """Take in catalogue rows, a minute later."""
        self.now += timedelta(minutes=1)
        file = self.folder / "items.csv"
        file.write_text("item_id,title,price,available\n" + "\n".join(lines) + "\n")
        ingest(self.project, file, now=self.now)

    def deploy(self, name: str) -> None:
        """Compile and deploy the catalogue as it is, a minute later."""
        self.now += timedelta(minutes=1)
        with_duck = load_catalogue_stock(self.project)
        told = max((row.told_at for row in with_duck.values()), default=0)
        folder = self.build(name, [name.encode()], catalogue_at=told)
        publish(self.target, folder, self.project, clock=self.clock)

    def stock(self, text: str, replace: bool = False):
        """Give a stock file, a minute later."""
        self.now += timedelta(minutes=1)
        file = self.folder / "stock.csv"
        file.write_text(text)
        catalogue = load_catalogue_stock(self.project)
        lines = read_stock(file, "EUR", catalogue, 0.1).lines
        return self.change(
            lambda target, head: change_stock(
                target, self.project, head, lines, catalogue, replace=replace, clock=self.clock
            )
        )

    def change(self, make: Callable, **options):
        """Change overlays by hand."""
        sleep = options.pop("sleep", lambda seconds: None)
        return change_overlays(
            self.target, self.project, make, clock=self.clock, sleep=sleep, **options
        )

    def told(self) -> dict[str, tuple[bool | None, int | None]]:
        """Return what the stock overlay says, by item."""
        head = read_head(self.target, self.project, self.clock)
        overlays = find(head.overlays, StockOverlay)
        if not overlays:
            return {}
        entries = entries_of(read_stock_parts(read_values(self.target, overlays[0])))
        names = {key_of(name): name for name in ("a", "b", "c", "d")}
        return {names[key]: (line.available, line.price_minor) for key, line in entries.items()}


def key_of(item: str) -> int:
    (high,), (low,) = hash_texts([item])
    return int(high) << 32 | int(low)


@pytest.fixture
def shop(target, project, build, tmp_path) -> Shop:
    shop = Shop(target, project, build, tmp_path)
    shop.catalogue("a,A,10,yes", "b,B,20,yes")
    shop.deploy("red")
    return shop


def test_a_stock_file_is_merged_field_by_field_with_what_was_said_before(shop):
    shop.stock("item_id,available,price\na,no,\nc,,7.50\n")
    shop.stock("item_id,available,price\na,,9.99\nb,no,\n")
    assert shop.told() == {"a": (False, 999), "b": (False, None), "c": (None, 750)}


def test_replace_forgets_what_earlier_files_said(shop):
    shop.stock("item_id,available\na,no\n")
    shop.stock("item_id,available\nb,no\n", replace=True)
    assert shop.told() == {"b": (False, None)}


def test_of_several_lines_about_one_item_the_last_counts(shop):
    shop.stock("item_id,available\na,no\na,yes\nb,no\n")
    assert shop.told()["b"] == (False, None)
    assert shop.told().get("a", (True, None))[0] is True


def test_the_same_file_again_changes_nothing(shop, memory):
    shop.stock("item_id,available\na,no\n")
    writes = len(memory.writes())
    assert shop.stock("item_id,available\na,no\n").changed is False
    assert len(memory.writes()) == writes


def test_a_catalogue_row_told_later_takes_the_entrys_place_when_deployed(shop):
    shop.stock("item_id,price\na,8\nb,19\n")
    shop.catalogue("a,A,12,no")
    assert shop.told()["a"] == (None, 800), "not live yet"
    shop.deploy("green")
    assert shop.told()["a"] == (False, 1200)
    assert shop.told()["b"] == (None, 1900), "its row was not told anew"


def test_a_stock_line_told_after_the_catalogue_stays_over_later_deployments(shop):
    shop.catalogue("a,A,12,yes")
    shop.stock("item_id,price\na,8\n")
    shop.deploy("green")
    shop.deploy("blue")
    assert shop.told()["a"] == (None, 800)


def test_a_line_said_again_after_a_catalogue_row_is_the_newest(shop):
    shop.stock("item_id,price\na,8\n")
    shop.catalogue("a,A,12,yes")
    shop.stock("item_id,price\na,8\n")
    shop.deploy("green")
    assert shop.told()["a"][1] == 800


def test_an_entry_is_forgotten_once_every_release_says_the_same(shop):
    shop.stock("item_id,price\na,12\n")
    shop.catalogue("a,A,12,yes")
    shop.deploy("green")
    assert shop.told() == {"a": (True, 1200)}, "a rollback to red would show the old price"
    red = releases(shop.target, shop.project, clock=shop.clock)[-1]
    shop.target.delete_many([red.manifest])
    shop.deploy("blue")
    assert shop.told() == {}


def test_values_of_an_older_format_are_written_anew(shop, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(tables, "FORMAT", tables.FORMAT - 1)
        shop.stock("item_id,available\na,no\n")
    shop.deploy("green")
    head = read_head(shop.target, shop.project, shop.clock)
    values = read_values(shop.target, find(head.overlays, StockOverlay)[0])
    assert [tables.unpack(value)["format"] for value in values] == [tables.FORMAT]
    assert shop.told() == {"a": (False, None)}


def test_rollback_keeps_the_overlays(shop):
    shop.stock("item_id,available\na,no\n")
    shop.deploy("green")
    shop.now += timedelta(minutes=5)
    rollback(shop.target, shop.project, clock=shop.clock)
    assert shop.told()["a"][0] is False


def test_overlays_do_not_change_what_is_live_or_listed(shop):
    shop.deploy("green")
    before = [(one.release, one.state, one.at) for one in releases(shop.target, shop.project)]
    shop.stock("item_id,available\na,no\n")
    head = read_head(shop.target, shop.project, shop.clock)
    assert (head.live.release, head.previous.release, head.counter) == ("green", "red", 3)
    after = [(one.release, one.state, one.at) for one in releases(shop.target, shop.project)]
    assert after == before


def test_a_change_of_one_item_writes_one_value_of_many(shop):
    lines = "".join(f"sku-{number},{number}\n" for number in range(20_000))
    first = shop.stock(f"item_id,price\n{lines}")
    assert first.written > 3
    again = shop.stock("item_id,price\nsku-7,1\n")
    assert (again.written, again.stock) == (1, 20_000)
    head = read_head(shop.target, shop.project, shop.clock)
    values = read_values(shop.target, find(head.overlays, StockOverlay)[0])
    assert max(map(len, values)) <= MAX_VALUE_BYTES


def test_replaced_values_are_deleted_an_hour_later(shop, memory):
    shop.stock("item_id,available\na,no\n")
    old = {key for key in memory.values if key.startswith("s-")}
    shop.stock("item_id,available\nb,no\n")
    assert old <= set(memory.values)
    shop.now += timedelta(hours=2)
    shop.stock("item_id,available\nc,no\n")
    assert not old & set(memory.values)


def test_the_head_is_written_once_a_second_at_most(shop):
    waits = []
    change = lambda target, head: overlay_changes.switch(target, head, "home.hero", off=True)  # noqa: E731
    shop.now = START + timedelta(minutes=9)
    shop.change(change, sleep=waits.append)
    shop.now += timedelta(seconds=0.25)
    on = lambda target, head: overlay_changes.switch(target, head, "home.hero", off=False)  # noqa: E731
    shop.change(on, sleep=waits.append)
    assert waits == [pytest.approx(0.75)]


def test_a_change_waits_until_the_store_shows_the_last_head(shop, memory):
    shop.stock("item_id,available\na,no\n")
    old = memory.values["head"]
    shop.stock("item_id,available\nb,no\n")
    new, memory.values["head"] = memory.values["head"], old
    shop.now += timedelta(seconds=5)
    waits = []

    def shows_it_at_last(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            memory.values["head"] = new

    shop.change(off("home.hero"), sleep=shows_it_at_last)
    assert waits == [1.0, 1.0, 1.0]
    assert set(shop.told()) == {"a", "b"}


def test_a_change_waits_while_another_process_deploys(shop):
    held = ExitStack()
    held.enter_context(deployment_lock(shop.project, "cloudflare"))
    shop.change(off("home.hero"), sleep=lambda seconds: held.close())
    assert read_head(shop.target, shop.project, shop.clock).overlays


def test_a_dry_run_writes_nothing(shop, memory):
    writes = len(memory.writes())
    change = lambda target, head: overlay_changes.erase(target, head, "k1", [2**60])  # noqa: E731
    report = shop.change(change, dry_run=True)
    assert (report.changed, report.erased) == (True, 1)
    assert len(memory.writes()) == writes


def test_erased_visitors_add_up_by_key_id_and_never_leave(shop):
    for key_id, keys in (("k1", [1 << 60, 5 << 40]), ("k2", [7 << 50]), ("k1", [1 << 60, 3 << 20])):
        shop.change(lambda t, h, i=key_id, k=keys: overlay_changes.erase(t, h, i, k))
    head = read_head(shop.target, shop.project, shop.clock)
    found = {one.key_id: one for one in find(head.overlays, ErasedOverlay)}
    assert {key_id: one.count for key_id, one in found.items()} == {"k1": 3, "k2": 1}
    kept = read_erased_parts(read_values(shop.target, found["k1"]))
    assert kept.tolist() == sorted([1 << 60, 5 << 40, 3 << 20])


def test_slots_go_off_and_on_and_unknown_ones_are_refused(shop):
    shop.change(lambda t, h: overlay_changes.switch(t, h, "home.strip", off=True))
    shop.change(lambda t, h: overlay_changes.switch(t, h, "home.hero", off=True))
    head = read_head(shop.target, shop.project, shop.clock)
    assert find(head.overlays, OffOverlay)[0].slots == ("home.hero", "home.strip")
    shop.change(lambda t, h: overlay_changes.switch(t, h, "home.hero", off=False))
    assert shop.change(lambda t, h: overlay_changes.switch(t, h, "home.strip", off=False)).off == ()
    assert read_head(shop.target, shop.project, shop.clock).overlays == ()
    with pytest.raises(InputError, match=r"no slot 'home.heroo'\n.*'home.hero'"):
        shop.change(lambda t, h: overlay_changes.switch(t, h, "home.heroo", off=True))


def test_nothing_is_changed_before_the_first_deployment(target, project):
    with pytest.raises(InputError, match="run 'frontshelf deploy'"):
        change_overlays(target, project, lambda t, h: None)


def test_a_missing_value_is_said_and_replace_mends_it(shop, memory):
    shop.stock("item_id,available\na,no\n")
    for key in [key for key in memory.values if key.startswith("s-")]:
        del memory.values[key]
    with pytest.raises(PlatformError, match="--replace"):
        shop.stock("item_id,available\nb,no\n")
    shop.stock("item_id,available\nb,no\n", replace=True)
    assert shop.told() == {"b": (False, None)}


def test_records_of_overlays_do_not_grow_without_end(shop):
    file = record_file(shop.project, shop.target.name)
    filler = file.read_bytes().splitlines()[-1].replace(b'"deploy"', b'"overlay"') + b"\n"
    with file.open("ab") as stream:
        stream.write(filler * (MAX_BYTES // len(filler) + 1))
    shop.stock("item_id,available\na,no\n")
    assert file.stat().st_size < 2000
    assert [one.release for one in releases(shop.target, shop.project)] == ["red"]


@settings(deadline=None, max_examples=30)
@given(keys=st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_erased_keys_come_back_as_tables_hold_them(keys):
    parts = erased_parts(np.array(keys, dtype=np.uint64), "k1")
    wanted = sorted({key >> 16 << 16 for key in keys})
    assert read_erased_parts(value.data for value in parts.values).tolist() == wanted


def read(tmp_path: Path, text: str, name: str = "stock.csv", limit: float = 0.5):
    file = tmp_path / name
    file.write_text(text)
    return read_stock(file, "EUR", {}, limit)


def test_a_stock_file_may_be_csv_or_jsonl_with_major_or_minor_prices(tmp_path):
    csv = read(tmp_path, "item_id,available,price,currency\na,yes,12.90,\nb,0,1200,JPY\n")
    jsonl = read(
        tmp_path,
        '{"item_id": "a", "available": true, "price_minor": 1290}\n'
        '{"item_id": "b", "available": false, "price": 1200, "currency": "JPY"}\n',
        "stock.jsonl",
    )
    assert csv.lines == jsonl.lines
    assert (csv.lines["a"].price_minor, csv.lines["b"].price_minor) == (1290, 1200)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (",yes,1", "stock.csv:3: item_id: missing"),
        ("x,perhaps,1", "stock.csv:3: available: neither yes nor no ('perhaps')"),
        ("x,yes,cheap", "stock.csv:3: price: not a number ('cheap')"),
        ("x,yes,-1", "stock.csv:3: price: negative ('-1')"),
        ("x,yes,1e99", "stock.csv:3: price: implausibly large ('1e99')"),
        ("x,yes,NaN", "stock.csv:3: price: not a number ('NaN')"),
        ("x,,", "stock.csv:3: says neither available nor price"),
        ("x,yes", "stock.csv:3: 2 fields instead of 3"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_taken(tmp_path, line, said):
    found = read(tmp_path, f"item_id,available,price\na,yes,1\n{line}\n")
    assert list(found.lines) == ["a"]
    assert [tell_reject(one) for one in found.rejects] == [said]


def test_too_many_bad_lines_change_nothing(tmp_path):
    with pytest.raises(RejectedError, match=r"2 of 3 rows.*\n  stock.csv:2: available"):
        read(tmp_path, "item_id,available\na,maybe\nb,maybe\nc,yes\n", limit=0.1)


def test_a_file_without_stock_or_price_is_refused(tmp_path):
    with pytest.raises(InputError, match="no column available, price or price_minor"):
        read(tmp_path, "item_id,title\na,A\n")


def test_a_price_without_a_currency_is_in_the_items_own(shop, tmp_path):
    file = tmp_path / "yen.csv"
    file.write_text("item_id,title,price,currency\nd,D,900,JPY\n")
    shop.now += timedelta(minutes=1)
    ingest(shop.project, file, now=shop.now)
    shop.stock("item_id,price\nd,800\n")
    assert shop.told()["d"] == (None, 800)


def test_only_items_that_say_something_new_are_told_anew(shop):
    before = load_catalogue_stock(shop.project)
    shop.catalogue("a,A,10,yes", "b,B,21,yes")
    after = load_catalogue_stock(shop.project)
    assert after["a"].told_at == before["a"].told_at
    assert after["b"].told_at > before["b"].told_at
