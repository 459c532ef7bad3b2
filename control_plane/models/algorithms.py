"""Ways to group points, by scikit-learn and SciPy, behind one choice; the same bits on every run.

Each groups a sample that its memory can bear, once for every parameter worth trying: a number of
groups, the least size of a group, or a distance. The others join the nearest group afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Labels = NDArray[np.int32]


class Bounds(msgspec.Struct, frozen=True):
    """How many groups there may be, and how many of the sample's points the least must hold."""

    fewest: int
    most: int
    smallest: int


class Algorithm(msgspec.Struct, frozen=True):
    """One way to group.

    `parameters` are those worth trying for points within bounds; `group` returns for each of them
    the points' groups from 0, -1 for none. `sample` is how many points it can bear. Only a `total`
    algorithm puts everyone in a group.
    """

    sample: int
    total: bool
    parameters: Callable[[Points, Bounds], list[float]]
    group: Callable[[Points, Sequence[float], int], list[Labels]]


#: Points near enough that a place is no accident.
_NEIGHBOURS = 10
_STARTS = 10


def _numbers(points: Points, bounds: Bounds) -> list[float]:
    return [float(k) for k in range(bounds.fewest, bounds.most + 1)]


def _kmeans(points: Points, numbers: Sequence[float], seed: int) -> list[Labels]:
    from sklearn.cluster import KMeans

    distinct = len(np.unique(points, axis=0))
    means = (
        KMeans(
            n_clusters=min(int(k), distinct), n_init=_STARTS, random_state=seed, algorithm="lloyd"
        )
        for k in numbers
    )
    return [one.fit_predict(points).astype(np.int32) for one in means]


def _hierarchical(points: Points, numbers: Sequence[float], _seed: int) -> list[Labels]:
    """Cut one tree of Ward's at each number of groups."""
    from scipy.cluster.hierarchy import fcluster, linkage

    tree = linkage(points, method="ward")
    return [(fcluster(tree, int(k), criterion="maxclust") - 1).astype(np.int32) for k in numbers]


def _least_sizes(points: Points, bounds: Bounds) -> list[float]:
    shares = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12)
    sizes = {max(2, bounds.smallest, round(len(points) * share)) for share in shares}
    return [float(size) for size in sorted(sizes)]


def _hdbscan(points: Points, sizes: Sequence[float], _seed: int) -> list[Labels]:
    from sklearn.cluster import HDBSCAN

    near = min(_NEIGHBOURS, len(points))
    made = (HDBSCAN(min_cluster_size=int(s), min_samples=near, copy=True) for s in sizes)
    return [one.fit_predict(points).astype(np.int32) for one in made]


def _distances(points: Points, _bounds: Bounds) -> list[float]:
    """Return distances within which a half to nearly all points have enough neighbours."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(points))).fit(points)
    far = near.kneighbors(points)[0][:, -1]
    wanted = np.unique(np.quantile(far, (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)).round(9))
    return [float(distance) for distance in wanted if distance > 0] or [1e-6]


def _dbscan(points: Points, distances: Sequence[float], _seed: int) -> list[Labels]:
    from sklearn.cluster import DBSCAN

    near = min(_NEIGHBOURS, len(points))
    return [
        DBSCAN(eps=eps, min_samples=near).fit_predict(points).astype(np.int32) for eps in distances
    ]


ALGORITHMS = {
    "kmeans": Algorithm(50_000, True, _numbers, _kmeans),
    "hierarchical": Algorithm(4_000, True, _numbers, _hierarchical),
    "hdbscan": Algorithm(4_000, False, _least_sizes, _hdbscan),
    "dbscan": Algorithm(4_000, False, _distances, _dbscan),
}
