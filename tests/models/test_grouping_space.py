"""Where visitors stand: near those who care for what the same people care for."""

from __future__ import annotations

import numpy as np
import pytest

from control_plane.models.space import TASTE_DIRECTIONS, grouping_space


def space(counts, habits=None):
    counts = np.array(counts, dtype=float)
    return grouping_space(np.zeros((len(counts), 0)) if habits is None else habits, counts)


def distance(found, one, other):
    return np.linalg.norm(found[one] - found[other])


def test_categories_that_share_visitors_are_one_taste():
    both = [[3, 2, 0, 0]] * 20 + [[0, 0, 2, 3]] * 20
    found = space([*both, [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    assert distance(found, -3, -2) < distance(found, -2, -1) / 3


def test_categories_without_a_visitor_in_common_stand_apart():
    found = space([[1, 0]] * 15 + [[0, 1]] * 15)
    assert distance(found, 0, 1) == 0
    assert distance(found, 0, -1) > 1


def test_visitors_who_met_everything_are_told_by_what_they_met_most():
    found = space([[9, 1]] * 15 + [[1, 9]] * 15)
    assert distance(found, 0, -1) > 1


def test_who_met_no_category_is_average():
    found = space([[1, 0]] * 5 + [[0, 1]] * 5 + [[0, 0]])
    assert found[-1].tolist() == pytest.approx([0] * found.shape[1])


def test_habits_tilt_what_tastes_make():
    habits = np.array([[1.0], [-1.0]] * 20)
    found = space([[1, 0]] * 20 + [[0, 1]] * 20, habits)
    assert 0 < distance(found, 0, 1) < distance(found, 0, -2)


ALIKE = [(0, 0), (3, 0), (3, 1), (1, 4), (5, 3)]


@pytest.mark.parametrize("counts", [*map(np.ones, ALIKE), np.zeros((4, 4))])
def test_without_different_tastes_there_are_no_directions(counts):
    found = space(counts)
    assert np.ptp(found) == 0 if found.size else True
    assert np.isfinite(found).all()


def test_of_many_categories_the_main_directions_are_kept():
    random = np.random.default_rng(1)
    assert space(random.poisson(0.3, (500, 60))).shape == (500, TASTE_DIRECTIONS)
