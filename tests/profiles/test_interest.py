"""What counts as an interest in an item, and how it is numbered."""

from __future__ import annotations

import numpy as np
from toy_log import event, item, open_log

from control_plane.profiles.interest import CART, ORDER, VIEW, load_interest, newest_time
from control_plane.profiles.people import resolve_people
from control_plane.schema import ADDED, LISTED, ORDERED, REMOVED


def interest_in(*events, items=()):
    with open_log(events, items) as log:
        resolve_people(log)
        return load_interest(log, 1800)


def test_views_carts_and_orders_are_interest_and_lists_and_removals_are_not():
    events = [event("a", user=1, name=name) for name in ("Product Viewed", ADDED, ORDERED)]
    others = [event("b", user=1, name=name) for name in (LISTED, REMOVED, "Something Else")]
    interest = interest_in(*events, *others)
    assert interest.kind.tolist() == [VIEW, CART, ORDER]
    assert interest.item_ids == ["a", "b"]


def test_items_are_numbered_in_order_of_their_ids_with_the_catalogues():
    interest = interest_in(event("b", user=1), items=[item("é"), item("a"), item("B")])
    assert interest.item_ids == sorted(["b", "é", "a", "B"])
    assert interest.item_ids[interest.item[0]] == "b"


def test_a_line_without_an_item_is_no_interest():
    row = event("a", user=1)
    row["lines"][0]["item_id"] = None
    assert len(interest_in(row).item) == 0


def test_people_are_sorted_and_nobody_is_minus_one():
    interest = interest_in(event("a", user=9), event("a", user=2**63 + 1), event("a", session="s"))
    assert interest.people.tolist() == [9, 2**63 + 1]
    assert interest.person.tolist() == [0, 1, -1]
    assert interest.personal.tolist() == [True, True, False]


def test_countries_are_numbered_and_codes_are_capitals():
    interest = interest_in(
        event("a", user=1, country="fr"),
        event("a", user=1, country="United Kingdom"),
        event("a", user=1),
        event("a", user=1, country="FR"),
    )
    names = np.array(interest.countries)[interest.country]
    assert names.tolist() == ["FR", "United Kingdom", "", "FR"]


def test_the_newest_time_is_the_logs_and_none_when_it_is_empty():
    with open_log([event("a", at=90), event("a")]) as log:
        assert newest_time(log) == "2026-03-02T11:30:00Z"
    with open_log([]) as log:
        assert newest_time(log) is None
