"""Conditions that place live visitors: right, compact, and honest about those they leave out."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from toy_log import event, item, open_log

from control_plane.conditions import check, evaluate
from control_plane.models.learn import learn
from control_plane.models.live import Column, States, session_states
from control_plane.models.surrogate import fit_surrogate
from control_plane.models.tree import Step, to_condition
from control_plane.profiles.interest import load_interest
from control_plane.profiles.people import resolve_people
from control_plane.rules.attributes import ATTRIBUTES
from control_plane.schema import ADDED, CLICKED, ORDERED
from control_plane.settings import Train

DAY = 24 * 60
TASTES = ("Shoes", "Hats", "Bags")
CATALOGUE = [item(f"{t}-{n}", f"{t} {n % 3}", 1000 + n) for t in TASTES for n in range(10)]


def visits(people: int, stray: float = 0.0):
    """Return visits of people who like one taste, and now and then look at another."""
    random = np.random.default_rng(5)
    events = []
    for person in range(1, people + 1):
        for day in random.integers(0, 60, 4):
            taste = TASTES[person % 3 if random.random() >= stray else random.integers(0, 3)]
            liked = [f"{taste}-{n}" for n in random.permutation(10)[:4]]
            at = float(day * DAY + random.integers(0, 600))
            events += [event(name, user=person, at=at + n) for n, name in enumerate(liked)]
    return sorted(events, key=lambda row: row["timestamp"])


def learned(events, **options):
    with open_log(events, CATALOGUE) as log:
        return learn(log, Train(), key_id="k1", **options)


def placed(model, **attributes):
    fits = [one.key for one in model.segments if one.when and evaluate(one.when, attributes)]
    return fits


@pytest.fixture(scope="module")
def model():
    return learned(visits(450, stray=0.1))


def test_a_session_among_shoes_is_placed_among_those_who_like_shoes(model):
    for taste in TASTES:
        session = {"categories": [f"{taste} 1"], "views": 1, "carts": 0, "orders": 0}
        (key,) = placed(model, session=session, hour=12, weekday=3)
        assert taste.lower() in key


def test_somebody_without_a_session_is_in_no_segment(model):
    empty = {"categories": [], "views": 0, "carts": 0, "orders": 0}
    assert placed(model, session=empty, hour=12, weekday=3) == []
    assert placed(model) == []


def test_the_conditions_are_ones_that_a_marketer_could_write(model):
    for segment in model.segments:
        assert check(segment.when, ATTRIBUTES) == []


def test_the_report_says_how_others_are_placed(model):
    live = model.report["live_segments"]
    assert live["visitors"] > 50
    assert live["placed_alike"] > 0.8
    shares = live["placed_alike"] + live["placed_otherwise"] + live["unplaced"]
    assert shares == pytest.approx(1, abs=0.001)
    assert {one["alternatives"] > 0 for one in live["segments"].values()} == {True}


def test_same_log_same_conditions():
    one, other = (learned(visits(90)) for _ in range(2))
    assert [s.when for s in one.segments] == [s.when for s in other.segments]
    assert one.report["live_segments"] == other.report["live_segments"]


def states_of(columns: list[Column], values: np.ndarray) -> States:
    count = len(values)
    return States(
        columns=tuple(columns),
        values=values.astype(np.float32),
        person=np.arange(count, dtype=np.int32),
        weight=np.ones(count),
        last=np.ones(count, dtype=bool),
        events=np.ones(count, dtype=np.int64),
        sessions=np.ones(count, dtype=np.int64),
    )


def test_what_cannot_be_told_is_left_in_no_segment():
    random = np.random.default_rng(1)
    label = random.integers(0, 2, 2000)
    hints = np.where(label == 1, random.random(2000) < 0.5, False)
    states = states_of([Column("device", ("mobile",)), Column("session.views")],
                       np.column_stack([hints, random.integers(1, 9, 2000)]))  # fmt: skip
    mixed = np.arange(2000, dtype=np.uint64)
    found = fit_surrogate(states, label, mixed, ["plain", "mobile-fans"], seed=7)
    assert found.conditions[1] == {"device": {"$in": ["mobile"]}, "session.views": {"$gte": 1}}
    assert found.report["segments"]["mobile-fans"]["precision"] == 1.0
    noise = fit_surrogate(states, random.integers(0, 2, 2000), mixed, ["a", "b"], seed=7)
    assert noise.report["unplaced"] > 0.9


def test_too_few_visitors_teach_nothing():
    states = states_of([Column("session.views")], np.ones((12, 1)))
    label = np.arange(12) % 2
    found = fit_surrogate(states, label, np.arange(12, dtype=np.uint64), ["a", "b"], seed=7)
    assert found.conditions == [None, None]
    nobody = fit_surrogate(states_of([], np.zeros((0, 0))), label[:0], label[:0].astype(np.uint64),
                           [], seed=7)  # fmt: skip
    assert nobody.report["visitors"] == 0


def test_a_way_down_the_tree_becomes_one_condition():
    columns = (
        Column("session.views"),
        Column("session.categories", ("a", "b")),
        Column("session.categories", ("b",)),
        Column("session.categories", ("c",)),
        Column("country", ("FR",)),
    )
    steps = [
        Step(0, 1.5, True),
        Step(0, 6.5, False),
        Step(0, 2.5, True),
        Step(1, 0.5, True),
        Step(2, 0.5, False),
        Step(3, 0.5, True),
        Step(4, 0.5, False),
    ]
    assert to_condition(columns, steps) == {
        "country": {"$nin": ["FR"]},
        "session.categories": {"$in": ["a"], "$nin": ["b"]},
        "session.views": {"$gte": 3, "$lt": 7},
        "$and": [{"session.categories": {"$in": ["c"]}}],
    }


def test_states_are_what_the_edge_would_see():
    rows = [
        event("Hats-0", user=1, at=0),
        event("Hats-0", user=1, at=1, name=CLICKED),
        event("Shoes-1", user=1, at=2, name=ADDED),
        event("Hats-0", "Bags-2", user=1, at=3, name=ORDERED),
        event("Bags-0", user=2, at=600, consent=()),
    ]
    context = [("country", "FR"), ("device", "Smartphone"), ("utm_source", "mail")]
    rows = [row | {"context": context} for row in rows]
    with open_log(rows, CATALOGUE) as log:
        seen = states(log)
    ends = [row for row, last in zip(seen, states.last, strict=True) if last]
    assert ends == [
        {
            "session.views": 1, "session.carts": 1, "session.orders": 1, "hour": 11, "weekday": 1,
            "session.categories": ["Bags 2", "Hats 0", "Shoes 1"], "country": ["FR"],
            "device": ["mobile"], "utm.source": ["mail"],
        }
    ]  # fmt: skip


def states(log: duckdb.DuckDBPyConnection) -> list[dict]:
    resolve_people(log)
    interest = load_interest(log, 1800)
    found = session_states(log, interest, "Europe/Paris", interest.personal)
    states.last = found.last
    told = []
    for values in found.values.tolist():
        row: dict = {}
        for column, value in zip(found.columns, values, strict=True):
            if column.values:
                row.setdefault(column.attribute, []).extend(column.values if value else ())
            else:
                row[column.attribute] = int(value)
        told.append({key: sorted(v) if isinstance(v, list) else v for key, v in row.items()})
    return told
