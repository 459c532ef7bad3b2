"""K-Means and silhouettes by scikit-learn, the same to the last bit on every run."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

#: Rows that centroids are learned from; the others join the nearest.
FIT_SAMPLE = 50_000

#: Rows that silhouettes are measured on; the cost grows with the square.
SILHOUETTE_SAMPLE = 2_000

_STARTS = 10


class Fit(msgspec.Struct, frozen=True):
    """One clustering: `labels` (rows,) int32, mean `silhouette` from -1 to 1."""

    labels: NDArray[np.int32]
    silhouette: float


def cluster_all(points: NDArray[np.float64], ks: Iterable[int], seed: int) -> dict[int, Fit]:
    """Return the clustering of `points` (rows, dimensions) into each number of groups."""
    # One thread: the sums of several come in any order, and with them the last bits.
    with threadpool_limits(limits=1):
        return {k: _cluster(points, k, seed) for k in ks}


def _cluster(points: NDArray[np.float64], k: int, seed: int) -> Fit:
    means = KMeans(n_clusters=k, n_init=_STARTS, random_state=seed, algorithm="lloyd")
    means.fit(points[_sample(len(points), FIT_SAMPLE, seed)])
    labels = means.predict(points)
    return Fit(labels, _silhouette(points, labels, seed))


def _sample(count: int, most: int, seed: int) -> NDArray[np.intp]:
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def _silhouette(points: NDArray[np.float64], labels: NDArray[np.int32], seed: int) -> float:
    chosen = _sample(len(points), SILHOUETTE_SAMPLE, seed)
    if len(np.unique(labels[chosen])) < 2:
        return -1.0
    return round(float(silhouette_score(points[chosen], labels[chosen])), 4)
