"""What rises against its own past, and what only looks as if it did."""

from __future__ import annotations

from itertools import count

from toy_log import event, open_log

from control_plane.models.popular import FEWEST_PEOPLE
from control_plane.models.trends import trending_lists
from control_plane.profiles.interest import load_interest
from control_plane.profiles.people import resolve_people

DAY = 24 * 60
DEVICES = count(1)


def lists(events: list[dict], limit: int = 10) -> dict[str, list[str]]:
    with open_log(sorted(events, key=lambda row: row["timestamp"])) as log:
        resolve_people(log)
        interest = load_interest(log, 1800)
    found = trending_lists(interest, limit)
    return {key: [interest.item_ids[item] for item in items] for key, items in found.items()}


def daily(item: str, days: range, people: int, **context: str) -> list[dict]:
    """Return views of `people` other people each day."""
    return [
        event(item, device=next(DEVICES), at=day * DAY, **context)
        for day in days
        for _ in range(people)
    ]


def test_what_is_wanted_more_than_before_trends_and_the_bestseller_does_not():
    events = daily("bestseller", range(60), 40)
    events += daily("rising", range(58), 3) + daily("rising", range(58, 60), 25)
    assert lists(events) == {"trending": ["rising"]}


def test_two_views_that_become_four_are_no_trend():
    events = daily("bestseller", range(60), 40)
    events += daily("small", range(58), 2) + daily("small", range(58, 60), 4)
    assert lists(events) == {}


def test_a_shop_that_is_busier_as_a_whole_has_no_trend():
    events = [
        view
        for item in ("a", "b", "c")
        for view in daily(item, range(58), 10) + daily(item, range(58, 60), 40)
    ]
    assert lists(events) == {}


def test_a_new_item_that_many_look_at_trends():
    events = daily("bestseller", range(60), 40) + daily("launch", range(58, 60), 30)
    assert lists(events)["trending"] == ["launch"]


def test_one_visitor_makes_no_trend_however_busy():
    events = daily("bestseller", range(60), 40)
    events += [event("planted", user=7, at=59 * DAY - n, session=f"s{n}") for n in range(500)]
    assert lists(events) == {}


def test_the_steepest_comes_first():
    events = daily("bestseller", range(60), 40)
    events += daily("steep", range(58, 60), 60) + daily("slow", range(58, 60), 25)
    assert lists(events)["trending"] == ["steep", "slow"]
    assert lists(events, limit=1)["trending"] == ["steep"]


def test_a_country_with_a_crowd_has_trends_of_its_own():
    events = daily("bestseller", range(60), 20, country="FR")
    events += daily("bestseller", range(60), 20, country="DE")
    events += daily("hat", range(58, 60), 30, country="FR")
    events += daily("coat", range(58, 60), 20, country="DE")
    few = daily("boots", range(58, 60), (FEWEST_PEOPLE - 2) // 2, country="IT")
    found = lists(events + few)
    assert found["trending:FR"] == ["hat"]
    assert found["trending:DE"] == ["coat"]
    assert "trending:IT" not in found
    assert found["trending"][0] == "hat"


def test_time_is_the_logs_own():
    events = daily("bestseller", range(60), 40) + daily("launch", range(58, 60), 30)
    later = [row | {"timestamp": row["timestamp"].replace(year=2031)} for row in events]
    assert lists(events) == lists(later)


def test_a_single_day_and_an_empty_log_have_no_trend():
    assert lists(daily("a", range(1), 60)) == {}
    assert lists([]) == {}
