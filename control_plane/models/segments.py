"""Groups of visitors alike: K-Means on scaled features, its k chosen by silhouette."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.features import Features

#: Visitors a segment should have on average; with fewer than two such groups there are none.
FEWEST_PER_SEGMENT = 10

#: Silhouettes this near are alike: the fewest groups win, or the number in use, since segments
#: that rules name should not change for a breath.
K_MARGIN = 0.02


class Clustering(msgspec.Struct, frozen=True):
    """`labels` (visitors,) int16, -1 for none; `centroids` (k, features) in scaled space.

    `silhouettes` says how well each k tried did; `note` why there are no segments.
    """

    labels: NDArray[np.int16]
    centroids: NDArray[np.float64]
    silhouettes: dict[int, float]
    note: str | None = None


def fit_segments(
    features: Features, fewest: int, most: int, seed: int, in_use: int | None = None
) -> Clustering:
    """Return the best clustering into `fewest` to `most` groups, larger groups first.

    `in_use` is the number of segments of the previous model, kept unless another is clearly
    better; else the fewest of equally good numbers are taken. Few or like visitors yield none,
    and a note. Same input and seed, same result.
    """
    scores = features.scores
    distinct = len(np.unique(scores, axis=0)) if scores.size else 0
    most = min(most, len(scores) // FEWEST_PER_SEGMENT, distinct)
    if most < 2:
        return _none(len(scores), _why_none(len(scores), distinct))
    # scikit-learn takes two seconds to load; only here is it worth them.
    from control_plane.models.kmeans import cluster_all

    fits = cluster_all(scores, range(max(2, min(fewest, most)), most + 1), seed)
    quality = {k: fit.silhouette for k, fit in fits.items()}
    good = [k for k in quality if quality[k] >= max(quality.values()) - K_MARGIN]
    best = in_use if in_use in good else min(good)
    labels, centroids = _by_size(fits[best].labels, fits[best].centroids)
    return Clustering(labels, centroids, quality)


def _by_size(
    labels: NDArray[np.int32], centroids: NDArray[np.float64]
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    sizes = np.bincount(labels, minlength=len(centroids))
    order = np.lexsort((np.arange(len(sizes)), -sizes))
    rank = np.empty(len(order), dtype=np.int16)
    rank[order] = np.arange(len(order))
    return rank[labels], centroids[order]


def _none(count: int, note: str) -> Clustering:
    return Clustering(np.full(count, -1, dtype=np.int16), np.zeros((0, 0)), {}, note)


def _why_none(count: int, distinct: int) -> str:
    if count < 2 * FEWEST_PER_SEGMENT:
        return f"no segments: {count} visitors with consent and history, too few to group"
    if distinct < 2:
        return f"no segments: all {count} visitors are alike in every feature"
    return "no segments: train.segments_max allows fewer than two"
