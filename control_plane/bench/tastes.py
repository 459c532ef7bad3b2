"""Visitors made up for measuring: each fond of a few clusters of items, popular ones most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from control_plane.bench.shop import SEED, SEGMENTS, Shelf
from control_plane.models.artifacts import Rows, Sets, Visitors, no_rows, no_sets

ITEMS = 20
MOST_BOUGHT = 8
#: Shares of a visitor's items from the first to fourth of their clusters.
FONDNESS = (0.6, 0.25, 0.1, 0.05)
BLOCK = 100_000


def zipf_visitors(shelf: Shelf, number: NDArray[np.int32], count: int) -> Visitors:
    """Return `count` visitors with 20 items each and as many bought as a geometric law gives.

    Clusters, and items within one, are chosen by Zipf's law; visitors share no order.
    """
    draw = np.random.default_rng(SEED + 6)
    keys = np.unique(draw.integers(0, 2**64, count, dtype=np.uint64, endpoint=False))
    clusters = draw.permutation(len(shelf.firsts) - 1)
    parts = [
        _block(draw, shelf, clusters, min(BLOCK, len(keys) - start))
        for start in range(0, len(keys), BLOCK)
    ]
    wanted = _joined([part[0] for part in parts])
    bought = _joined([part[1] for part in parts])
    rank = np.arange(len(wanted.items)) - np.repeat(wanted.indptr[:-1], np.diff(wanted.indptr))
    return Visitors(
        keys,
        draw.integers(-1, SEGMENTS, len(keys)).astype(np.int16),
        Rows(wanted.indptr, number[wanted.items], (1 / (1 + rank)).astype(np.float32)),
        _ascending(Sets(bought.indptr, number[bought.items])),
        no_sets(len(keys)),
        no_rows(len(keys)),
        no_sets(len(keys)),
        np.ones(len(keys), dtype=np.float32),
    )


def _block(
    draw: np.random.Generator, shelf: Shelf, clusters: NDArray[np.int64], count: int
) -> tuple[Sets, Sets]:
    """Return places on the shelf that visitors want, and others that they bought."""
    weights = np.cumsum(1 / np.arange(1, len(clusters) + 1))
    fond = clusters[np.searchsorted(weights / weights[-1], draw.random((count, len(FONDNESS))))]
    share = np.cumsum(FONDNESS)[:-1]
    which = np.searchsorted(share, draw.random((count, 2 * ITEMS + MOST_BOUGHT)))
    cluster = np.take_along_axis(fond, which, axis=1)
    size = np.diff(shelf.firsts)[cluster]
    rank = np.minimum((size + 1.0) ** draw.random(cluster.shape) - 1, size - 1).astype(np.int64)
    items, distinct = _distinct_first(shelf.firsts[cluster] + rank)
    bought = np.minimum(draw.geometric(0.3, count) - 1, MOST_BOUGHT)
    took = distinct[:, ITEMS:] & (np.arange(items.shape[1] - ITEMS) < bought[:, None])
    return _sets(items[:, :ITEMS], distinct[:, :ITEMS]), _sets(items[:, ITEMS:], took)


def _distinct_first(items: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return rows with what comes again moved to their ends, and what does not come again."""
    order = np.argsort(items, axis=1, kind="stable")
    in_order = np.take_along_axis(items, order, axis=1)
    again = np.zeros(items.shape, dtype=np.bool_)
    np.put_along_axis(again, order[:, 1:], in_order[:, 1:] == in_order[:, :-1], axis=1)
    first = np.argsort(again, axis=1, kind="stable")
    return np.take_along_axis(items, first, axis=1), ~np.take_along_axis(again, first, axis=1)


def _sets(items: NDArray[np.int64], kept: NDArray[np.bool_]) -> Sets:
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    return Sets(indptr, items[kept].astype(np.int32))


def _joined(parts: list[Sets]) -> Sets:
    lengths = np.concatenate([np.diff(part.indptr) for part in parts])
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Sets(indptr, np.concatenate([part.items for part in parts]))


def _ascending(sets: Sets) -> Sets:
    owner = np.repeat(np.arange(len(sets.indptr) - 1), np.diff(sets.indptr))
    return Sets(sets.indptr, sets.items[np.lexsort((sets.items, owner))])
