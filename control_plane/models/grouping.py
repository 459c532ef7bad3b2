"""Groups of points for every parameter of an algorithm, each with how good it is."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from control_plane.models.algorithms import ALGORITHMS, Bounds, Labels, Points

#: Rows that silhouettes are measured on; the cost grows with the square.
SILHOUETTE_SAMPLE = 2_000


class Grouping(msgspec.Struct, frozen=True):
    """One way to group all points, found with `parameter`.

    `labels` (points,) int32 from 0 to `count` - 1, -1 for points in no group; `silhouette` from -1
    to 1, over points in groups; `within` the mean square distance of those to their group's
    centre, as a share of that to the centre of all; `grouped` the share of points in a group.
    """

    parameter: float
    labels: Labels
    count: int
    silhouette: float
    within: float
    grouped: float

    @property
    def quality(self) -> float:
        """How clearly all points fall into groups: those in none count as on the border."""
        return self.silhouette * self.grouped


def group_all(points: Points, algorithm: str, bounds: Bounds, seed: int) -> list[Grouping]:
    """Return groupings of (points, dimensions), one for each parameter worth trying.

    Of more groups than `bounds.most` the largest are kept; groupings of fewer than two are left
    out.
    """
    chosen = ALGORITHMS[algorithm]
    sample = choose(len(points), chosen.sample, seed)
    share = len(sample) / max(1, len(points))
    scaled = msgspec.structs.replace(bounds, smallest=round(bounds.smallest * share))
    # One thread: the sums of several come in any order, and with them the last bits.
    with threadpool_limits(limits=1):
        parameters = chosen.parameters(points[sample], scaled)
        found = chosen.group(points[sample], parameters, seed)
        made = []
        for parameter, labels in zip(parameters, found, strict=True):
            kept = _largest(labels, bounds.most)
            made.append(
                _describe(points, parameter, _spread(points, sample, kept, chosen.total), seed)
            )
    return [one for one in made if one.count >= 2]


def choose(count: int, most: int, seed: int) -> NDArray[np.intp]:
    """Return at most `most` of `count` places, drawn at random, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def centres(points: Points, labels: Labels) -> Points:
    """Return each group's mean point, (groups, dimensions)."""
    count = int(labels.max(initial=-1)) + 1
    return np.array([points[labels == number].mean(axis=0) for number in range(count)])


def _largest(labels: Labels, most: int) -> Labels:
    """Return labels in which only the `most` largest groups are left, numbered by size."""
    sizes = np.bincount(labels[labels >= 0])
    kept = np.lexsort((np.arange(len(sizes)), -sizes))[:most]
    number = np.full(len(sizes) + 1, -1, dtype=np.int32)
    number[kept] = np.arange(len(kept))
    return number[labels]


def _spread(points: Points, sample: NDArray[np.intp], found: Labels, total: bool) -> Labels:
    """Return labels of all points: the sample's as found, the others' by the nearest centre.

    Where an algorithm leaves points out, so are those farther off than any of a group's own.
    """
    labels = np.full(len(points), -1, dtype=np.int32)
    labels[sample] = found
    rest = np.setdiff1d(np.arange(len(points)), sample, assume_unique=True)
    if len(rest) and found.max() >= 0:
        middle = centres(points[sample], found)
        nearest, distance = _nearest(points[rest], middle)
        own = np.linalg.norm(points[sample] - middle[found], axis=1)
        reach = np.array([own[found == number].max() for number in range(len(middle))])
        labels[rest] = np.where(total | (distance <= reach[nearest]), nearest, -1)
    return labels


def _nearest(points: Points, middle: Points) -> tuple[Labels, NDArray[np.float64]]:
    """Return the nearest centre of each point and how far it is."""
    best = np.zeros(len(points), dtype=np.int32)
    least = np.full(len(points), np.inf)
    for number, centre in enumerate(middle):
        distance = np.linalg.norm(points - centre, axis=1)
        best[distance < least] = number
        least = np.minimum(least, distance)
    return best, least


def _describe(points: Points, parameter: float, labels: Labels, seed: int) -> Grouping:
    inside = labels >= 0
    middle = centres(points, labels)
    within = 1.0
    if inside.any():
        spread = ((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()
        own = ((points[inside] - middle[labels[inside]]) ** 2).sum(axis=1).mean()
        within = float(own / spread) if spread > 0 else 0.0
    return Grouping(
        parameter=parameter,
        labels=labels,
        count=len(middle),
        silhouette=_silhouette(points[inside], labels[inside], seed),
        within=round(within, 4),
        grouped=round(float(inside.mean()), 4),
    )


def _silhouette(points: Points, labels: Labels, seed: int) -> float:
    from sklearn.metrics import silhouette_score

    chosen = choose(len(points), SILHOUETTE_SAMPLE, seed)
    if not 2 <= len(np.unique(labels[chosen])) < len(chosen):
        return -1.0
    return round(float(silhouette_score(points[chosen], labels[chosen])), 4)
