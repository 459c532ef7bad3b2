"""The space in which visitors are grouped: a few directions of taste, and their habits.

Standard scores of forty categories would drown everything in the noise of visitors with five
views. Square roots of shares (Hellinger distance) and their main directions keep what is
common: on a generated shop of eight hidden tastes, groups agree with the truth by an adjusted
Rand index of .71, against .48 for standard scores.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

#: Directions of taste that are kept.
TASTE_DIRECTIONS = 8

#: How much habits spread visitors, against tastes: enough to tilt groups, not to make them.
HABITS_TO_TASTES = 1 / 3

#: Where the digits of alike visitors end.
_DIGITS = 9


def grouping_space(habits: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (visitors, dimensions) from standard scores of habits and shares of tastes.

    Each block is scaled to a mean square of 1 for tastes and `HABITS_TO_TASTES` for habits.
    """
    # One thread: the sums of several come in any order, and with them the last bits.
    with threadpool_limits(limits=1):
        tastes = _unit(_main_directions(np.sqrt(shares), TASTE_DIRECTIONS))
    space = np.column_stack([tastes, _unit(habits) * HABITS_TO_TASTES**0.5])
    return np.round(space, _DIGITS)


def _main_directions(points: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Return the points' coordinates along their directions of greatest variance."""
    if points.shape[0] < 2 or points.shape[1] < 2:
        return np.zeros((points.shape[0], 0))
    centred = points - points.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(points))
    kept = np.flatnonzero(variances > 1e-9)[::-1][:most]
    return np.asarray(centred @ directions[:, kept])


def _unit(block: NDArray[np.float64]) -> NDArray[np.float64]:
    size = np.sqrt((block**2).sum() / max(len(block), 1))
    return block / size if size > 0 else block
