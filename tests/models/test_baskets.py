"""What stands in a row of things that are bought together, and what does not."""

from __future__ import annotations

import numpy as np
from toy_log import event, open_log

from control_plane.models.artifacts import Rows
from control_plane.models.baskets import also_bought
from control_plane.models.purchases import gather_purchases
from control_plane.profiles.interest import load_interest
from control_plane.profiles.people import resolve_people
from control_plane.schema import ADDED, ORDERED

DAY = 24 * 60


def bought_with(events: list[dict], limit: int = 10) -> dict[str, dict[str, float]]:
    """Return item -> the items bought with it, best first, with their scores."""
    with open_log(events) as log:
        resolve_people(log)
        interest = load_interest(log, 1800)
    ids = interest.item_ids
    rows = also_bought(gather_purchases(interest), len(ids), limit)
    return {name: row_of(rows, ids, number) for number, name in enumerate(ids)}


def row_of(rows: Rows, ids: list[str], number: int) -> dict[str, float]:
    row = slice(rows.indptr[number], rows.indptr[number + 1])
    return {ids[i]: float(s) for i, s in zip(rows.items[row], rows.scores[row], strict=True)}


def order(*items: str, user: int, at: float = 0, name: str = ORDERED, **more) -> dict:
    return event(*items, user=user, at=at, name=name, **more)


def test_what_one_order_holds_stands_in_each_others_row():
    found = bought_with([order("camera", "film", user=1), order("book", user=2)])
    assert list(found["camera"]) == ["film"]
    assert list(found["film"]) == ["camera"]
    assert found["book"] == {}


def test_what_was_only_looked_at_does_not_count():
    events = [event("camera", user=1), event("film", user=1, at=1)]
    assert bought_with(events) == {"camera": {}, "film": {}}


def test_one_who_buys_the_same_again_and_again_counts_once():
    weekly = [order("tea", "salt", user=1, at=7 * DAY * week) for week in range(20)]
    others = [order("tea", "biscuits", user=user) for user in (2, 3)]
    assert bought_with(others + weekly) == bought_with([*others, weekly[-1]])


def test_fifty_orders_of_one_visitor_move_no_row_that_many_share():
    real = [order("tea", "biscuits", user=user) for user in range(1, 41)]
    real += [order("tea", "honey", user=user) for user in range(41, 61)]
    spam = [order("tea", "junk", user=999, at=n) for n in range(50)]
    assert list(bought_with(real + spam)["tea"]) == ["biscuits", "honey", "junk"]
    assert list(bought_with(real)["tea"]) == ["biscuits", "honey"]


def test_a_bestseller_does_not_stand_before_what_belongs_together():
    events = [order("bag", user=user) for user in range(100, 300)]
    for user in range(1, 11):
        events.append(order("camera", *(["film"] if user <= 8 else []), "bag", user=user))
    assert next(iter(bought_with(events)["camera"])) == "film"


def test_a_cart_counts_less_than_an_order():
    events = [order("a", "b", user=1), order("a", user=2, name=ADDED)]
    events.append(order("c", user=2, at=1, name=ADDED))
    assert list(bought_with(events)["a"]) == ["b", "c"]


def test_what_went_from_the_cart_into_the_order_counts_as_ordered_once():
    cart = [order(name, user=1, at=at, name=ADDED) for at, name in enumerate("ab")]
    both = bought_with([*cart, order("a", "b", user=1, at=5)])
    assert both == bought_with([order("a", "b", user=1, at=5)])


def test_orders_of_one_month_pair_the_less_the_further_apart_and_later_ones_do_not():
    events = [order("tent", user=1), order("stove", user=1, at=2 * DAY)]
    events += [order("lamp", user=1, at=20 * DAY), order("sofa", user=1, at=60 * DAY)]
    found = bought_with(events)
    assert list(found["tent"]) == ["stove", "lamp"]
    assert found["sofa"] == {}


def test_sessions_of_one_who_did_not_consent_are_not_brought_together():
    events = [order("tent", "rope", user=1, consent=()), order("stove", user=1, at=DAY, consent=())]
    found = bought_with(events)
    assert list(found["tent"]) == ["rope"]
    assert found["stove"] == {}


def test_sessions_of_nobody_known_count_like_people():
    events = [
        event("camera", "film", session=f"s{number}", name=ORDERED, at=number)
        for number in range(3)
    ]
    assert list(bought_with(events)["film"]) == ["camera"]


def test_rows_are_cut_and_an_empty_log_has_none():
    everything = [order(*"abcdefg", user=user) for user in (1, 2)]
    assert all(len(row) == 3 for row in bought_with(everything, limit=3).values())
    assert bought_with([]) == {}


def test_blocks_of_purchases_change_nothing(monkeypatch):
    random = np.random.default_rng(3)
    events = []
    for at in range(120):
        basket = [f"i{n}" for n in random.choice(20, random.integers(1, 6), replace=False)]
        events.append(order(*basket, user=int(random.integers(1, 40)), at=float(at * 300)))
    whole = bought_with(events)
    monkeypatch.setattr("control_plane.models.baskets._BLOCK_PURCHASES", 7)
    assert bought_with(events) == whole
