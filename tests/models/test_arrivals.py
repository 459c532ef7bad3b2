"""What is new, by the catalogue's word or by the first events; and that it gets its turn."""

from __future__ import annotations

from datetime import UTC, timedelta
from itertools import count

import numpy as np
from toy_log import START, event, item, open_log

from control_plane.models.arrivals import add_newcomers, new_items
from control_plane.models.catalogue import read_catalogue
from control_plane.models.variants import pool, product_leaders
from control_plane.profiles.interest import load_interest
from control_plane.profiles.people import resolve_people

DAY = 24 * 60
DAY_SECONDS = 86_400
DEVICES = count(1)
LAST_DAY = 90


def told(item_id: str, day: int, **more) -> dict:
    """Return a row of the catalogue that was added on a day of the log."""
    at = (START + timedelta(days=day)).replace(tzinfo=UTC)
    return item(item_id, added_at=int(at.timestamp() * 1000), **more)


def viewed(name: str, days, people: int = 1) -> list[dict]:
    return [event(name, device=next(DEVICES), at=day * DAY) for day in days for _ in range(people)]


def new(events: list[dict], catalogue: list[dict], limit: int = 50) -> list[str]:
    """Return the new items' ids; somebody comes on the first and the last day."""
    events = [*events, *viewed("old", [0, LAST_DAY])]
    with open_log(sorted(events, key=lambda row: row["timestamp"]), catalogue) as log:
        resolve_people(log)
        interest = load_interest(log, 1800)
        known = read_catalogue(log, interest.item_ids)
    events_of = np.bincount(interest.item, minlength=len(interest.item_ids))
    leader = product_leaders(known, events_of)
    found = new_items(pool(interest, leader), known.added, leader, limit)
    return [interest.item_ids[number] for number in found]


def test_what_the_catalogue_told_of_lately_is_new_even_if_nobody_has_seen_it():
    catalogue = [told("old", 0), told("spring", 85), told("winter", 40)]
    assert new([], catalogue) == ["spring"]


def test_what_a_shop_began_with_is_not_its_news():
    assert new([], [told(name, 88) for name in "abc"]) == []
    assert new([], [*(told(name, 80) for name in "abc"), told("d", 88)]) == ["d"]


def test_items_from_before_their_time_was_kept_are_not_new_and_later_ones_are():
    assert new([], [item("a", added_at=0), item("old", added_at=0), told("b", 88)]) == ["b"]


def test_a_catalogue_loaded_long_after_its_events_has_its_own_now():
    catalogue = [told("old", 2000), told("b", 2100), told("c", 2140)]
    assert new([], catalogue) == ["c"]


def test_without_a_catalogue_first_events_tell_unless_chance_would_too():
    events = (
        viewed("launched", range(80, 90), 2) + viewed("rare", [85]) + viewed("few", [80, 85, 88])
    )
    events += viewed("steady", range(0, 90, 5))
    assert new(events, []) == ["launched"]


def test_what_the_catalogue_has_long_known_is_not_new_for_being_found_at_last():
    assert new(viewed("hidden", range(80, 90), 2), [told("old", 0), told("hidden", 1)]) == []


def test_the_most_wanted_a_day_comes_first_and_every_third_place_is_for_an_unknown():
    catalogue = [told("old", 0)]
    catalogue += [told(f"liked-{n}", 80) for n in range(4)]
    catalogue += [told(f"unseen-{n}", 80 + n) for n in range(4)]
    events = [view for n in range(4) for view in viewed(f"liked-{n}", range(81, 90), 9 - 2 * n)]
    found = new(events, catalogue)
    assert found[:6] == ["liked-0", "liked-1", "unseen-3", "liked-2", "liked-3", "unseen-2"]
    assert sorted(found) == sorted(one["item_id"] for one in catalogue[1:])


def test_a_new_variant_of_an_old_product_is_not_new_and_a_new_product_stands_once():
    catalogue = [told("old", 0), told("shirt-s", 0, group_id="shirt")]
    catalogue += [told("shirt-m", 88, group_id="shirt")]
    catalogue += [told("coat-s", 88, group_id="coat"), told("coat-m", 88, group_id="coat")]
    assert new(viewed("coat-m", [89], 3), catalogue) == ["coat-m"]


def test_a_log_of_a_few_days_says_nothing_of_what_is_new():
    events = viewed("a", [0, 1, 2, 3], 9) + viewed("b", [3], 30)
    with open_log(sorted(events, key=lambda row: row["timestamp"])) as log:
        resolve_people(log)
        interest = load_interest(log, 1800)
    assert new_items(interest, np.full(2, -1), np.arange(2, dtype=np.int32), 10).tolist() == []


def test_lists_are_cut_and_an_empty_shop_has_none():
    catalogue = [told("old", 0), *(told(f"n{n:02}", 85) for n in range(30))]
    assert len(new([], catalogue, limit=12)) == 12
    assert new_items_of_nothing() == []


def new_items_of_nothing() -> list[int]:
    with open_log([]) as log:
        resolve_people(log)
        interest = load_interest(log, 1800)
    return new_items(interest, np.zeros(0, np.int64), np.zeros(0, np.int32), 10).tolist()


def test_what_the_catalogue_tells_of_after_training_takes_its_turns_at_once():
    hour = 3_600
    added = np.array([100 * DAY_SECONDS] * 3 + [200 * DAY_SECONDS] * 3)
    added[3:] += np.array([0, hour, 0])
    # 4 is a variant of 3, and 5 of what was there before.
    leader = np.array([0, 1, 2, 4, 4, 2], dtype=np.int32)
    learned = np.array([1, 0], dtype=np.int32)
    found = add_newcomers(learned, added, leader, 199 * DAY_SECONDS, 3)
    assert found.tolist() == [1, 0, 4]


def test_a_catalogue_that_first_comes_after_training_is_no_news():
    added = np.array([-1, -1, 9 * DAY_SECONDS, 9 * DAY_SECONDS])
    itself = np.arange(4, dtype=np.int32)
    assert add_newcomers(itself[:0], added, itself, 8 * DAY_SECONDS, 2).tolist() == []
