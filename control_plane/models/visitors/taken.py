"""Who took an interest in what, as a matrix: what every model of known visitors learns from."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.visitors.histories import Histories, newest

#: The newest items of a visitor that are learned from, as many as the pairs of all stay below a
#: bound: a reseller with 50,000 items would else cost as much as everyone else together.
HISTORY_ITEMS, MOST_PAIRS = (1_000, 500, 250, 125), 300_000_000


class Taken(msgspec.Struct, frozen=True):
    """Visitors by items, 1 where the visitor took an interest in the item.

    `has` CSR (visitors, items) float32; `visitor_items` (visitors,) and `item_visitors` (items,)
    int64 are its sums.
    """

    has: Any
    visitor_items: NDArray[np.int64]
    item_visitors: NDArray[np.int64]


def take(histories: Histories, item_count: int) -> Taken:
    """Return the newest items of each visitor as a matrix."""
    lengths = np.diff(histories.indptr)
    pairs = {limit: int((np.minimum(lengths, limit) ** 2).sum()) for limit in HISTORY_ITEMS}
    affordable = [limit for limit in HISTORY_ITEMS if pairs[limit] <= MOST_PAIRS]
    kept = newest(histories, affordable[0] if affordable else HISTORY_ITEMS[-1])
    return Taken(
        has=visitor_matrix(kept, np.ones(len(kept.items), np.float32), item_count),
        visitor_items=np.diff(kept.indptr),
        item_visitors=np.bincount(kept.items, minlength=item_count).astype(np.int64),
    )


def visitor_matrix(histories: Histories, values: NDArray[Any], item_count: int) -> Any:
    """Return `values` (nnz,) as a CSR matrix (visitors, items)."""
    shape = (len(histories.keys), item_count)
    return sparse.csr_matrix((values, histories.items, histories.indptr), shape=shape)


def power(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """Return counts to a power, none of them taken as less than 1."""
    return np.maximum(counts, 1).astype(np.float64) ** exponent
