"""Where one session ends and the next begins."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from toy_log import event, open_log

from control_plane.profiles.interest import load_interest
from control_plane.profiles.people import resolve_people
from control_plane.profiles.sessions import number_sessions
from control_plane.schema import ADDED, CLICKED, ORDERED, PAGE, VIEWED


def items_of_sessions(*events, gap_minutes=30):
    """Return the item ids of each session."""
    with open_log(events) as log:
        resolve_people(log)
        interest = load_interest(log, gap_minutes * 60)
    sessions = interest.sessions()
    names = np.array(interest.item_ids)[sessions.items]
    ends = zip(sessions.indptr[:-1], sessions.indptr[1:], strict=True)
    return ["".join(names[start:stop]) for start, stop in ends]


def test_a_session_is_what_its_source_says_however_long_the_pause():
    assert items_of_sessions(
        event("a", session="s"), event("b", session="s", at=600), event("c", session="t", at=1)
    ) == ["ab", "c"]


def test_without_a_session_id_half_an_hour_of_silence_ends_it():
    events = [event("a", user=1), event("b", user=1, at=30), event("c", user=1, at=61)]
    assert items_of_sessions(*events) == ["ab", "c"]


def test_a_page_view_between_keeps_a_session_going():
    events = [
        event("a", user=1),
        event(user=1, at=20, name=PAGE),
        event("b", user=1, at=40),
    ]
    assert items_of_sessions(*events) == ["ab"]


def test_two_people_with_the_same_session_id_have_two_sessions():
    assert items_of_sessions(event("a", user=1, session="1"), event("b", user=2, session="1")) == [
        "a",
        "b",
    ]


def test_events_of_nobody_without_a_session_stand_alone():
    assert items_of_sessions(event("a"), event("b")) == ["a", "b"]


def test_a_log_in_does_not_cut_the_session():
    assert items_of_sessions(
        event("a", device=5, session="s"), event("b", device=5, user=1, session="s", at=1)
    ) == ["ab"]


def test_bots_are_left_out():
    assert items_of_sessions(event("a", session="s"), event("b", session="s", bot=True)) == ["a"]


def test_refused_consent_still_counts_in_sessions():
    assert items_of_sessions(*[event(name, user=1, consent=()) for name in "ab"]) == ["ab"]


def test_every_line_of_an_order_is_a_step():
    assert items_of_sessions(event("a", "b", user=1, name=ORDERED)) == ["ab"]


def test_a_repeated_view_is_kept():
    assert items_of_sessions(event("a", user=1), event("a", user=1, at=1)) == ["aa"]


def test_a_click_then_the_view_it_led_to_then_the_cart_are_one_step():
    events = [event("a", user=1, name=name) for name in (CLICKED, VIEWED, ADDED)]
    assert items_of_sessions(*events, event("b", user=1)) == ["ab"]


def test_an_empty_log_has_no_session():
    assert items_of_sessions() == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 5000)), min_size=1))
def test_numbers_count_sessions_by_their_first_event_and_never_mix_people(rows):
    rows = sorted(rows, key=lambda row: row[2])
    person, session, seconds = (np.array(column) for column in zip(*rows, strict=True))
    numbers = number_sessions(
        person.astype(np.uint64), session.astype(np.uint64), seconds.astype(np.int64), 1800
    )
    firsts = list(dict.fromkeys(numbers.tolist()))
    assert firsts == list(range(len(firsts)))
    for number in firsts:
        mine = numbers == number
        assert len(set(person[mine])) == len(set(session[mine])) == 1
        if session[mine][0] == 0:
            assert (np.diff(seconds[mine]) <= 1800).all()
