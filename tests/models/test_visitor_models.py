"""Each model of known visitors on worlds whose right answer is obvious, and their choice."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from control_plane.models.artifacts import no_sets
from control_plane.models.ranking import top_per_row
from control_plane.models.visitors import choose, linear, lowrank, mixture, neighbourhood
from control_plane.models.visitors.fit import affordable, fit_visitors
from control_plane.models.visitors.heldout import hold_out
from control_plane.models.visitors.histories import Histories
from control_plane.models.visitors.taken import take

ITEMS = 40


def histories(rows, seconds=None):
    """Return histories of one list of item numbers a visitor, oldest first."""
    items = np.concatenate([np.asarray(row, dtype=np.int32) for row in rows])
    times = np.arange(len(items)) if seconds is None else np.full(len(items), seconds)
    return Histories(
        keys=np.arange(1, len(rows) + 1, dtype=np.uint64),
        people=np.arange(len(rows), dtype=np.int32),
        indptr=np.append(0, np.cumsum([len(row) for row in rows])).astype(np.int64),
        items=items,
        bought=np.zeros(len(items), dtype=np.bool_),
        seconds=times.astype(np.int64),
    )


def checkerboard(visitors=600, each=8, seed=1):
    """Return visitors who each took `each` items of their own parity, in random order."""
    random = np.random.default_rng(seed)
    return histories([random.permutation(ITEMS // 2)[:each] * 2 + v % 2 for v in range(visitors)])


def fitted(name, taken, near):
    if name == mixture.LINEAR:
        return linear.fit(taken, near)
    return lowrank.fit(taken, near, 7) if name == mixture.LOWRANK else mixture.as_matrix(near)


@pytest.mark.parametrize("name", [mixture.NEIGHBOURHOOD, mixture.LINEAR, mixture.LOWRANK])
def test_every_model_leads_from_even_items_to_even_and_from_odd_to_odd(name):
    taken = take(checkerboard(), ITEMS)
    with mock.patch.object(lowrank, "_PER_DIRECTION", 5):
        table = fitted(name, taken, neighbourhood.fit(taken, 30))
    best = top_per_row(table.tocsr(), 5)
    source = np.repeat(np.arange(ITEMS), np.diff(best.indptr))
    assert len(best.items) > 3 * ITEMS
    assert (source % 2 == best.items % 2).all()


def test_the_linear_model_is_the_ridge_regression_on_all_items_where_all_are_near():
    taken = take(checkerboard(visitors=80), ITEMS)
    near = neighbourhood.fit(taken, ITEMS)
    weights = linear.fit(taken, near).toarray()
    has = taken.has.toarray().astype(np.float64)
    for item in (0, 7, 39):
        others = near.items[near.indptr[item] : near.indptr[item + 1]]
        gram = has[:, others].T @ has[:, others] + linear.RIDGE * np.eye(len(others))
        exact = np.linalg.solve(gram, has[:, others].T @ has[:, item])
        np.testing.assert_allclose(weights[others, item], exact, atol=1e-5)


def test_the_linear_model_is_the_same_whatever_the_block():
    taken = take(checkerboard(visitors=80), ITEMS)
    near = neighbourhood.fit(taken, 10)
    whole = linear.fit(taken, near)
    with mock.patch.object(linear, "_BLOCK_TAKERS", 50):
        np.testing.assert_array_equal(linear.fit(taken, near).toarray(), whole.toarray())


def test_an_item_nobody_took_has_no_weights():
    taken = take(histories([[0, 1], [0, 1], [2]]), 4)
    near = neighbourhood.fit(taken, 3)
    weights = linear.fit(taken, near).toarray()
    assert weights[0, 1] > 0
    assert not weights[3].any()
    assert not weights[:, 3].any()


def test_the_newest_of_a_sample_is_held_out_and_nothing_is_lost():
    shop = checkerboard()
    held = hold_out(shop)
    assert len(held.visitors) == 120
    for visitor in range(len(shop.keys)):
        mine = shop.items[shop.indptr[visitor] : shop.indptr[visitor + 1]]
        old = held.older.items[held.older.indptr[visitor] : held.older.indptr[visitor + 1]]
        new = held.newest.items[held.newest.indptr[visitor] : held.newest.indptr[visitor + 1]]
        assert [*old, *new] == mine.tolist()
        assert len(new) == (visitor in held.visitors)


def test_without_times_nothing_is_the_newest():
    rows = [list(range(10)) for _ in range(600)]
    assert hold_out(histories(rows, seconds=5)) is None
    assert hold_out(histories(rows)) is not None


def test_a_few_visitors_are_not_enough_to_choose_by():
    shop = checkerboard(visitors=60)
    assert hold_out(shop) is None
    report = fit_visitors(shop, ITEMS, 20, 60, 7, no_sets(len(shop.keys))).report
    assert report["weights"] == {"neighbourhood": 1.0}
    assert "too few" in report["note"]


def test_what_would_take_too_long_is_left_out_and_said():
    taken = take(checkerboard(), ITEMS)
    with mock.patch.object(lowrank, "_PER_DIRECTION", 5):
        near = neighbourhood.fit(taken, 30)
        assert affordable(taken, near, 60) == (("neighbourhood", "linear", "lowrank"), "")
        models, note = affordable(taken, near, 0)
    assert models == ("neighbourhood",)
    assert "train.visitor_seconds" in note


def test_a_model_that_ranks_what_was_held_out_better_is_chosen():
    shop = checkerboard()
    held = hold_out(shop)
    near = neighbourhood.fit(take(held.older, ITEMS), 30)
    wrong = mixture.as_matrix(near)
    # This neighbourhood leads to items of the other parity.
    wrong.indices = wrong.indices ^ 1
    tables = mixture.Tables({mixture.NEIGHBOURHOOD: wrong, mixture.LINEAR: mixture.as_matrix(near)})
    chosen = choose.choose(held, tables)
    assert chosen.weights == {mixture.NEIGHBOURHOOD: 0.5, mixture.LINEAR: 1.0}
    assert max(chosen.tried.values()) > chosen.tried["1 neighbourhood"]


def test_no_more_than_needed_is_chosen_where_nothing_is_better():
    shop = checkerboard()
    held = hold_out(shop)
    same = mixture.as_matrix(neighbourhood.fit(take(held.older, ITEMS), 30))
    tables = mixture.Tables(dict.fromkeys(("neighbourhood", "linear", "lowrank"), same))
    assert choose.choose(held, tables).weights == {"neighbourhood": 1.0}


def test_the_same_input_gives_the_same_bytes_with_all_models():
    shop = checkerboard(visitors=900)
    with mock.patch.object(lowrank, "_PER_DIRECTION", 5):
        one, other = (
            fit_visitors(shop, ITEMS, 20, 60, 7, no_sets(len(shop.keys))) for _ in range(2)
        )
    assert one.report == other.report
    for name in ("indptr", "items", "scores"):
        assert getattr(one.rows, name).tobytes() == getattr(other.rows, name).tobytes()
