"""How far segments can be relied on: found again among other visitors, and since the last run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from control_plane.models.artifacts import Model, Segment
from control_plane.models.segments import Clustering
from control_plane.settings import Train

#: Draws of visitors that are grouped anew, and how many visitors each has.
RESAMPLES, RESAMPLED = 8, 4_000

#: Mean overlap under which a segment may be an accident (Hennig 2007).
UNSTABLE = 0.6


def resampled_overlaps(
    space: NDArray[np.float64], clustering: Clustering, train: Train
) -> list[float]:
    """Return how well each segment is found again among visitors drawn with replacement, 0 to 1.

    The overlap of two groups is that of Jaccard; for each draw the most alike group counts.
    """
    if not clustering.count:
        return []
    from control_plane.models.algorithms import ALGORITHMS

    algorithm = ALGORITHMS[train.segments_algorithm]
    draws = np.random.default_rng(train.seed)
    overlaps = np.zeros((RESAMPLES, clustering.count))
    for draw in range(RESAMPLES):
        rows = draws.integers(0, len(space), min(len(space), RESAMPLED, algorithm.sample))
        with threadpool_limits(limits=1):
            (found,) = algorithm.group(space[rows], [clustering.parameter], train.seed)
        _, first = np.unique(rows, return_index=True)
        table = _shared(clustering.labels[rows[first]], clustering.count, found[first])
        overlaps[draw] = table.max(axis=1, initial=0)
    return [round(float(overlap), 4) for overlap in overlaps.mean(axis=0)]


def since_last_run(
    clustering: Clustering,
    segments: list[Segment],
    keys: NDArray[np.uint64],
    previous: Model | None,
) -> dict[str, Any]:
    """Return how visitors of both models moved; `visitors` 0 when there are none.

    `adjusted_rand` compares the groups whatever their names, `kept` is the share of visitors
    whose segment has the same key, `ended` names segments that no longer are.
    """
    if previous is None:
        return {"visitors": 0}
    _, mine, theirs = np.intersect1d(
        keys, previous.visitors.keys, assume_unique=True, return_indices=True
    )
    new, old = clustering.labels[mine], previous.visitors.segment[theirs]
    both = (new >= 0) & (old >= 0)
    ended = sorted({one.key for one in previous.segments} - {one.key for one in segments})
    if not both.any():
        return {"visitors": 0, "ended": ended}
    from sklearn.metrics import adjusted_rand_score

    names = np.array([one.key for one in segments])
    former = np.array([one.key for one in previous.segments])
    same = names[new[both]] == former[old[both]]
    return {
        "visitors": int(both.sum()),
        "adjusted_rand": round(float(adjusted_rand_score(old[both], new[both])), 4),
        "kept": round(float(same.mean()), 4),
        "ended": ended,
    }


def _shared(one: NDArray[np.int16], count: int, other: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the overlaps of `count` groups with those of the other grouping of the same rows."""
    others = int(other.max(initial=-1)) + 1
    table = np.zeros((count, others))
    both = (one >= 0) & (other >= 0)
    np.add.at(table, (one[both], other[both]), 1)
    sizes = np.bincount(one[one >= 0], minlength=count)[:, None]
    union = sizes + np.bincount(other[other >= 0], minlength=others)[None, :] - table
    return np.asarray(table / np.maximum(union, 1))
