"""Who an event belongs to, and whether it may feed what is learned about them."""

from __future__ import annotations

from toy_log import event, open_log

from control_plane.profiles.people import resolve_people, scripted_days


def resolved(*events):
    """Return (person, personal) of each event left, in time order."""
    with open_log(events) as log:
        resolve_people(log)
        return log.execute("SELECT person, personal FROM visits ORDER BY place").fetchall()


def test_a_user_is_the_person_whatever_the_device():
    assert resolved(event("a", device=1, user=9), event("a", device=2, user=9)) == [
        (9, True),
        (9, True),
    ]


def test_a_device_belongs_to_the_one_user_ever_seen_on_it_before_the_log_in_too():
    assert resolved(event("a", device=1), event("a", device=1, user=9)) == [(9, True), (9, True)]


def test_a_device_with_two_users_is_a_person_of_its_own():
    events = (event("a", device=1, user=8), event("a", device=1), event("a", device=1, user=9))
    assert [person for person, _ in resolved(*events)] == [8, 1, 9]


def test_a_device_without_users_is_a_person():
    assert resolved(event("a", device=1)) == [(1, True)]


def test_a_session_alone_is_nobody():
    assert resolved(event("a", session="s")) == [(None, True)]


def test_keys_of_64_bits_are_kept_whole():
    assert resolved(event("a", user=2**64 - 1)) == [(2**64 - 1, True)]


def test_bots_are_left_out_and_give_no_device_an_owner():
    assert resolved(event("a", device=1, user=9, bot=True), event("a", device=1)) == [(1, True)]


def test_a_refused_event_is_not_personal():
    assert resolved(event("a", user=9, consent=()), event("a", user=9)) == [(9, False), (9, True)]


def test_analytics_alone_is_not_personal():
    assert resolved(event("a", user=9, consent=("analytics",))) == [(9, False)]


def test_a_device_that_withdrew_takes_back_what_it_granted():
    assert resolved(event("a", device=1), event("a", device=1, at=9, consent=())) == [
        (1, False),
        (1, False),
    ]


def test_a_device_that_granted_later_gives_only_what_came_with_consent():
    assert resolved(event("a", device=1, consent=()), event("a", device=1, at=9)) == [
        (1, False),
        (1, True),
    ]


def test_a_withdrawal_on_one_device_leaves_the_other_alone():
    events = (
        event("a", device=1, user=9),
        event("a", device=2, user=9, at=1),
        event("a", device=2, user=9, at=2, consent=()),
    )
    assert [personal for _, personal in resolved(*events)] == [True, False, False]


def test_equal_times_keep_the_order_of_the_file():
    with open_log([event(name, user=1) for name in "cab"]) as log:
        resolve_people(log)
        rows = log.execute("SELECT lines[1].item_id FROM visits ORDER BY place").fetchall()
    assert [row[0] for row in rows] == ["c", "a", "b"]


def test_a_day_of_too_many_sessions_is_left_out_whole_and_no_other_day():
    script = [event("a", device=1, session=f"s{n}", at=n) for n in range(21)]
    other_day = event("a", device=1, session="t", at=24 * 60)
    with open_log([*script, other_day, event("a", device=2, session="s0")]) as log:
        assert resolve_people(log) == 2
        assert scripted_days(log) == (1, 21)
        assert resolve_people(log, daily_sessions=21) == 23
        assert scripted_days(log) == (0, 0)


def test_a_script_that_changes_devices_is_known_by_its_user():
    script = [event("a", device=n + 1, user=9, session=f"s{n}", at=n) for n in range(21)]
    assert resolved(*script) == []


def test_sessions_of_nobody_known_are_never_a_script():
    assert len(resolved(*[event("a", session=f"s{n}", at=n) for n in range(50)])) == 50


def test_many_events_of_one_session_are_no_script():
    assert len(resolved(*[event("a", user=1, session="s", at=n) for n in range(50)])) == 50
