"""What every algorithm that groups visitors must do, on worlds with obvious groups and on none."""

from __future__ import annotations

from unittest import mock

import msgspec
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from control_plane.models.algorithms import ALGORITHMS
from control_plane.models.segments import fit_segments
from control_plane.models.stability import resampled_overlaps
from control_plane.settings import Train

pytestmark = pytest.mark.parametrize("algorithm", list(ALGORITHMS))

CENTRES = np.array([[6.0, 0, 0], [0, 6, 0], [0, 0, 6], [-6, -6, 0]])
SHARES = (0.4, 0.3, 0.2, 0.1)


def world(count=300, seed=1):
    """Return points around four centres, and which each is from."""
    random = np.random.default_rng(seed)
    truth = random.choice(4, count, p=SHARES)
    return CENTRES[truth] + random.normal(0, 0.5, (count, 3)), truth


def settings(algorithm, **others):
    return Train(segments_algorithm=algorithm, **others)


def test_obvious_groups_are_found_the_largest_first(algorithm):
    points, truth = world()
    found = fit_segments(points, settings(algorithm))
    assert adjusted_rand_score(truth, found.labels) > 0.95
    assert found.count == 4
    assert [int(np.median(truth[found.labels == n])) for n in range(4)] == [0, 1, 2, 3]
    taken = next(one for one in found.tried if one.parameter == found.parameter)
    assert taken.silhouette > 0.7
    assert taken.within < 0.1
    assert taken.grouped > 0.9


def test_groups_learned_from_a_sample_take_in_nearly_everyone(algorithm):
    points, truth = world(600)
    small = msgspec.structs.replace(ALGORITHMS[algorithm], sample=200)
    with mock.patch.dict(ALGORITHMS, {algorithm: small}):
        found = fit_segments(points, settings(algorithm))
    inside = found.labels >= 0
    assert inside.mean() > 0.9
    assert adjusted_rand_score(truth[inside], found.labels[inside]) > 0.95
    if ALGORITHMS[algorithm].total:
        assert inside.all()


def test_the_same_points_and_seed_give_the_same_groups(algorithm):
    points = np.random.default_rng(3).normal(size=(200, 4))
    one, other = (fit_segments(points, settings(algorithm)) for _ in range(2))
    assert one.labels.tobytes() == other.labels.tobytes()
    assert one.tried == other.tried


def test_no_group_is_smaller_than_allowed(algorithm):
    points, truth = world()
    smallest = int((truth == 3).sum()) + 1
    found = fit_segments(points, settings(algorithm, segments_min=4, segments_smallest=smallest))
    sizes = np.bincount(found.labels[found.labels >= 0])
    assert sizes.min() >= smallest
    assert found.count == len(sizes)


def test_there_are_no_more_groups_than_allowed(algorithm):
    points, truth = world()
    found = fit_segments(points, settings(algorithm, segments_min=2, segments_max=2))
    assert found.count == 2
    if not ALGORITHMS[algorithm].total:
        assert [set(truth[found.labels == n]) for n in range(2)] == [{0}, {1}]


def test_small_groups_are_suppressed_and_counted(algorithm):
    points, _ = world(297)
    far = np.vstack([points, [[60.0, 60, 60]] * 3])
    found = fit_segments(far, settings(algorithm, segments_min=5, segments_max=5))
    groups, people = found.suppressed
    assert found.labels[-3:].tolist() == [-1] * 3
    if ALGORITHMS[algorithm].total:
        assert (groups, people) == (1, 3)


def test_obvious_groups_are_found_again_among_other_draws(algorithm):
    points, _ = world()
    train = settings(algorithm)
    assert min(resampled_overlaps(points, fit_segments(points, train), train)) > 0.85


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((0, 3)),
        np.zeros((1, 3)),
        np.zeros((50, 3)),
        np.zeros((50, 0)),
        np.repeat([[1.0], [-1.0]], 30, axis=0),
        np.arange(60.0)[:, None],
        np.vstack([np.zeros((49, 2)), [[1.0, 1.0]]]),
    ],
    ids=["nobody", "one", "all alike", "no feature", "two kinds", "a line", "one stands out"],
)
def test_degenerate_points_give_groups_or_a_reason(algorithm, points):
    found = fit_segments(points, settings(algorithm))
    assert len(found.labels) == len(points)
    assert (found.count > 0) == (found.note is None)
    assert found.labels.max(initial=-1) == found.count - 1
    overlaps = resampled_overlaps(points, found, settings(algorithm))
    assert len(overlaps) == found.count
    assert all(0 <= overlap <= 1 for overlap in overlaps)
