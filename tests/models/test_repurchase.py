"""What visitors buy again: where customers rebuy, what, and in which order."""

from __future__ import annotations

import numpy as np
from toy_log import event, open_log

from control_plane.models.artifacts import no_sets
from control_plane.models.visitors.histories import gather_histories
from control_plane.models.visitors.repurchase import rebuy_rows
from control_plane.profiles.interest import load_interest
from control_plane.profiles.people import resolve_people
from control_plane.schema import ORDERED

DAY = 24 * 60


def order(item, user, day, **more):
    return event(item, user=user, at=day * DAY, name=ORDERED, **more)


def rebought(events, limit=20):
    """Return the share of purchases that repeat, and each visitor's items by key."""
    with open_log(sorted(events, key=lambda row: row["timestamp"])) as log:
        resolve_people(log)
        interest = load_interest(log, 1800)
    histories = gather_histories(interest)
    found = rebuy_rows(interest, histories, limit, no_sets(len(histories.keys)))
    rows = {
        key: [interest.item_ids[i] for i in found.rows.items[slice(*found.rows.indptr[n : n + 2])]]
        for n, key in enumerate(histories.keys.tolist())
    }
    return found.share, rows


def grocer(people=20, weeks=10):
    """Return orders of people who buy milk each week, oil each fourth, and a pan once."""
    events = []
    for person in range(1, people + 1):
        for week in range(weeks):
            day = week * 7 + person % 7
            events.append(order("milk", person, day))
            if week % 4 == person % 4:
                events.append(order("oil", person, day))
        events.append(order("pan", person, person))
    return events


def test_what_is_bought_often_comes_first_and_what_nobody_rebuys_not_at_all():
    share, rows = rebought(grocer())
    assert share > 0.7
    assert all(row == ["milk", "oil"] for row in rows.values())


def test_what_one_bought_once_comes_back_where_others_rebuy_it():
    events = [*grocer(), order("milk", 99, 60), order("pan", 99, 60)]
    assert rebought(events)[1][99] == ["milk"]


def test_what_was_bought_of_late_comes_before_what_was_given_up():
    events = grocer()
    events += [order("tea", 50, day) for day in (0, 5, 10)]
    events += [order("coffee", 50, day) for day in (55, 60, 65)]
    assert rebought(events)[1][50] == ["coffee", "tea"]


def test_in_a_shop_where_hardly_anyone_rebuys_there_is_nothing():
    events = [
        order(f"dress-{n % 40}-{person}", person, n) for person in range(9) for n in range(40)
    ]
    share, rows = rebought([*events, order("dress-1-3", 3, 70)])
    assert 0 < share < 0.05
    assert not any(rows.values())


def test_an_item_twice_on_one_day_is_not_bought_again():
    events = [order("milk", person, 1) for person in range(1, 80) for _ in range(2)]
    share, rows = rebought(events)
    assert share == 0
    assert not any(rows.values())


def test_those_who_refused_have_no_row_and_views_are_no_purchases():
    events = [*grocer(), *(order("milk", 77, day, consent=()) for day in range(9))]
    events += [event("milk", user=78, at=day * DAY) for day in range(9)]
    _, rows = rebought(events)
    assert 77 not in rows
    assert rows[78] == []


def test_no_more_than_the_limit_are_kept_the_best_first():
    events = [order(f"i{item}", 5, day) for item in range(9) for day in range(0, 60, item + 2)]
    rows = rebought([*grocer(), *events], limit=4)[1]
    assert rows[5][0] in {"i0", "milk"}
    assert all(len(row) <= 4 for row in rows.values())


def test_the_same_orders_give_the_same_bytes():
    with open_log(grocer()) as log:
        resolve_people(log)
        interest = load_interest(log, 1800)
    histories = gather_histories(interest)
    one, other = (
        rebuy_rows(interest, histories, 20, no_sets(len(histories.keys))).rows for _ in range(2)
    )
    assert one.scores.tobytes() == other.scores.tobytes()
    assert np.array_equal(one.items, other.items)
