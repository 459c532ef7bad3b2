"""Groups of visitors alike: K-Means on scaled features, k chosen by silhouette."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

#: Visitors a segment should have on average; with fewer than two such groups there are none.
FEWEST_PER_SEGMENT = 10

#: How much better another k must be than the number in use: segments that rules name should not
#: change for a breath.
K_MARGIN = 0.02


class Clustering(msgspec.Struct, frozen=True):
    """`labels` (visitors,) int16 from 0 to `count` - 1, the largest group first, or all -1.

    `silhouettes` says how well each k tried did; `note` why there are no segments.
    """

    labels: NDArray[np.int16]
    count: int
    silhouettes: dict[int, float]
    note: str | None = None


def fit_segments(
    space: NDArray[np.float64], fewest: int, most: int, seed: int, in_use: int | None = None
) -> Clustering:
    """Return the best clustering of (visitors, dimensions) into `fewest` to `most` groups.

    `in_use` is the number of segments of the previous model, kept unless another is clearly
    better. Few or like visitors yield none, and a note. Same input and seed, same result.
    """
    distinct = len(np.unique(space, axis=0)) if space.size else 0
    most = min(most, len(space) // FEWEST_PER_SEGMENT, distinct)
    if most < 2:
        labels = np.full(len(space), -1, dtype=np.int16)
        return Clustering(labels, 0, {}, _why_none(len(space), distinct))
    # scikit-learn takes two seconds to load; only here is it worth them.
    from control_plane.models.kmeans import cluster_all

    fits = cluster_all(space, range(max(2, min(fewest, most)), most + 1), seed)
    quality = {k: fit.silhouette for k, fit in fits.items()}
    best = max(quality, key=lambda k: (quality[k], -k))
    if in_use in quality and quality[in_use] >= quality[best] - K_MARGIN:
        best = in_use
    return Clustering(_by_size(fits[best].labels, best), best, quality)


def _by_size(labels: NDArray[np.int32], count: int) -> NDArray[np.int16]:
    sizes = np.bincount(labels, minlength=count)
    rank = np.empty(count, dtype=np.int16)
    rank[np.lexsort((np.arange(count), -sizes))] = np.arange(count)
    return rank[labels]


def _why_none(count: int, distinct: int) -> str:
    if count < 2 * FEWEST_PER_SEGMENT:
        return f"no segments: {count} visitors with consent and history, too few to group"
    if distinct < 2:
        return f"no segments: all {count} visitors are alike in every feature"
    return "no segments: train.segments_max allows fewer than two"
