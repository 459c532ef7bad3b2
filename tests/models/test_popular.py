"""Which items are popular, where and with whom."""

from __future__ import annotations

import numpy as np
from toy_log import event, open_log

from control_plane.models.popular import FEWEST_PEOPLE, popular_lists
from control_plane.profiles.interest import load_interest
from control_plane.profiles.people import resolve_people
from control_plane.schema import ADDED, ORDERED

DAY = 24 * 60


def lists(events, limit=10, segments=None):
    """Return popular item ids by list."""
    with open_log(events) as log:
        resolve_people(log)
        interest = load_interest(log, 1800)
    members = {
        key: np.searchsorted(interest.people, np.array(people, dtype=np.uint64)).astype(np.int32)
        for key, people in (segments or {}).items()
    }
    found = popular_lists(interest, limit, members)
    return {key: [interest.item_ids[item] for item in items] for key, items in found.items()}


def test_people_are_counted_not_their_clicks():
    events = [event("loud", user=1) for _ in range(50)]
    events += [event("liked", user=user) for user in (2, 3)]
    assert lists(events)["all"] == ["liked", "loud"]


def test_sessions_of_nobody_count_like_people():
    events = [event("a", session="s"), event("b", session="t"), event("b", session="u")]
    assert lists(events)["all"] == ["b", "a"]


def test_an_order_weighs_more_than_a_cart_and_a_cart_more_than_a_view():
    events = [event("a", user=1), event("b", user=2, name=ADDED), event("c", user=3, name=ORDERED)]
    assert lists(events)["all"] == ["c", "b", "a"]


def test_last_month_is_worth_less_than_today():
    events = [event("old", user=user) for user in (1, 2)]
    events += [event("new", user=3, at=30 * DAY)]
    assert lists(events)["all"] == ["new", "old"]


def test_refused_consent_counts_overall():
    assert lists([event("a", user=1, consent=())])["all"] == ["a"]


def test_a_country_of_enough_people_has_a_list_and_a_small_one_none():
    events = [event("a", user=1 + n, country="FR") for n in range(FEWEST_PEOPLE)]
    events += [event("b", user=1000 + n, country="DE") for n in range(FEWEST_PEOPLE - 1)]
    found = lists(events)
    assert found["country:FR"] == ["a"]
    assert "country:DE" not in found
    assert "country:" not in found


def test_a_segments_list_is_its_members_own_and_counts_consenting_events_only():
    members = range(1, 1 + FEWEST_PEOPLE)
    events = [event("theirs", user=user) for user in members]
    events += [event("refused", user=user, consent=()) for user in members]
    events += [event("others", user=user) for user in range(1000, 1200)]
    found = lists(events, segments={"fans": members, "few": range(1, FEWEST_PEOPLE)})
    assert found["segment:fans"] == ["theirs"]
    assert "segment:few" not in found
    assert found["all"][0] == "others"


def test_lists_are_cut_and_ties_go_by_item_id():
    assert lists([event(name, user=1) for name in "dbca"], limit=3)["all"] == ["a", "b", "c"]


def test_an_empty_log_has_an_empty_list():
    assert lists([]) == {"all": []}
