"""Items by what few directions of taste explain: a low-pass filter by truncated SVD.

The ideal low-pass filter of GF-CF (Shen et al., 2021: arXiv 2108.07567), from item to item.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from control_plane.models.artifacts import Rows
from control_plane.models.visitors.taken import Taken, power

#: Measured on Gowalla in the mixture: R@20 .193 with 512 directions, .189 with 256, .180 with none.
MOST_DIRECTIONS = 512
#: Visitors, or items, a direction: fewer would be explained away one by one.
_PER_DIRECTION, _FEWEST_DIRECTIONS = 32, 8
_POWER_ITERATIONS = 2


def fit(taken: Taken, near: Rows, seed: int) -> Any:
    """Return weights between each item and those near it, CSR (items, items) float32.

    Only pairs of `near` are computed, so that the cost grows with the items, not their square.
    """
    items = taken.has.shape[1]
    with threadpool_limits(limits=1):
        tastes = _directions(taken, directions(taken), seed)
        source = tastes * power(taken.item_visitors, -0.5).astype(np.float32)[:, None]
        target = tastes * power(taken.item_visitors, 0.5).astype(np.float32)[:, None]
        weights = np.empty(len(near.items), dtype=np.float32)
        for item in range(items):
            row = slice(near.indptr[item], near.indptr[item + 1])
            weights[row] = target[near.items[row]] @ source[item]
    return sparse.csr_matrix((weights, near.items, near.indptr), shape=(items, items))


def directions(taken: Taken) -> int:
    """Return how many directions there are data for, 0 when too few."""
    count = min(MOST_DIRECTIONS, min(taken.has.shape) // _PER_DIRECTION)
    return count if count >= _FEWEST_DIRECTIONS else 0


def work(taken: Taken, near: Rows) -> int:
    """Return how many thousand multiplications it takes."""
    count = directions(taken)
    passes = 2 * _POWER_ITERATIONS + 2
    cells = passes * (taken.has.nnz + count * sum(taken.has.shape)) + len(near.items)
    return count * cells // 1_000


def _directions(taken: Taken, count: int, seed: int) -> NDArray[np.float32]:
    """Return the items' places in the strongest directions, (items, count) float32."""
    from sklearn.utils.extmath import randomized_svd

    visitors = sparse.diags(power(taken.visitor_items, -0.5))
    items = sparse.diags(power(taken.item_visitors, -0.5))
    scaled = (visitors @ taken.has @ items).astype(np.float32).tocsr()
    _, _, rows = randomized_svd(
        scaled,
        count,
        n_iter=_POWER_ITERATIONS,
        power_iteration_normalizer="LU",
        random_state=seed,
    )
    return np.ascontiguousarray(rows.T, dtype=np.float32)
