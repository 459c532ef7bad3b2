"""What known visitors are offered."""

from __future__ import annotations

from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from toy_log import event, open_log

from control_plane.models.artifacts import no_sets
from control_plane.models.visitors import neighbourhood, rows
from control_plane.models.visitors.fit import fit_visitors
from control_plane.models.visitors.histories import (
    BOUGHT_ITEMS,
    SEEN_ITEMS,
    bought_sets,
    gather_histories,
    seen_sets,
)
from control_plane.profiles.interest import Interest, load_interest
from control_plane.profiles.people import resolve_people
from control_plane.schema import ORDERED


class Learned:
    """Rows of item ids by visitor."""

    def __init__(self, interest, limit=20):
        self.ids = interest.item_ids
        self.histories = gather_histories(interest)
        self.keys = self.histories.keys.tolist()
        self.fitted = fit_visitors(
            self.histories, len(self.ids), limit, 60, 7, no_sets(len(self.keys))
        )
        self.table = self.fitted.rows
        self.bought, self.seen = bought_sets(self.histories), seen_sets(self.histories)

    def of(self, table, key):
        number = self.keys.index(key)
        return [self.ids[i] for i in table.items[table.indptr[number] : table.indptr[number + 1]]]


def learned(events):
    """Return what a log of `events` teaches."""
    with open_log(events) as log:
        resolve_people(log)
        return Learned(load_interest(log, 1800))


def views(pairs):
    """Return views as (person, item number) pairs, people numbered from 1."""
    people = np.unique(np.array([user for user, _ in pairs], dtype=np.uint64))
    none = np.zeros(len(pairs), dtype=np.int32)
    return Interest(
        item_ids=[f"i{number}" for number in range(9)],
        people=people,
        countries=[""],
        item=np.array([item for _, item in pairs], dtype=np.int32),
        person=np.searchsorted(people, [user for user, _ in pairs]).astype(np.int32),
        session=none.astype(np.int64),
        kind=none.astype(np.int8),
        event=none.astype(np.int8),
        seconds=none.astype(np.int64),
        personal=np.ones(len(pairs), dtype=bool),
        country=none,
    )


def shop_of_two_tastes():
    """Return events of 40 people, each with 6 of the 10 items of one of two tastes."""
    random = np.random.default_rng(3)
    return [
        event(f"{'hat' if user % 2 else 'shoe'}-{number}", user=user)
        for user in range(1, 41)
        for number in random.permutation(10)[:6]
    ]


def test_visitors_are_offered_the_rest_of_their_taste_and_nothing_they_met():
    shop = learned(shop_of_two_tastes())
    for key in shop.keys:
        kind = "hat" if key % 2 else "shoe"
        met = set(shop.of(shop.seen, key))
        assert set(shop.of(shop.table, key)) == {f"{kind}-{n}" for n in range(10)} - met


def test_bought_items_are_kept_apart_from_seen_ones_and_neither_is_offered():
    events = [event("a", user=1), event("b", user=1, name=ORDERED), event("a", user=2)]
    shop = learned([*events, event("b", user=2), event("c", user=2)])
    assert shop.of(shop.bought, 1) == ["b"]
    assert shop.of(shop.seen, 1) == ["a"]
    assert shop.of(shop.table, 1) == ["c"]


def test_an_item_viewed_and_then_bought_is_bought_only():
    shop = learned([event("a", user=1), event("a", user=1, name=ORDERED), event("a", user=1)])
    assert shop.of(shop.bought, 1) == ["a"]
    assert shop.of(shop.seen, 1) == []


def test_sets_hold_the_newest_in_ascending_order():
    ids = [f"i{number:03}" for number in range(400)]
    events = [event(name, user=1, at=n, name=ORDERED) for n, name in enumerate(ids)]
    events += [event(f"v{name}", user=1, at=900 - n) for n, name in enumerate(ids)]
    shop = learned(events)
    assert shop.of(shop.bought, 1) == ids[-BOUGHT_ITEMS:]
    assert shop.of(shop.seen, 1) == [f"v{name}" for name in ids[:SEEN_ITEMS]]


def test_a_long_history_is_never_offered_again_even_where_the_set_is_cut():
    ids = [f"i{number:03}" for number in range(400)]
    events = [event(name, user=1) for name in ids]
    events += [event(name, user=2) for name in (ids[0], ids[1], "fresh")]
    shop = learned(events)
    assert shop.of(shop.seen, 1) == ids[-SEEN_ITEMS:]
    assert shop.of(shop.table, 1) == ["fresh"]


def test_a_new_taste_outweighs_an_old_one():
    for old, new in (("hat", "shoe"), ("shoe", "hat")):
        mine = [event(f"{old}-1", user=99), event(f"{new}-1", user=99, at=90 * 24 * 60)]
        shop = learned(shop_of_two_tastes() + mine)
        assert all(name.startswith(new) for name in shop.of(shop.table, 99)[:9])


def test_refusing_visitors_have_no_row_and_teach_nothing():
    events = [event("a", user=1), event("a", user=2, consent=()), event("b", user=2, consent=())]
    shop = learned(events)
    assert shop.keys == [1]
    assert shop.of(shop.table, 1) == []


def test_sessions_of_nobody_and_bots_have_no_row():
    shop = learned([event("a", session="s"), event("a", user=7, bot=True)])
    assert shop.keys == []
    assert shop.table.indptr.tolist() == [0]


def test_keys_are_ascending_64_bit_numbers():
    shop = learned([event("a", user=2**64 - 1), event("a", user=3), event("a", device=2**63)])
    assert shop.histories.keys.dtype == np.uint64
    assert shop.keys == [3, 2**63, 2**64 - 1]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 8)), max_size=60), st.integers(1, 4))
def test_rows_are_short_sorted_positive_and_new_whatever_the_block(pairs, limit):
    shop = Learned(views(pairs), limit)
    for number, key in enumerate(shop.keys):
        scores = shop.table.scores[shop.table.indptr[number] : shop.table.indptr[number + 1]]
        assert len(scores) <= limit
        assert np.isfinite(scores).all()
        assert (scores > 0).all()
        assert (np.diff(scores) <= 0).all()
        met = {f"i{item}" for user, item in pairs if user == key}
        assert not met & set(shop.of(shop.table, key))
    small = [mock.patch.object(module, "_BLOCK_PRODUCTS", 5) for module in (neighbourhood, rows)]
    with small[0], small[1]:
        assert Learned(views(pairs), limit).table.items.tolist() == shop.table.items.tolist()
