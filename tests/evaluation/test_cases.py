"""Which moments are tested, from a log that anyone can read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

import numpy as np
from toy_log import START, event, item, open_log

from control_plane.evaluation.cases import (
    ARRIVAL,
    arrival_cases,
    past_of,
    product_numbers,
    session_cases,
    unseen,
)
from control_plane.models.artifacts import Sets
from control_plane.profiles.interest import Interest, load_interest
from control_plane.profiles.people import resolve_people
from control_plane.schema import ADDED

DAY = 24 * 60


def interest_of(events: Iterable[dict[str, Any]], items: Iterable[dict[str, Any]] = ()) -> Interest:
    log = open_log(events, items)
    resolve_people(log)
    return load_interest(log, 1800)


def at(minutes: float) -> int:
    return int(START.replace(tzinfo=UTC).timestamp() + 60 * minutes)


def each(interest: Interest, sets: Sets) -> list[list[str]]:
    ids = interest.item_ids
    ends = zip(sets.indptr[:-1], sets.indptr[1:], strict=True)
    return [[ids[item] for item in sets.items[a:b]] for a, b in ends]


def own(interest: Interest) -> np.ndarray:
    return np.arange(len(interest.item_ids), dtype=np.int32)


TWO_DAYS = [
    event("a", at=0, user=1),
    event("b", at=1, user=1),
    event("b", at=DAY, user=1),
    event("c", at=DAY + 1, user=1),
    event("c", at=DAY + 2, user=1, name=ADDED),
    event("a", at=DAY + 3, user=1),
    event("a", at=DAY, session="s"),
    event("d", at=DAY + 1, session="s"),
    event("d", at=DAY, user=2),
]


def test_each_next_step_of_a_new_session_is_a_case() -> None:
    interest = interest_of(TWO_DAYS)
    cases = session_cases(interest, own(interest), at(DAY), 100, 7)
    assert each(interest, cases.history) == [["b"], ["b", "c"], ["a"]]
    assert each(interest, cases.wanted) == [["c"], ["a"], ["d"]]
    assert each(interest, cases.later) == [["a", "c"], ["a"], ["d"]]
    assert cases.person.tolist() == [1, 1, 0]
    assert cases.unit[0] == cases.unit[1] != cases.unit[2]


def test_a_session_that_began_before_the_cut_is_no_case() -> None:
    interest = interest_of(TWO_DAYS)
    cases = session_cases(interest, own(interest), at(DAY + 0.5), 100, 7)
    assert len(cases) == 0


def test_whole_sessions_are_drawn_when_there_are_too_many() -> None:
    log = [event(f"i{n % 7}", at=n, user=1 + n // 4) for n in range(400)]
    interest = interest_of(log)
    cases = session_cases(interest, own(interest), at(0), 30, 7)
    assert 30 <= len(cases) <= 33
    assert (np.unique(cases.unit, return_counts=True)[1] == 3).all()
    again = session_cases(interest, own(interest), at(0), 30, 7)
    assert again.unit.tolist() == cases.unit.tolist()


def test_on_arrival_all_that_a_known_visitor_came_for_is_wanted() -> None:
    interest = interest_of(TWO_DAYS)
    cases = arrival_cases(interest, own(interest), at(DAY), np.array([1], dtype=np.uint64))
    assert cases.situation == ARRIVAL
    assert each(interest, cases.wanted) == [["a", "b", "c"]]
    assert each(interest, cases.history) == [[]]


def test_what_is_new_leaves_out_what_was_met_before_or_in_this_session() -> None:
    interest = interest_of(TWO_DAYS)
    past = past_of(interest, own(interest), at(DAY))
    cases = session_cases(interest, own(interest), at(DAY), 100, 7)
    assert each(interest, past.of(cases)) == [["a", "b"], ["a", "b"], []]
    new = unseen(cases, past.of(cases))
    assert each(interest, new.wanted) == [["c"], ["d"]]


def test_variants_of_one_product_count_as_one() -> None:
    items = [item("boot-blue"), item("boot-red"), item("hat")]
    for row, group in zip(items, ("boot", "boot", None), strict=True):
        row["group_id"] = group
    log = open_log([event("boot-red", user=1), event("hat", at=1, user=1)], items)
    numbers = product_numbers(log, ["boot-blue", "boot-red", "hat", "unlisted"])
    assert numbers.tolist() == [0, 0, 2, 3]
