"""Rows of what is new to each visitor: what leads from what they liked, by an item table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.artifacts import Rows, Sets
from control_plane.models.ranking import blocks, stack, top_per_row
from control_plane.models.visitors.histories import Histories
from control_plane.models.visitors.taken import visitor_matrix

#: Products summed in one block of a sparse matrix product, about 40 bytes each.
_BLOCK_PRODUCTS = 6_000_000

#: Pushes an item below every score.
_EXCLUDED = 1e30


def visitor_rows(
    histories: Histories,
    table: Rows,
    item_count: int,
    limit: int,
    half_life_days: float,
    hidden: Sets,
) -> Rows:
    """Return the `limit` best items for each visitor among those they never met.

    `table` leads from item to item; a visitor's newest items count most, and `hidden` ones not
    at all, nor are these offered.
    """
    near = sparse.csr_matrix((table.scores, table.items, table.indptr), (item_count, item_count))
    known = visitor_matrix(histories, np.ones(len(histories.items), np.float32), item_count)
    out = sparse.csr_matrix(
        (np.ones(len(hidden.items), np.float32), hidden.items, hidden.indptr), known.shape
    )
    liked = liked_items(histories, item_count, half_life_days)
    liked = liked - liked.multiply(out)
    known = known + out
    reach = np.diff(table.indptr)[histories.items]
    costs = np.diff(np.append(0, np.cumsum(reach))[histories.indptr])
    tables = []
    for start, stop in blocks(costs, _BLOCK_PRODUCTS):
        met = known[start:stop] * np.float32(_EXCLUDED)
        tables.append(top_per_row(liked[start:stop] @ near - met, limit))
    return stack(tables)


def liked_items(histories: Histories, item_count: int, half_life_days: float) -> Any:
    """Return what each visitor's items weigh, CSR (visitors, items): 1 for the newest."""
    return visitor_matrix(histories, _freshness(histories, half_life_days), item_count)


def _freshness(histories: Histories, half_life_days: float) -> NDArray[np.float32]:
    lengths = np.diff(histories.indptr)
    newest = np.zeros(len(lengths), dtype=np.int64)
    filled = lengths > 0
    if len(histories.seconds):
        starts = histories.indptr[:-1][filled]
        newest[filled] = np.maximum.reduceat(histories.seconds, starts)
    age = (np.repeat(newest, lengths) - histories.seconds) / 86_400
    # What is years older than the newest must not vanish into a score of zero.
    return np.exp2(-np.minimum(age / half_life_days, 20)).astype(np.float32)
