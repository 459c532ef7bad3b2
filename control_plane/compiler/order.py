"""Numbers items so that those often wanted together stand together.

Neighbour ids are stored as differences and items are cut into values in this order, so it
decides both the bytes of a row and how many values a session touches.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

#: Rounds of matching; each one roughly halves the clusters that still have edges.
MAX_ROUNDS = 64


def clustered_order(
    indptr: NDArray[np.int64],
    items: NDArray[np.int32],
    scores: NDArray[np.float32],
    leftovers: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return item numbers in clustered order: place -> item.

    Heavy-edge matching (Karypis & Kumar 1998) merges, round by round, clusters that are each
    other's strongest neighbour by average linkage; the leaves of the merge tree in depth-first
    order are the numbering. `leftovers` (n,) ranks clusters that share no edge.
    """
    count = len(indptr) - 1
    graph = sp.csr_matrix((scores.astype(np.float64), items, indptr), shape=(count, count))
    left, right, roots = _merge_tree(_symmetric(graph + graph.T))
    rank = np.full(count + len(left), np.iinfo(np.int64).max)
    rank[:count] = leftovers
    for parent, (one, other) in enumerate(zip(left, right, strict=True), start=count):
        rank[parent] = min(rank[one], rank[other])
    return _leaves(left, right, sorted(roots, key=lambda root: int(rank[root])), count)


def _merge_tree(graph: sp.csr_matrix) -> tuple[list[int], list[int], list[int]]:
    count = graph.shape[0]
    node = np.arange(count)
    size = np.ones(count)
    left: list[int] = []
    right: list[int] = []
    for _ in range(MAX_ROUNDS):
        first, second = _mutual_pairs(graph, size)
        if not len(first):
            break
        merged = count + len(left) + np.arange(len(first))
        left.extend(node[first].tolist())
        right.extend(node[second].tolist())
        target = np.full(len(node), -1)
        target[first] = target[second] = np.arange(len(first))
        single = np.flatnonzero(target < 0)
        target[single] = len(first) + np.arange(len(single))
        node = np.concatenate([merged, node[single]])
        fold = sp.csr_matrix((np.ones(len(target)), (target, np.arange(len(target)))))
        graph = _symmetric(fold @ graph @ fold.T)
        size = fold @ size
    return left, right, node.tolist()


def _mutual_pairs(
    graph: sp.csr_matrix, size: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of nodes that are each other's strongest neighbour, lower number first."""
    count = graph.shape[0]
    filled = np.diff(graph.indptr) > 0
    rows = np.repeat(np.arange(count), np.diff(graph.indptr))
    linkage = graph.data / (size[rows] * size[graph.indices])
    starts = graph.indptr[:-1][filled]
    strongest = np.zeros(count)
    best = np.full(count, -1)
    if len(starts):
        strongest[filled] = np.maximum.reduceat(linkage, starts)
        # Ties go to the lowest pair of numbers, so that both sides choose alike.
        pair = np.minimum(rows, graph.indices) * count + np.maximum(rows, graph.indices)
        pair[linkage < strongest[rows]] = count * count
        lowest = np.minimum.reduceat(pair, starts)
        own_row = np.flatnonzero(filled)
        best[filled] = lowest // count + lowest % count - own_row
    own = np.arange(count)
    mutual = (best >= 0) & (best[best] == own) & (own < best)
    return own[mutual], best[mutual]


def _symmetric(graph: sp.csr_matrix) -> sp.csr_matrix:
    """Mirror the upper triangle, so that both directions hold the very same number."""
    upper = sp.triu(graph, k=1, format="csr")
    return (upper + upper.T).tocsr()


def _leaves(left: list[int], right: list[int], roots: list[int], count: int) -> NDArray[np.int64]:
    order: list[int] = []
    stack = roots[::-1]
    while stack:
        node = stack.pop()
        if node < count:
            order.append(node)
        else:
            stack.append(right[node - count])
            stack.append(left[node - count])
    return np.array(order, dtype=np.int64)
