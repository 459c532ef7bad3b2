"""Rows of another kind stand in values that are cut where item values are."""

from __future__ import annotations

import numpy as np

from control_plane.compiler.related import related_values
from control_plane.compiler.rows import renumber
from control_plane.models.artifacts import Rows
from control_plane.tables import MAX_VALUE_BYTES

COUNT = 12_000


def rows_of(filled: np.ndarray, count: int) -> Rows:
    """Return rows of the `count` items that follow each of those `filled`, in coding order."""
    items = (filled[:, None] + np.arange(1, count + 1)) % COUNT
    lengths = np.zeros(COUNT, dtype=np.int64)
    lengths[filled] = count
    scores = np.tile(np.linspace(1, 0.1, count, dtype=np.float32), len(filled))
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    order = np.arange(COUNT)
    return renumber(Rows(indptr, items.ravel().astype(np.int32), scores), order, order)


def test_a_value_holds_the_rows_of_whole_item_values() -> None:
    item_cuts = np.arange(0, COUNT + 1, 500)
    firsts, values = related_values(rows_of(np.arange(COUNT), 10), item_cuts)
    assert 1 < len(values) < len(item_cuts) - 1
    assert set(firsts) <= set(item_cuts)
    assert all(len(value.data) <= MAX_VALUE_BYTES for value in values)


def test_rows_that_outgrow_a_value_are_cut_within_an_item_value() -> None:
    firsts, values = related_values(rows_of(np.arange(COUNT), 30), np.array([0, COUNT // 2, COUNT]))
    assert len(values) > 2
    assert COUNT // 2 in firsts
    assert all(len(value.data) <= MAX_VALUE_BYTES for value in values)


def test_items_without_a_row_take_next_to_no_room() -> None:
    few = np.arange(0, COUNT, 12)
    _, values = related_values(rows_of(few, 10), np.array([0, COUNT]))
    _, dense = related_values(rows_of(np.arange(len(few)), 10), np.array([0, COUNT]))
    assert len(values) == len(dense) == 1
    assert len(values[0].data) - len(dense[0].data) < 2 * len(few) + 64


def test_a_kind_without_any_row_has_no_value() -> None:
    assert related_values(rows_of(np.arange(0), 10), np.array([0, COUNT]))[1] == []
