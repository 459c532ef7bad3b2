"""Pin, boost, bury and diversity, as a marketer writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_shop import HATS, SHOES, World, make_project, start_worker, views


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    project = make_project(tmp_path_factory.mktemp("merchant"))
    with start_worker(project) as worker:
        yield World(project, worker)


def shelf(world: World, items: str, **body: object) -> list[str]:
    """Deploy one shelf and return what stands on it."""
    world.project.rules.write_text(
        f"content: {{a: {{items: {{{items}}}}}}}\nslots: {{s: {{default: a}}}}\n"
    )
    world.publish()
    return world.decide("s", **body)["decisions"]["s"]["items"]


def test_a_boosted_category_comes_before_what_was_better(world: World) -> None:
    plain = shelf(world, "from: popular, limit: 6")
    assert plain == HATS
    boosted = shelf(world, "from: popular, limit: 6, boost: {category: shoes, by: 50}")
    assert boosted == [shoe for shoe in SHOES if shoe not in ("shoe-1", "shoe-5")] + HATS[:2]


def test_a_buried_item_stands_last_and_is_still_there(world: World) -> None:
    buried = shelf(world, "from: popular, limit: 12, bury: {items: [hat-0], by: 100}")
    assert buried[-1] == "hat-0"


def test_a_boosted_sku_enters_where_it_was_no_candidate(world: World) -> None:
    session = views("shoe-3")
    assert not set(HATS) & set(shelf(world, "from: session, limit: 9", session=session))
    entered = shelf(
        world, "from: session, limit: 9, boost: {items: [hat-4, hat-2], by: 1}", session=session
    )
    assert entered[-2:] == ["hat-4", "hat-2"]
    top = shelf(world, "from: session, boost: {items: [hat-4], by: 900}", session=session)
    assert top[0] == "hat-4"


def test_a_boosted_sku_does_not_fill_a_stage_that_has_nothing(world: World) -> None:
    items = "from: [session, popular], limit: 3, boost: {items: [shoe-4], by: 30}"
    assert shelf(world, items) == ["shoe-4", "hat-0", "hat-1"]
    assert world.decide("s")["decisions"]["s"]["reason"] == "popular"


def test_prices_are_compared_in_whole_units(world: World) -> None:
    assert shelf(world, "from: popular, limit: 1, bury: {price: {$lt: 13}, by: 9}, pin: []") == [
        "hat-0"
    ]
    items = "from: popular, limit: 1, boost: {price: {$gt: 12.8, $lt: 13}, category: shoes, by: 90}"
    assert shelf(world, items) == ["shoe-0"]


def test_variants_of_one_product_do_not_stand_side_by_side(world: World) -> None:
    shown = shelf(world, "from: popular, limit: 12")
    assert "shoe-0" in shown
    assert "shoe-1" not in shown
    both = shelf(world, "from: popular, limit: 12, diversity: {group: 2}")
    assert {"shoe-0", "shoe-1"} <= set(both)


def test_a_pinned_item_is_left_out_like_any_other(world: World) -> None:
    pin = "from: popular, limit: 3, pin: [shoe-5, hat-3, shoe-0, nowhere, hat-5]"
    assert shelf(world, pin) == ["hat-3", "shoe-0", "hat-5"]
    session = {"events": [{"event": "cart", "item": "hat-3"}]}
    shown = shelf(world, pin, session=session, page={"item": "shoe-1"})
    assert shown == ["hat-5", "hat-0", "hat-1"], "in the cart, and a variant of the page's item"


def test_without_its_weights_a_shelf_is_as_it_was(world: World, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with start_worker(project) as worker:
        fresh = World(project, worker)
        boost = "from: popular, limit: 6, boost: {category: shoes, by: 50}"
        assert shelf(fresh, boost)[0] == "shoe-0"
        (key,) = [key.name for key in fresh.kv.list(prefix="w-").keys]
        fresh.kv.delete(key)
    with start_worker(project) as worker:
        cold = World(project, worker)
        cold.publish()
        cold.kv.delete(key)
        assert cold.decide("s")["decisions"]["s"]["items"] == HATS


def test_many_different_factors_are_told_apart(world: World) -> None:
    shuffled = [*SHOES[2:5], *HATS]
    many = [{"items": [item], "by": 40 + n} for n, item in enumerate(reversed(shuffled))]
    shown = shelf(world, f"from: popular, limit: 9, boost: {json.dumps(many)}")
    expected = sorted(
        shuffled,
        key=lambda item: -(40 + shuffled[::-1].index(item)) / (1 + [*HATS, *SHOES].index(item)),
    )
    assert shown == expected
