"""What each item's takers took before: a ridge regression on the items near it.

EASE (Steck, 2019: arXiv 1905.03375) solves one system of all items, which needs their number
squared in memory; an item's own regression needs only the items near it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from control_plane.models.artifacts import Rows
from control_plane.models.ranking import best_of_rows, blocks
from control_plane.models.visitors.taken import Taken

#: Measured on Gowalla: R@20 .168 alone; with the neighbourhood what it lacks.
NEAR_ITEMS = 100
RIDGE = 20.0

#: Takers of near items that are sorted at once, about 60 bytes each.
_BLOCK_TAKERS = 400_000


def fit(taken: Taken, near: Rows) -> Any:
    """Return weights from item to item, CSR (items, items) float32, some of them negative.

    `near` are the nearest items of each item, best first.
    """
    items = taken.has.shape[1]
    near = best_of_rows(near, NEAR_ITEMS)
    slots = _slots(near, items)
    by_item = taken.has.T.tocsr()
    by_item.sort_indices()
    costs = _takers(taken, slots)
    weights = np.zeros((items, slots.shape[1] - 1), dtype=np.float32)
    # One thread: the sums of several come in any order, and with them the last bits.
    with threadpool_limits(limits=1):
        for start, stop in blocks(costs.sum(axis=1), _BLOCK_TAKERS):
            together = _count_together(by_item, slots[start:stop], costs[start:stop])
            weights[start:stop] = _solve(together)
    filled = slots[:, 1:] >= 0
    target = np.repeat(np.arange(items), filled.sum(axis=1))
    cells = (slots[:, 1:][filled], target)
    return sparse.csr_matrix((weights[filled], cells), shape=(items, items))


def work(taken: Taken, near: Rows) -> int:
    """Return how many takers of near items are counted."""
    return int(_takers(taken, _slots(best_of_rows(near, NEAR_ITEMS), taken.has.shape[1])).sum())


def _slots(near: Rows, items: int) -> NDArray[np.int64]:
    """Return each item, then those near it, -1 for none: (items, widest row + 1)."""
    lengths = np.diff(near.indptr)
    slots = np.full((items, int(lengths.max(initial=0)) + 1), -1, dtype=np.int64)
    slots[:, 0] = np.arange(items)
    place = np.arange(len(near.items)) - np.repeat(near.indptr[:-1], lengths)
    slots[np.repeat(np.arange(items), lengths), place + 1] = near.items
    return slots


def _takers(taken: Taken, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(slots >= 0, taken.item_visitors[slots], 0)


def _count_together(
    by_item: Any, slots: NDArray[np.int64], takers: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return for each item's slots how many visitors took both: (block, slots, slots)."""
    count, width = slots.shape
    lengths = takers.ravel()
    ends = np.cumsum(lengths)
    slot = np.repeat(np.arange(count * width), lengths)
    starts = by_item.indptr[np.maximum(slots.ravel(), 0)].astype(np.int64)
    taker = by_item.indices[np.arange(ends[-1]) + np.repeat(starts - ends + lengths, lengths)]
    # A visitor counts apart for each item of the block, so that one product holds them all.
    _, apart = np.unique(
        slot // width * by_item.shape[1] + taker.astype(np.int64), return_inverse=True
    )
    ones = np.ones(len(apart), dtype=np.float32)
    has = sparse.csr_matrix(
        (ones, apart, np.append(0, ends)), shape=(count * width, int(apart.max(initial=-1)) + 1)
    )
    pairs = has @ has.T.tocsr()
    row = np.repeat(np.arange(count * width), np.diff(pairs.indptr))
    together = np.zeros((count, width, width), dtype=np.float32)
    together.reshape(-1)[row * width + pairs.indices % width] = pairs.data
    return together


def _solve(together: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the ridge regression of each first slot on the others: (block, slots - 1)."""
    near = together[:, 1:, 1:].copy()
    place = np.arange(near.shape[1])
    near[:, place, place] += RIDGE
    return np.asarray(np.linalg.solve(near, together[:, 1:, :1])[..., 0], dtype=np.float32)
