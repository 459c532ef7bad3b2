"""Plain methods in toy worlds where anyone would say the same."""

from __future__ import annotations

import numpy as np
from toy_log import made_sessions
from toy_shop import sets

from control_plane.evaluation import baselines

BREAD, BUTTER, JAM, SOAP, TOWEL = range(5)


#: Butter follows bread most often, jam follows butter; soap and towels are met together.
LOG = made_sessions(
    [[BREAD, BUTTER], [BREAD, BUTTER, JAM], [BREAD, BUTTER, JAM], [BREAD, JAM], [SOAP, TOWEL]]
)


def test_association_rules_count_sessions_of_both() -> None:
    lists = baselines.association_rules(LOG, 5)(sets([[BREAD], [SOAP]]), None, 3)
    assert lists.tolist() == [[BUTTER, JAM, -1], [TOWEL, -1, -1]]


def test_sequential_rules_look_ahead_only_and_near_more_than_far() -> None:
    rules = baselines.sequential_rules(LOG, 5)
    assert rules(sets([[BREAD]]), None, 2).tolist() == [[BUTTER, JAM]]
    assert rules(sets([[JAM]]), None, 2).tolist() == [[-1, -1]]


def test_cosine_sums_over_all_recent_items_and_shows_none_of_the_excluded() -> None:
    cosine = baselines.item_cosine(LOG, 5)
    assert cosine(sets([[BREAD, BUTTER]]), sets([[BREAD, BUTTER]]), 3).tolist() == [[JAM, -1, -1]]


def test_only_the_last_items_count() -> None:
    history = sets([[SOAP, *([BREAD] * 10)]])
    indptr, items = history.indptr, np.array([SOAP, *([BREAD] * 10)], dtype=np.int32)
    lists = baselines.item_cosine(LOG, 5)(type(history)(indptr, items), None, 4)
    assert TOWEL not in lists[0].tolist()


def test_popular_items_are_the_same_for_all_but_what_each_has() -> None:
    rank = baselines.popular(np.array([0.5, 0.4, 0.3, 0.2, 0.0]))
    history = sets([[], []])
    assert rank(history, None, 2).tolist() == [[0, 1], [0, 1]]
    assert rank(history, sets([[0], []]), 2).tolist() == [[1, 2], [0, 1]]
    assert rank(history, None, 5).tolist()[0] == [0, 1, 2, 3, -1]


def test_ones_own_come_back_most_frequent_first() -> None:
    past = sets([[], []])
    past = type(past)(np.array([0, 4, 4]), np.array([3, 1, 1, 2], dtype=np.int32))
    assert baselines.own_again(past, 5)(sets([[], []]), None, 3).tolist() == [
        [1, 2, 3],
        [-1, -1, -1],
    ]
    assert past.items.tolist() == [3, 1, 1, 2], "what was given stays as it was"
