"""Columns of any unit made comparable: logarithms where skewed, then one of two scales."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

#: Standard scores beyond this are cut: one reseller must not become a segment.
SCORE_BOUND = 4.0

#: Skewness above which a column that has no value below zero is taken on a log scale.
SKEWED = 1.0

Scaling = Literal["zscore", "minmax"]


class Scaled(msgspec.Struct, frozen=True):
    """Columns that tell visitors apart; `logged` are the names of those on a log scale.

    `scores` (rows, columns) float64: standard scores, 0 where unknown; `places` the same in the
    scale asked for, around the mean.
    """

    names: tuple[str, ...]
    logged: tuple[str, ...]
    scores: NDArray[np.float64]
    places: NDArray[np.float64]


def scale(columns: dict[str, NDArray[np.float64]], count: int, scaling: Scaling) -> Scaled:
    """Return columns of `count` values scaled; NaN becomes the mean, constant ones are left out."""
    scores: dict[str, NDArray[np.float64]] = {}
    logged = []
    for name, values in columns.items():
        known = np.isfinite(values)
        taken = values
        if _is_skewed(values[known]):
            taken = np.log1p(values)
        spread = float(taken[known].std()) if known.any() else 0.0
        if spread > 1e-9:
            found = np.where(known, (taken - taken[known].mean()) / spread, 0.0)
            scores[name] = np.clip(found, -SCORE_BOUND, SCORE_BOUND)
            logged += [name] if taken is not values else []
    places = {name: _to_range(one) if scaling == "minmax" else one for name, one in scores.items()}
    empty = np.zeros((count, 0))
    return Scaled(
        names=tuple(scores),
        logged=tuple(logged),
        scores=np.column_stack([empty, *scores.values()]),
        places=np.column_stack([empty, *places.values()]),
    )


def skewness(values: NDArray[np.float64]) -> float:
    """Return the third standardised moment, 0 for constant values."""
    away = values - values.mean()
    spread = float(np.sqrt((away**2).mean()))
    return float((away**3).mean() / spread**3) if spread > 1e-9 else 0.0


def _is_skewed(values: NDArray[np.float64]) -> bool:
    if len(values) < 2 or values.min() < 0:
        return False
    before = skewness(values)
    return before > SKEWED and abs(skewness(np.log1p(values))) < before


def _to_range(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores from 0 to 1, moved so that their mean is 0."""
    low, high = scores.min(), scores.max()
    return np.asarray((scores - low) / (high - low) - ((scores - low) / (high - low)).mean())
