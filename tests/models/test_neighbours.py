"""The session neighbour table."""

from __future__ import annotations

import math
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.models import neighbours
from control_plane.models.neighbours import fit_sessions
from control_plane.models.ranking import reminder_scale
from control_plane.models.recipe import DEFAULT, Recipe
from control_plane.profiles.sessions import Sessions

DAY = 86_400


def sessions(*lists, ends=None, owners=None, kinds=None):
    """Return views of items in sessions that end at once, or at `ends`, each of another person."""
    indptr = np.append(0, np.cumsum([len(items) for items in lists])).astype(np.int64)
    return Sessions(
        indptr,
        np.array([item for items in lists for item in items], dtype=np.int32),
        np.zeros(indptr[-1], np.int8) if kinds is None else np.array(kinds, np.int8),
        np.array(ends if ends is not None else [0] * len(lists), dtype=np.int64),
        np.arange(len(lists)) if owners is None else np.array(owners, dtype=np.int64),
    )


def fit_rows(log, item_count, limit, recipe=DEFAULT):
    return fit_sessions(log, item_count, limit, recipe).rows


def row(table, item):
    """Return an item's neighbours with their scores."""
    mine = slice(table.indptr[item], table.indptr[item + 1])
    return dict(zip(table.items[mine].tolist(), table.scores[mine].tolist(), strict=True))


def test_what_follows_is_a_nearer_neighbour_than_what_went_before():
    table = fit_rows(sessions([0, 1, 2]), 3, 50)
    assert list(row(table, 1)) == [2, 0]


def test_scores_are_the_recipes():
    table = fit_rows(sessions([0, 1, 2], [0, 1, 2]), 3, 50)
    weight, degree = 2 * 3**-0.25 / 2**0.2, 7**0.8
    assert row(table, 0) == pytest.approx(
        {1: weight / degree, 2: weight * math.exp(-1 / 3) / degree}
    )
    assert row(table, 2) == pytest.approx(
        {1: 0.5 * weight / degree, 0: 0.5 * weight * math.exp(-1 / 4) / degree}
    )


def test_a_repeated_item_is_its_own_neighbour():
    table = fit_rows(sessions([0, 0]), 1, 50)
    assert row(table, 0) == pytest.approx({0: 2**-0.25 / 6**0.8})


def test_what_one_person_alone_did_counts_less():
    table = fit_rows(sessions([0, 1], [0, 2], [2, 0]), 3, 50, Recipe(lone_weight=0.1))
    alone, together = row(table, 0)[1], row(table, 0)[2]
    assert alone == pytest.approx(0.1 * 2**-0.25 / 8**0.8)
    assert together == pytest.approx(1.5 * 2**-0.25 / (8**0.8 * 2**0.2))


def test_what_one_person_alone_did_is_no_neighbour_of_an_item_that_a_crowd_met():
    crowd = [[0, 1]] * 29
    assert set(row(fit_rows(sessions(*crowd[1:], [0, 2]), 3, 50), 0)) == {1, 2}
    assert set(row(fit_rows(sessions(*crowd, [0, 2]), 3, 50), 0)) == {1}
    assert set(row(fit_rows(sessions(*crowd, [0, 0, 2]), 3, 50), 2)) == {0}


def test_a_large_crowd_takes_three_people_for_a_pair():
    crowd = [[0, 1]] * 97
    assert set(row(fit_rows(sessions(*crowd, [0, 2], [0, 2]), 3, 50), 0)) == {1, 2}
    assert set(row(fit_rows(sessions(*crowd, [0], [0, 2], [0, 2]), 3, 50), 0)) == {1}
    assert set(row(fit_rows(sessions(*crowd, [0, 2], [0, 2], [0, 2]), 3, 50), 0)) == {1, 2}


def test_a_person_counts_once_however_often_they_come():
    once = fit_rows(sessions([0, 1], [0, 2], owners=[7, 8]), 3, 50)
    often = fit_rows(sessions([0, 1], *[[0, 2]] * 9, owners=[7] + [8] * 9), 3, 50)
    assert row(often, 0) == row(once, 0)
    again = fit_rows(sessions([0, 1], [0, 2, 0, 2, 0, 2], owners=[7, 8]), 3, 50)
    assert row(again, 0)[2] < row(once, 0)[2]


def test_it_is_told_how_much_rests_on_one_person():
    log = sessions([0, 1], [0, 1, 1], [0, 2], owners=[7, 8, 8])
    table = fit_sessions(log, 3, 50)
    assert (table.pairs, table.lone_pairs) == (4, 2)


def test_carts_and_orders_count_more_than_views():
    table = fit_rows(sessions([0, 1], [0, 2], [0, 3], kinds=[0, 0, 0, 1, 0, 2]), 4, 50)
    view, cart, order = (row(table, 0)[item] for item in (1, 2, 3))
    assert (cart / view, order / view) == pytest.approx((1.5, 2))


def test_an_item_further_than_the_window_is_no_neighbour():
    table = fit_rows(sessions(list(range(12))), 12, 50)
    assert 10 in row(table, 0)
    assert 11 not in row(table, 0)


def test_sessions_never_mix():
    table = fit_rows(sessions([0, 1], [2, 3]), 4, 50)
    assert list(row(table, 1)) == [0]
    assert list(row(table, 2)) == [3]


def test_newer_sessions_count_more():
    table = fit_rows(sessions([0, 1], [0, 2], ends=[0, 60 * DAY]), 3, 50)
    assert list(row(table, 0)) == [2, 1]
    old, new = sorted(row(table, 0).values())
    assert old / new == pytest.approx(math.exp(-1 / 0.6), rel=1e-5)


def test_two_tastes_make_a_checkerboard():
    random = np.random.default_rng(1)
    lists = [random.permutation(np.arange(taste, 20, 2))[:6] for taste in (0, 1) * 100]
    table = fit_rows(sessions(*lists), 20, 50)
    assert all(item % 2 == near % 2 for item in range(20) for near in row(table, item))
    assert all(len(row(table, item)) == 9 for item in range(20))


def test_only_the_best_are_kept():
    table = fit_rows(sessions(list(range(9))), 9, 3)
    assert list(row(table, 0)) == [1, 2, 3]


def test_nothing_makes_empty_rows():
    table = fit_rows(sessions(), 2, 50)
    assert table.indptr.tolist() == [0, 0, 0]
    assert reminder_scale(table) == 0.0


def test_the_reminder_scale_is_the_median_of_the_best_scores():
    table = fit_rows(sessions([0, 1], [2, 2], [3]), 4, 50)
    best = [max(row(table, item).values()) for item in (0, 1, 2)]
    assert reminder_scale(table) == pytest.approx(np.median(best))


@st.composite
def worlds(draw):
    """Draw sessions of few items and few people, who view, cart and order."""
    lists = draw(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=15), max_size=8))
    count, steps = len(lists), sum(map(len, lists))
    fill = {"min_size": count, "max_size": count}
    return sessions(
        *lists,
        ends=draw(st.lists(st.integers(0, 9 * DAY), **fill)),
        owners=draw(st.lists(st.integers(0, 3), **fill)),
        kinds=draw(st.lists(st.integers(0, 2), min_size=steps, max_size=steps)),
    )


def slow_row(log, item, recipe):
    """Return an item's scores by walking over every session, person by person."""
    votes, met = {}, {}
    newest = log.ends.max(initial=0)
    span = max(int(newest - log.ends.min(initial=newest)), 1)
    for number, owner in enumerate(log.owners.tolist()):
        start, stop = log.indptr[number : number + 2].tolist()
        age = math.exp(-(newest - log.ends[number]) / (recipe.age_share * span))
        weight = (stop - start) ** -recipe.length_power * age
        for at in range(start, stop):
            met.setdefault(int(log.items[at]), set()).add(owner)
            for other in range(max(start, at - recipe.window), min(stop, at + recipe.window + 1)):
                if at == other or log.items[at] != item:
                    continue
                near = abs(other - at) - 1
                way = math.exp(-near / recipe.forward_decay)
                if other < at:
                    way = recipe.backward_weight * math.exp(-near / recipe.backward_decay)
                kind = (1, recipe.cart_weight, recipe.order_weight)[log.kinds[other]]
                mine = votes.setdefault(int(log.items[other]), {})
                mine[owner] = max(mine.get(owner, 0), weight * way * kind)
    scores = {}
    for other, by_owner in votes.items():
        crowd = len(met[item])
        wanted = 1 + (crowd >= recipe.crowd) + (crowd >= recipe.large_crowd)
        share = recipe.lone_weight if len(by_owner) == 1 and other != item else 1
        if other != item and len(by_owner) < wanted:
            continue
        score = share * sum(by_owner.values()) / len(met[other]) ** recipe.target_power
        scores[other] = score / (len(met[item]) + recipe.source_smoothing) ** recipe.source_power
    return {other: score for other, score in scores.items() if score > 0}


@given(
    worlds(),
    st.sampled_from([Recipe(), Recipe(window=2, crowd=2, large_crowd=3), Recipe(length_power=0)]),
)
def test_rows_are_as_a_slow_model_counts_them(log, recipe):
    table = fit_rows(log, 7, 50, recipe)
    for item in range(7):
        assert row(table, item) == pytest.approx(slow_row(log, item, recipe), rel=1e-5)


@given(worlds())
def test_rows_are_sorted_positive_and_short_whatever_the_block(log):
    table = fit_rows(log, 7, 4)
    for item in range(7):
        mine = slice(table.indptr[item], table.indptr[item + 1])
        scores = table.scores[mine]
        assert len(scores) <= 4
        assert np.isfinite(scores).all()
        assert (scores > 0).all()
        assert (np.diff(scores) <= 0).all()
    with mock.patch.object(neighbours, "_BLOCK_EVENTS", 3):
        blocked = fit_rows(log, 7, 4)
    assert blocked.items.tolist() == table.items.tolist()
    assert blocked.scores.tobytes() == table.scores.tobytes()


def test_a_machine_without_a_folder_for_compiled_code_trains_too():
    code = (
        "from numba.core import caching; caching.CacheImpl._locator_classes = []; "
        "from control_plane.models import pair_kernel as k; import numpy as np; "
        "print(k.order_by_item(np.array([0, 2]), np.array([1, 0]), np.array([0]), 2)[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[1 0]\n"


def test_people_are_counted_once_for_each_item_they_met():
    log = sessions([0, 1, 0], [0, 2], [2], [1], owners=[8, 9, 9, 8])
    assert fit_sessions(log, 4, 50).people.tolist() == [2, 1, 1, 0]
    assert fit_sessions(sessions(), 2, 50).people.tolist() == [0, 0]
