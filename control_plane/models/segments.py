"""Groups of visitors alike, by the algorithm of the settings; the clearest grouping is taken."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.algorithms import Bounds
from control_plane.settings import Train

#: How much better another number of segments must be than the one in use: segments that rules
#: name should not change for a breath.
MARGIN = 0.02


class Tried(msgspec.Struct, frozen=True):
    """One grouping that was tried: see `grouping.Grouping`."""

    parameter: float
    segments: int
    silhouette: float
    within: float
    grouped: float


class Clustering(msgspec.Struct, frozen=True):
    """`labels` (visitors,) int16 from 0 to `count` - 1, the largest group first, -1 for none.

    `tried` says how well each grouping did, `parameter` which one was taken. `suppressed` is how
    many groups were too small to be told of, and of how many visitors; `note` says why there are
    no segments.
    """

    labels: NDArray[np.int16]
    count: int
    tried: tuple[Tried, ...] = ()
    parameter: float = 0.0
    suppressed: tuple[int, int] = (0, 0)
    note: str | None = None


def fit_segments(space: NDArray[np.float64], train: Train, in_use: int | None = None) -> Clustering:
    """Return the best grouping of (visitors, dimensions) by the settings `segments_…`.

    `in_use` is the number of segments of the previous model, kept unless another is clearly
    better. Few or like visitors yield none, and a note. Same input and settings, same result.
    """
    distinct = len(np.unique(space, axis=0)) if space.size else 0
    most = min(train.segments_max, len(space) // train.segments_smallest, distinct)
    if most < 2:
        return _nobody(space, _why_none(len(space), distinct, train))
    # scikit-learn takes two seconds to load; only here is it worth them.
    from control_plane.models.grouping import group_all

    bounds = Bounds(max(2, min(train.segments_min, most)), most, train.segments_smallest)
    made = group_all(space, train.segments_algorithm, bounds, train.seed)
    tried = tuple(
        Tried(one.parameter, one.count, one.silhouette, one.within, one.grouped) for one in made
    )
    wished = [one for one in made if one.count >= bounds.fewest] or made
    if not wished:
        return _nobody(space, f"no segments: {train.segments_algorithm} finds no two groups")
    best = max(wished, key=lambda one: (one.quality, -one.count))
    used = [one for one in wished if one.count == in_use]
    kept = max(used, key=lambda one: one.quality, default=best)
    best = kept if kept.quality >= best.quality - MARGIN else best
    labels, count, suppressed = _by_size(best.labels, best.count, train.segments_smallest)
    note = None if count else f"no segments: none has {train.segments_smallest} visitors"
    return Clustering(labels, count, tried, best.parameter, suppressed, note)


def _by_size(
    labels: NDArray[np.int32], count: int, smallest: int
) -> tuple[NDArray[np.int16], int, tuple[int, int]]:
    """Return labels by size, those of too small groups -1, and how many were so."""
    sizes = np.bincount(labels[labels >= 0], minlength=count)
    order = np.lexsort((np.arange(count), -sizes))
    kept = int((sizes >= smallest).sum())
    rank = np.full(count + 1, -1, dtype=np.int16)
    rank[order[:kept]] = np.arange(kept)
    return rank[labels], kept, (count - kept, int(sizes[order[kept:]].sum()))


def _nobody(space: NDArray[np.float64], note: str) -> Clustering:
    return Clustering(np.full(len(space), -1, dtype=np.int16), 0, note=note)


def _why_none(count: int, distinct: int, train: Train) -> str:
    if count < 2 * train.segments_smallest:
        return f"no segments: {count} visitors with consent and history, too few to group"
    if distinct < 2:
        return f"no segments: all {count} visitors are alike in every feature"
    return "no segments: train.segments_max allows fewer than two"
