"""Draws when sessions begin and how long people look at things."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DAY_MS, HOUR_MS, SECOND_MS = 86_400_000, 3_600_000, 1000

#: Visits by hour of the local day: little at night, a noon and an evening peak.
_HOURS = (
    0.9, 0.5, 0.3, 0.2, 0.2, 0.4, 1.0, 2.0, 3.2, 4.2, 4.8, 5.2,
    5.8, 5.4, 4.8, 4.6, 4.8, 5.4, 6.2, 7.2, 8.2, 8.4, 6.4, 3.0,
)  # fmt: skip
_WEEKEND, _GROWTH = 1.3, 0.15
_GAP_MEDIAN_SECONDS, _GAP_SPREAD = 38.0, 0.8
MAX_GAP_SECONDS = 1200


def first_day(end: date, days: int) -> date:
    """Return the first of `days` days that end with `end`."""
    return end - timedelta(days=days - 1)


def day_start_ms(day: date) -> int:
    """Return the epoch milliseconds at which a UTC day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND_MS


def draw_starts(
    offsets: NDArray[np.int64], end: date, days: int, draws: np.random.Generator
) -> NDArray[np.int64]:
    """Return a start in epoch ms for each session; `offsets` are its hours ahead of UTC.

    All lie within the `days` days that end with `end`, in UTC.
    """
    weights = np.array([_day_weight(end, days, place) for place in range(days)])
    day = draws.choice(days, len(offsets), p=weights / weights.sum())
    hours = np.array(_HOURS) / sum(_HOURS)
    hour = (draws.choice(24, len(offsets), p=hours) - offsets) % 24
    inside = draws.integers(HOUR_MS, size=len(offsets))
    begin = day_start_ms(first_day(end, days))
    return np.asarray(begin + day * DAY_MS + hour * HOUR_MS + inside)


def draw_gaps(shape: tuple[int, ...], draws: np.random.Generator) -> NDArray[np.int64]:
    """Return milliseconds between one look and the next, at most MAX_GAP_SECONDS."""
    seconds = np.exp(draws.normal(np.log(_GAP_MEDIAN_SECONDS), _GAP_SPREAD, shape))
    return np.asarray((np.clip(seconds, 3, MAX_GAP_SECONDS) * SECOND_MS).astype(np.int64))


def iso(epoch_ms: int) -> str:
    """Return a time as 2026-10-31T20:15:04.123Z."""
    return f"{_second(epoch_ms // SECOND_MS)}.{epoch_ms % SECOND_MS:03d}Z"


@lru_cache(maxsize=1024)
def _second(epoch_seconds: int) -> str:
    # Most calls are sent within the second they tell of: half of all times are known.
    return datetime.fromtimestamp(epoch_seconds, tz=UTC).isoformat()[:19]


def _day_weight(end: date, days: int, place: int) -> float:
    day = first_day(end, days) + timedelta(days=place)
    weekend = _WEEKEND if day.weekday() >= 5 else 1.0
    return weekend * (1 + _GROWTH * place / max(1, days - 1))
