"""Measures whose value can be told by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from toy_shop import sets

from control_plane.evaluation.metrics import gini, hits_of, score, spread

#: Lists of three: the first has what is wanted in second place, the second lacks it.
SHOWN = np.array([[4, 7, 9], [1, 2, -1]], dtype=np.int32)


def test_what_is_wanted_in_second_place_counts_a_half() -> None:
    wanted = sets([[7], [5]])
    found = score(SHOWN, wanted, wanted)
    assert found.tolist() == [[1, 0.5, 1, pytest.approx(1 / log2(3))], [0, 0, 0, 0]]


def test_recall_is_over_all_that_came_and_ndcg_over_what_fits() -> None:
    wanted, later = sets([[7], [5]]), sets([[4, 7, 20, 21], [1]])
    found = score(SHOWN, wanted, later)
    ideal = 1 + 1 / log2(3) + 1 / log2(4)
    assert found[0, 2:].tolist() == [0.5, pytest.approx((1 + 1 / log2(3)) / ideal)]
    assert found[1, 2:].tolist() == [1.0, 1.0]


def test_a_place_left_empty_hits_nothing() -> None:
    assert not hits_of(np.full((1, 3), -1, dtype=np.int32), sets([[0, 1]])).any()


def test_a_list_of_popular_things_is_popular_and_not_novel() -> None:
    popularity = np.array([0.5, 0.25, 0.25, 0.0])
    everything = spread(np.array([[0, 1], [0, 2]]), sets([[1], [2]]), popularity, 4)
    assert everything.coverage == 0.75
    assert everything.novelty == pytest.approx((1 + 2 + 1 + 2) / 4)
    assert everything.popularity == pytest.approx(0.375 / 0.25)


def test_what_nobody_met_counts_half_of_the_rarest() -> None:
    found = spread(np.array([[3]]), sets([[0]]), np.array([0.5, 0.25, 0.25, 0.0]), 4)
    assert found.novelty == 3.0


@pytest.mark.parametrize(
    ("exposure", "count", "expected"),
    [([5, 5, 5, 5], 4, 0.0), ([8, 0, 0, 0], 4, 0.75), ([0, 0], 2, 0.0), ([3, 1], 2, 0.25)],
)
def test_gini_says_how_unequally_items_are_shown(
    exposure: list[int], count: int, expected: float
) -> None:
    assert gini(np.array(exposure), count) == pytest.approx(expected)
