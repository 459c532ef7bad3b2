"""Behaviour and content in one row: new items have neighbours, and are somebody's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from control_plane.models.blend import HALF_PEOPLE, NEW_PEOPLE, blend_rows
from control_plane.models.ranking import top_per_row


def rows(size, *cells):
    """Return rows of a square table with these (row, item, score)."""
    row, item, score = zip(*cells, strict=True) if cells else ((), (), ())
    table = sparse.csr_matrix((np.array(score, dtype=float), (row, item)), shape=(size, size))
    return top_per_row(table, 50)


def row(table, item):
    mine = slice(table.indptr[item], table.indptr[item + 1])
    return dict(zip(table.items[mine].tolist(), table.scores[mine].tolist(), strict=True))


def blended(behaviour, content, people, available=None, limit=50):
    there = np.ones(len(people), dtype=np.bool_) if available is None else np.array(available)
    return blend_rows(behaviour, content, np.array(people, dtype=np.int64), there, limit)


def test_without_content_behaviour_comes_back_as_it_is():
    behaviour = rows(3, (0, 1, 0.5), (1, 2, 0.1))
    assert blended(behaviour, rows(3), [9, 9, 0]) is behaviour


def test_an_item_nobody_met_gets_a_usual_row_of_what_it_is_like():
    behaviour = rows(4, (0, 1, 0.5), (1, 0, 0.3))
    content = rows(4, (3, 1, 0.8), (3, 0, 0.4))
    assert row(blended(behaviour, content, [99, 99, 99, 0]), 3) == pytest.approx({1: 0.4, 0: 0.2})


def test_without_any_behaviour_rows_are_all_content():
    table = blended(rows(3), rows(3, (0, 1, 0.8), (1, 0, 0.8)), [0, 0, 0])
    assert row(table, 0) == pytest.approx({1: 1.0})


def test_content_counts_half_after_so_many_people_and_fades():
    content = rows(3, (0, 2, 0.9))
    behaviour = rows(3, (0, 1, 1.0))
    shares = [row(blended(behaviour, content, [n, 9, 9]), 0).get(2, 0) for n in (0, 10, 90, 990)]
    assert HALF_PEOPLE == 10
    assert shares == pytest.approx([1, 1 / 2, 1 / 10, 1 / 100])


def old_shop_and_one_new_item(neighbours):
    """Return tables in which item 0 has `neighbours` old ones, and the last item is like it."""
    size = neighbours + 2
    behaviour = [(0, item, 1 - item / 100) for item in range(1, neighbours + 1)]
    return rows(size, *behaviour), rows(size, (size - 1, 0, 0.9)), [999] * (size - 1) + [0]


def test_a_new_item_stands_at_the_tenth_place_of_what_it_is_like():
    table = blended(*old_shop_and_one_new_item(20))
    assert list(row(table, 0))[8:11] == [9, 21, 10]
    assert list(row(table, 21)) == [0]


def test_a_short_row_ends_with_it():
    assert list(row(blended(*old_shop_and_one_new_item(3)), 0)) == [1, 2, 3, 4]


def test_a_full_row_loses_its_last_neighbour_for_it():
    table = blended(*old_shop_and_one_new_item(20), limit=20)
    assert len(row(table, 0)) == 20
    assert 20 not in row(table, 0)


def test_a_new_item_that_is_sold_out_or_hardly_alike_gets_no_place():
    behaviour, content, people = old_shop_and_one_new_item(5)
    assert 6 not in row(blended(behaviour, content, people, [True] * 6 + [False]), 0)
    faint = rows(7, (6, 0, 0.1))
    assert 6 not in row(blended(behaviour, faint, people), 0)


def test_once_met_often_enough_it_stands_where_behaviour_puts_it():
    behaviour, content, people = old_shop_and_one_new_item(5)
    assert 6 in row(blended(behaviour, content, [*people[:-1], NEW_PEOPLE - 1]), 0)
    assert 6 not in row(blended(behaviour, content, [*people[:-1], NEW_PEOPLE]), 0)


def test_new_items_take_at_most_every_tenth_place():
    old, new = 60, 40
    behaviour = rows(100, *((0, item, 1 - item / 100) for item in range(1, old)))
    content = rows(100, *((item, 0, 0.9 - item / 1000) for item in range(old, 100)))
    mine = list(row(blended(behaviour, content, [99] * old + [0] * new), 0))
    assert [place + 1 for place, item in enumerate(mine) if item >= old] == [10, 20, 30, 40, 50]
