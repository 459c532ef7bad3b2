"""The session neighbour table."""

from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.models import neighbours
from control_plane.models.neighbours import fit_sessions, reminder_scale
from control_plane.profiles.sessions import Sessions

DAY = 86_400


def sessions(*lists, ends=None):
    """Return sessions of item numbers that end one second apart, or at `ends`."""
    lengths = [len(items) for items in lists]
    return Sessions(
        np.append(0, np.cumsum(lengths)).astype(np.int64),
        np.array([item for items in lists for item in items], dtype=np.int32),
        np.array(ends if ends is not None else [0] * len(lists), dtype=np.int64),
    )


def row(table, item):
    """Return an item's neighbours with their scores."""
    mine = slice(table.indptr[item], table.indptr[item + 1])
    return dict(zip(table.items[mine].tolist(), table.scores[mine].tolist(), strict=True))


def test_what_follows_is_a_nearer_neighbour_than_what_went_before():
    table = fit_sessions(sessions([0, 1, 2]), 3, 50)
    assert list(row(table, 1)) == [2, 0]


def test_scores_are_the_recipes():
    table = fit_sessions(sessions([0, 1, 2]), 3, 50)
    weight, degree = 3**-0.25, 6**0.8
    assert row(table, 0) == pytest.approx(
        {1: weight / degree, 2: weight * math.exp(-1 / 3) / degree}
    )
    assert row(table, 2) == pytest.approx(
        {1: 0.5 * weight / degree, 0: 0.5 * weight * math.exp(-1 / 4) / degree}
    )


def test_a_repeated_item_is_its_own_neighbour():
    table = fit_sessions(sessions([0, 0]), 1, 50)
    assert row(table, 0) == pytest.approx({0: 1.5 * 2**-0.25 / (7**0.8 * 2**0.2)})


def test_an_item_further_than_the_window_is_no_neighbour():
    table = fit_sessions(sessions(list(range(12))), 12, 50)
    assert 10 in row(table, 0)
    assert 11 not in row(table, 0)


def test_sessions_never_mix():
    table = fit_sessions(sessions([0, 1], [2, 3]), 4, 50)
    assert list(row(table, 1)) == [0]
    assert list(row(table, 2)) == [3]


def test_newer_sessions_count_more():
    table = fit_sessions(sessions([0, 1], [0, 2], ends=[0, 60 * DAY]), 3, 50)
    assert list(row(table, 0)) == [2, 1]
    old, new = sorted(row(table, 0).values())
    assert old / new == pytest.approx(math.exp(-1 / 0.6), rel=1e-5)


def test_two_tastes_make_a_checkerboard():
    random = np.random.default_rng(1)
    lists = [random.permutation(np.arange(taste, 20, 2))[:6] for taste in (0, 1) * 100]
    table = fit_sessions(sessions(*lists), 20, 50)
    assert all(item % 2 == near % 2 for item in range(20) for near in row(table, item))
    assert all(len(row(table, item)) == 9 for item in range(20))


def test_only_the_best_are_kept():
    table = fit_sessions(sessions(list(range(9))), 9, 3)
    assert list(row(table, 0)) == [1, 2, 3]


def test_nothing_makes_empty_rows():
    table = fit_sessions(sessions(), 2, 50)
    assert table.indptr.tolist() == [0, 0, 0]
    assert reminder_scale(table) == 0.0


def test_the_reminder_scale_is_the_median_of_the_best_scores():
    table = fit_sessions(sessions([0, 1], [2, 2], [3]), 4, 50)
    best = [max(row(table, item).values()) for item in (0, 1, 2)]
    assert reminder_scale(table) == pytest.approx(np.median(best))


@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=15), max_size=8))
def test_rows_are_sorted_positive_and_short_whatever_the_block(lists):
    table = fit_sessions(sessions(*lists), 7, 4)
    for item in range(7):
        mine = slice(table.indptr[item], table.indptr[item + 1])
        scores = table.scores[mine]
        assert len(scores) <= 4
        assert np.isfinite(scores).all()
        assert (scores > 0).all()
        assert (np.diff(scores) <= 0).all()
    with mock.patch.object(neighbours, "_BLOCK_EVENTS", 3):
        blocked = fit_sessions(sessions(*lists), 7, 4)
    assert blocked.items.tolist() == table.items.tolist()
    assert blocked.scores.tobytes() == table.scores.tobytes()
