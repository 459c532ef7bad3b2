"""The same segment from one model to the next, so that rules which name it go on meaning it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Model, Segment
from control_plane.models.features import Features
from control_plane.models.naming import TELLING, describe, slug
from control_plane.models.segments import Clustering

#: Of the visitors in either of two segments, the share in both that makes them one segment.
LEAST_OVERLAP = 0.3

#: Root mean square distance, in standard scores, up to which centroids are one segment's.
MOST_DISTANCE = 0.7

#: Weaker traits say nothing about a segment.
_LEAST_TRAIT = TELLING / 2


def name_segments(
    clustering: Clustering,
    features: Features,
    keys: NDArray[np.uint64],
    previous: Model | None,
    reserved: Collection[str] = (),
) -> list[Segment]:
    """Return the clustering's segments; those that continue one of `previous` keep key and name.

    `keys` are the visitors of the clustering, ascending. A new segment never takes the key of
    a previous one, nor one that is `reserved`.
    """
    centroids = _centroids(clustering, features)
    kept = _matches(clustering, centroids, features.names, keys, previous) if previous else {}
    former = list(kept.values())
    names = {segment.name for segment in former}
    taken = {*reserved, *(one.key for one in (previous.segments if previous else ()))}
    segments = []
    for number, centroid in enumerate(centroids):
        traits = _traits(features.names, centroid)
        match = kept.get(number)
        name = match.name if match else describe(traits, names)
        key = match.key if match else slug(name, taken)
        names.add(name)
        taken.add(key)
        segments.append(
            Segment(
                key=key,
                name=name,
                size=int((clustering.labels == number).sum()),
                traits=traits,
                centroid=tuple(round(float(score), 6) for score in centroid),
            )
        )
    return segments


def _centroids(clustering: Clustering, features: Features) -> NDArray[np.float64]:
    """Return each group's mean standard scores, (groups, features)."""
    groups = [features.scores[clustering.labels == number] for number in range(clustering.count)]
    empty = np.zeros((0, len(features.names)))
    return np.vstack([empty, *(group.mean(axis=0) for group in groups)])


def _traits(names: tuple[str, ...], centroid: NDArray[np.float64]) -> dict[str, float]:
    scores = {name: round(float(score), 3) for name, score in zip(names, centroid, strict=True)}
    ranked = sorted(scores, key=lambda name: (-abs(scores[name]), name))
    return {name: scores[name] for name in ranked if abs(scores[name]) >= _LEAST_TRAIT}


def _matches(
    clustering: Clustering,
    centroids: NDArray[np.float64],
    names: tuple[str, ...],
    keys: NDArray[np.uint64],
    previous: Model,
) -> dict[int, Segment]:
    """Return new segment number -> the previous segment it continues (Hungarian assignment)."""
    from scipy.optimize import linear_sum_assignment

    if not previous.segments or not clustering.count:
        return {}
    likeness, least = _overlap(clustering, keys, previous), LEAST_OVERLAP
    if likeness is None:
        likeness, least = -_distance(centroids, names, previous), -MOST_DISTANCE
    pairs = zip(*linear_sum_assignment(likeness, maximize=True), strict=True)
    return {
        int(new): previous.segments[int(old)] for new, old in pairs if likeness[new, old] >= least
    }


def _overlap(
    clustering: Clustering, keys: NDArray[np.uint64], previous: Model
) -> NDArray[np.float64] | None:
    """Return (new, old) Jaccard overlaps among visitors of both models, None if there are none."""
    shared, mine, theirs = np.intersect1d(
        keys, previous.visitors.keys, assume_unique=True, return_indices=True
    )
    new, old = clustering.labels[mine], previous.visitors.segment[theirs]
    both = (new >= 0) & (old >= 0)
    if not len(shared) or not both.any():
        return None
    table = np.zeros((clustering.count, len(previous.segments)))
    np.add.at(table, (new[both], old[both]), 1)
    union = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
    return table / np.maximum(union, 1)


def _distance(
    centroids: NDArray[np.float64], names: tuple[str, ...], previous: Model
) -> NDArray[np.float64]:
    """Return (new, old) distances of centroids over the features that both models have."""
    former = list(previous.report.get("features", ()))
    common = [name for name in names if name in former]
    if not common:
        return np.full((len(centroids), len(previous.segments)), 2 * MOST_DISTANCE)
    new = centroids[:, [names.index(name) for name in common]]
    old = np.array([segment.centroid for segment in previous.segments])
    old = old[:, [former.index(name) for name in common]]
    return np.asarray(np.sqrt(((new[:, None] - old[None]) ** 2).mean(axis=2)))
