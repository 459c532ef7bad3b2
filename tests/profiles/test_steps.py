"""Sessions' steps as an expression are those that the arrays give."""

from __future__ import annotations

from toy_log import event, open_log

from control_plane.collect.engine.duck import DuckEngine
from control_plane.profiles.people import resolve_people
from control_plane.profiles.steps import session_lists
from control_plane.schema import ADDED


def steps_of(*events):
    with open_log(events) as log:
        engine = DuckEngine(log)
        resolve_people(log, engine=engine)
        log.execute(
            "CREATE TABLE numbers AS SELECT chr(97 + i::INT) item_id, i item FROM range(9) t(i)"
        )
        acts, numbers = engine.table("acts"), engine.table("numbers")
        engine.keep("sessions", session_lists(acts, numbers, 1800))
        query = """
            SELECT person, part, told.step, told.item, told.kind, length
            FROM (SELECT *, len(steps) AS length, unnest(steps) AS told FROM sessions) ORDER BY ALL
            """
        return log.execute(query).fetchall()


def test_half_an_hour_of_silence_parts_two_sessions():
    found = steps_of(event("a", user=1), event("b", user=1, at=30), event("c", user=1, at=61))
    assert found == [(1, 0, 1, 0, 0, 2), (1, 0, 2, 1, 0, 2), (1, 1, 1, 2, 0, 1)]


def test_a_view_and_the_cart_that_follows_are_one_step_as_strong_as_the_cart():
    found = steps_of(
        event("a", user=1), event("a", user=1, at=1, name=ADDED), event("b", user=1, at=2)
    )
    assert found == [(1, 0, 1, 0, 1, 2), (1, 0, 2, 1, 0, 2)]


def test_the_same_event_twice_is_two_steps():
    assert len(steps_of(event("a", user=1), event("a", user=1, at=1))) == 2


def test_each_event_of_nobody_known_is_a_session_of_its_own():
    found = steps_of(event("a", "b"), event("c", at=1))
    assert sorted(row[-1] for row in found) == [1, 2, 2]
