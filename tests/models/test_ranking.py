"""The best few of each row."""

from __future__ import annotations

from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from control_plane.models import ranking
from control_plane.models.ranking import blocks, stack, top_per_row

matrices = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 3.0]),
)


@given(matrices, st.integers(1, 8), st.sampled_from([1, 20, 1000]), st.sampled_from([1, 8]))
def test_rows_are_the_highest_positive_entries_best_first_ties_by_number(dense, limit, cells, long):
    with mock.patch.multiple(ranking, _SCRATCH_CELLS=cells, _LONG=long):
        rows = top_per_row(sparse.csr_matrix(dense), limit)
    for number, row in enumerate(dense):
        wanted = sorted((j for j in range(len(row)) if row[j] > 0), key=lambda j: (-row[j], j))
        mine = slice(rows.indptr[number], rows.indptr[number + 1])
        assert rows.items[mine].tolist() == wanted[:limit]
        assert rows.scores[mine].tolist() == row[wanted[:limit]].tolist()


@given(matrices)
def test_stacked_blocks_are_the_table_of_the_whole(dense):
    whole = sparse.csr_matrix(dense)
    parts = [top_per_row(whole[number : number + 1], 3) for number in range(len(dense))]
    joined, at_once = stack(parts), top_per_row(whole, 3)
    assert joined.indptr.tolist() == at_once.indptr.tolist()
    assert joined.items.tolist() == at_once.items.tolist()


def test_no_blocks_stack_to_an_empty_table():
    assert stack([]).indptr.tolist() == [0]


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 60))
def test_blocks_cover_every_row_once_within_the_budget(costs, budget):
    ranges = list(blocks(np.array(costs, dtype=np.int64), budget))
    assert [row for start, stop in ranges for row in range(start, stop)] == list(range(len(costs)))
    assert all(sum(costs[a:b]) <= budget or b == a + 1 for a, b in ranges)
