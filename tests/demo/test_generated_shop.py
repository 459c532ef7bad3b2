"""The generated shop: the same from the same seed, believable, and true to what it hides."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from control_plane.collect.ingest import ingest
from control_plane.demo.dirt import DAMAGES
from control_plane.demo.sample import SampleShop, generate
from control_plane.demo.taxonomy import load_taxonomy
from control_plane.keyring import make_keys
from control_plane.rules.load import load_rules
from control_plane.settings import load_project

FILES = ("items.jsonl", "events.jsonl", "truth.json", "rules.yaml")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SampleShop:
    return generate(tmp_path_factory.mktemp("shop"), products=400, visitors=1500)


@pytest.fixture(scope="module")
def truth(shop: SampleShop) -> dict[str, Any]:
    return json.loads((shop.folder / "truth.json").read_bytes())


@pytest.fixture(scope="module")
def items(shop: SampleShop) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (shop.folder / "items.jsonl").read_bytes().splitlines()]


@pytest.fixture(scope="module")
def calls(shop: SampleShop, truth: dict[str, Any]) -> list[dict[str, Any]]:
    """All lines but the damaged and repeated ones."""
    left_out = {line for line, _ in truth["dirty"]} | set(truth["twice"])
    lines = (shop.folder / "events.jsonl").read_bytes().splitlines()
    return [json.loads(text) for line, text in enumerate(lines, 1) if line not in left_out]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        generate(tmp_path / str(turn), seed=seed, products=80, visitors=60).folder
        for turn, seed in enumerate((3, 3, 4))
    )
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert (first / "events.jsonl").read_bytes() != (other / "events.jsonl").read_bytes()


def test_it_has_as_many_products_as_were_asked_for(items: list[dict[str, Any]]) -> None:
    assert len(items) == len({item["item_id"] for item in items}) == 400
    assert {item["category"] for item in items} == {c.key for c in load_taxonomy().categories}


def test_fewer_products_than_categories_make_a_shop(tmp_path: Path) -> None:
    shop = generate(tmp_path, products=10, visitors=20)
    assert shop.products == 10
    assert shop.events > 0


def test_prices_stand_in_their_category_s_range(items: list[dict[str, Any]]) -> None:
    for item in items:
        shelf = load_taxonomy().category(item["category"])
        assert shelf is not None
        low, high = shelf.price
        assert 0.85 * low <= item["price"] <= 1.65 * high


def test_variants_share_a_group_and_a_name(items: list[dict[str, Any]]) -> None:
    groups = defaultdict(set)
    for item in items:
        groups[item["group_id"]].add(item["title"].partition(", ")[0])
    assert {len(names) for names in groups.values()} == {1}
    assert len(groups) < 0.6 * len(items)


def test_some_products_are_sold_out(items: list[dict[str, Any]]) -> None:
    assert 0 < sum(not item["available"] for item in items) < 0.15 * len(items)


def test_every_line_is_counted(shop: SampleShop, truth: dict[str, Any]) -> None:
    lines = (shop.folder / "events.jsonl").read_bytes().count(b"\n")
    assert lines == shop.lines == shop.events + shop.dirty + shop.twice == truth["lines"]
    assert sum(truth["events"].values()) == shop.events


def test_all_kinds_of_events_happen(truth: dict[str, Any]) -> None:
    events = truth["events"]
    assert set(events) == {
        "Page Viewed", "Product List Viewed", "Products Searched", "Product Viewed",
        "Product Added", "Checkout Started", "Order Completed", "Order Refunded",
    }  # fmt: skip
    steps = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")
    assert sorted((events[name] for name in steps), reverse=True) == [events[n] for n in steps]


def test_events_stand_in_order_of_time_within_their_days(tmp_path: Path) -> None:
    generate(tmp_path, products=80, visitors=400, days=5, end=date(2026, 3, 5))
    truth = json.loads((tmp_path / "truth.json").read_bytes())
    dirty = {line for line, _ in truth["dirty"]}
    lines = enumerate((tmp_path / "events.jsonl").read_bytes().splitlines(), 1)
    times = [json.loads(text)["timestamp"] for line, text in lines if line not in dirty]
    assert times == sorted(times)
    assert times[0] >= "2026-03-01"
    assert times[-1] < "2026-03-06"


def test_who_refuses_leaves_no_trail(calls: list[dict[str, Any]], truth: dict[str, Any]) -> None:
    refused = [
        call
        for call in calls
        if not (call["context"]["consent"]["personalization"]
                or call["context"]["consent"]["analytics"])
    ]  # fmt: skip
    names = Counter(call["anonymousId"] for call in refused)
    assert len(refused) > 100
    assert max(names.values()) == 1
    assert not any("userId" in call for call in refused)
    visitors = truth["visitors"]
    assert any(not v["personalization"] and not v["analytics"] for v in visitors)


def test_bots_say_what_they_are(calls: list[dict[str, Any]], truth: dict[str, Any]) -> None:
    bots = set(truth["bots"])
    agents = {call["context"]["userAgent"] for call in calls if call["anonymousId"] in bots}
    others = {call["context"]["userAgent"] for call in calls if call["anonymousId"] not in bots}
    assert agents
    assert not agents & others


def test_people_look_at_what_they_like(calls: list[dict[str, Any]], truth: dict[str, Any]) -> None:
    taste_of = {name: one["taste"] for one in truth["visitors"] for name in one["anonymous_ids"]}
    views = [
        (taste_of[call["anonymousId"]], truth["items"][call["properties"]["product_id"]])
        for call in calls
        if call.get("event") == "Product Viewed" and call["anonymousId"] in taste_of
    ]
    own = sum(taste == owner for taste, owner in views) / len(views)
    by_chance = sum(count**2 for count in Counter(o for _, o in views).values()) / len(views) ** 2
    assert own > 0.5 > 2 * by_chance


def test_ingest_takes_all_but_the_known_dirty_lines(
    shop: SampleShop, truth: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "frontshelf.toml").write_text("")
    make_keys(tmp_path / "keys")
    report = ingest(load_project(tmp_path, {}), shop.folder / "events.jsonl")
    assert (report.stored, report.rejected, report.duplicates) == (
        shop.events, len(truth["dirty"]), len(truth["twice"]),
    )  # fmt: skip
    assert {kind for _, kind in truth["dirty"]} == set(DAMAGES)


def test_the_sample_s_rules_are_accepted(shop: SampleShop, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_bytes((shop.folder / "rules.yaml").read_bytes())
    rules = load_rules(tmp_path)
    assert set(rules.slots) == {
        "home.hero", "home.recommended", "product.alike", "product.together", "cart.together",
        "category.recommended",
    }  # fmt: skip
