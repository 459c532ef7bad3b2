"""What one visitor's script can do to others' shelves: nothing."""

from __future__ import annotations

import numpy as np
import pytest
from toy_log import event, open_log

from control_plane.models.learn import learn
from control_plane.models.recipe import Recipe
from control_plane.schema import ORDERED, VIEWED
from control_plane.settings import Train

DAY = 24 * 60
KINDS = ("hat", "shoe", "bag")
SCRIPT = 9_999
SHELF = 20
#: One real visitor met it next to the hat that most people met; the script wants it next to all.
PLANTED = "planted"
_TASTE = np.array([8, 7, 6, 5, 4, 3, 2.5, 2]) / 37.5
EVERY = [f"{kind}-{n}" for kind in KINDS for n in range(8)]


def real_visits():
    """Return the events of 900 visitors, a session each, within two months: each likes a kind."""
    random = np.random.default_rng(3)
    events = []
    for person in range(1, 901):
        kind = KINDS[person % 3]
        at = float(random.integers(0, 60)) * DAY + float(random.integers(0, 600))
        liked = [f"{kind}-{n}" for n in random.choice(8, 4, replace=False, p=_TASTE)]
        events += [event(name, user=person, at=at + n) for n, name in enumerate(liked)]
    first, last = event("hat-0", user=1000, at=0), event("hat-0", user=1001, at=61 * DAY)
    events += [first, event(PLANTED, user=1002, at=5), event("hat-0", user=1002, at=6), last]
    return events


def scripted(count, minutes_between, name=VIEWED):
    """Return sessions of one visitor who looks at a hat, and then at what is to be planted."""
    events = []
    for number in range(count):
        session = {"user": SCRIPT, "session": f"s{number}", "at": DAY + number * minutes_between}
        events += [event(f"hat-{number % 8}", **session)]
        events += [event(PLANTED, **session | {"at": session["at"] + 0.1}, name=name)]
    return events


def learned(events):
    in_time = sorted(events, key=lambda row: row["timestamp"])
    with open_log(in_time) as log:
        return learn(log, Train(), key_id="k1")


def shelf(model, item):
    """Return what the shelf of an item shows."""
    rows, number = model.neighbours, model.item_ids.index(item)
    start, stop = rows.indptr[number : number + 2]
    return [model.item_ids[near] for near in rows.items[start:stop]][:SHELF]


def scores(model):
    rows = model.neighbours
    return {
        item: rows.scores[rows.indptr[number] : rows.indptr[number + 1]].tobytes()
        for number, item in enumerate(model.item_ids)
    }


@pytest.fixture(scope="module")
def honest():
    return learned(real_visits())


@pytest.mark.parametrize("count", [50, 500])
def test_a_script_of_one_day_leaves_no_trace(honest, count):
    gamed = learned(real_visits() + scripted(count, 1))
    assert scores(gamed) == scores(honest)
    assert gamed.neighbours.items.tobytes() == honest.neighbours.items.tobytes()
    assert gamed.popular["all"].tobytes() == honest.popular["all"].tobytes()
    assert gamed.report["counts"]["scripted_events"] == 2 * count
    assert any("scripts" in warning for warning in gamed.report["warnings"])


@pytest.mark.parametrize(
    ("count", "minutes_between", "name"), [(50, DAY, VIEWED), (500, 100, ORDERED)]
)
def test_a_patient_script_changes_no_shelf_of_an_item_that_many_met(
    honest, count, minutes_between, name
):
    gamed = learned(real_visits() + scripted(count, minutes_between, name))
    popular = [item for item in EVERY if honest.item_events[honest.item_ids.index(item)] >= 100]
    assert len(popular) > 12
    assert {item: shelf(gamed, item) for item in popular} == {
        item: shelf(honest, item) for item in popular
    }
    assert gamed.report["counts"]["scripted_events"] == 0


def test_without_the_crowd_rule_a_patient_script_would_be_seen(honest):
    assert Recipe().crowd <= 100
    assert honest.report["session_table"]["pairs_of_one_person"] > 0
    small = [row for row in real_visits() if row["user"] % 40 == 1 or row["user"] > 1000]
    gamed = learned(small + scripted(50, DAY))
    assert PLANTED in shelf(gamed, "hat-0")
