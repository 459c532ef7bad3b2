"""Chooses what known visitors' rows are made by, on what was held out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.visitors.heldout import HeldOut
from control_plane.models.visitors.histories import Histories, filtered
from control_plane.models.visitors.mixture import LINEAR, LOWRANK, NEIGHBOURHOOD, Tables
from control_plane.models.visitors.rows import liked_items

#: Measured on a gift shop's next invoices: 30 days .0907 N@20, 7 days .0922, no decay .0874.
HALF_LIFE_DAYS = 30.0
HALF_LIVES = (7.0, 30.0, 120.0, 100_000.0)

#: Weights of neighbourhood, linear and low-rank model, the cheapest first.
WEIGHTS = (
    (1.0, 0.0, 0.0),
    (1.0, 1.0, 0.0),
    (0.5, 1.0, 0.0),
    (1.0, 0.0, 1.0),
    (0.5, 0.0, 1.0),
    (0.5, 1.0, 0.5),
    (0.5, 1.0, 1.0),
    (0.5, 0.5, 1.0),
    (0.25, 0.5, 1.0),
)
#: What serves where nothing can be held out: measured on Gowalla, R@20 .193, N@20 .160.
DEFAULT_WEIGHTS = {NEIGHBOURHOOD: 0.5, LINEAR: 1.0, LOWRANK: 0.5}
AT = 20

#: Visitors whose scores of all items are held at once, four bytes each and model.
_BLOCK_CELLS = 8_000_000
_RANKED_AT_ONCE = 128


class Choice(msgspec.Struct, frozen=True):
    """Weights by model, the half-life, and NDCG@20 of all that was tried, by its name."""

    weights: dict[str, float]
    half_life_days: float
    tried: dict[str, float]


def candidates(models: tuple[str, ...]) -> list[dict[str, float]]:
    """Return the weights to try where only `models` were fitted."""
    names = (NEIGHBOURHOOD, LINEAR, LOWRANK)
    all_weights = [dict(zip(names, weights, strict=True)) for weights in WEIGHTS]
    return [
        {name: weight for name, weight in weights.items() if weight}
        for weights in all_weights
        if all(name in models for name, weight in weights.items() if weight)
    ]


def choose(held: HeldOut, tables: Tables) -> Choice:
    """Return the half-life and then the weights that rank what was held out best.

    What costs more, or is not the default, must be better by more than a standard error.
    """
    tried: dict[str, float] = {}
    plain = {NEIGHBOURHOOD: 1.0}
    lives = [HALF_LIFE_DAYS, *(days for days in HALF_LIVES if days != HALF_LIFE_DAYS)]
    gains = np.stack([_gains(held, tables, [plain], days)[0] for days in lives])
    named = (f"half-life of {days:g} days" for days in lives)
    tried |= dict(zip(named, map(_mean, gains), strict=True))
    half_life = lives[_clearly_best(gains)]
    weights = candidates(tuple(tables.by_model))
    gains = _gains(held, tables, weights, half_life)
    tried |= {_name(one): _mean(gain) for one, gain in zip(weights, gains, strict=True)}
    return Choice(weights[_clearly_best(gains)], half_life, tried)


def _gains(
    held: HeldOut, tables: Tables, weights: list[dict[str, float]], half_life_days: float
) -> NDArray[np.float64]:
    """Return NDCG@20 of each weights for each visitor of the sample, (weights, sample)."""
    older, wanted = _of_sample(held.older, held), _of_sample(held.newest, held)
    out = np.zeros((len(weights), len(held.visitors)))
    for start, stop, scores in _scores(older, tables, half_life_days):
        targets = _places(wanted, start, stop)
        for number, one in enumerate(weights):
            total = sum(scores[name] * np.float32(weight) for name, weight in one.items())
            out[number, start:stop] = _ndcg(np.asarray(total), targets, stop - start)
    return out


def _scores(
    older: Histories, tables: Tables, half_life_days: float
) -> Iterator[tuple[int, int, dict[str, NDArray[np.float32]]]]:
    """Yield blocks of visitors and each model's scores of all items, those met far below."""
    items = next(iter(tables.by_model.values())).shape[0]
    liked = liked_items(older, items, half_life_days)
    step = max(1, _BLOCK_CELLS // items)
    for start in range(0, len(older.keys), step):
        stop = min(start + step, len(older.keys))
        met = _places(older, start, stop)
        scores = {}
        for name, table in tables.by_model.items():
            scores[name] = (liked[start:stop] @ table).toarray().astype(np.float32)
            scores[name][met] = -1e9
        yield start, stop, scores


def _ndcg(scores: NDArray[np.float32], targets: tuple[Any, Any], count: int) -> NDArray[np.float64]:
    """Return NDCG@20 of each row, of targets (row, item)."""
    row, item = targets
    own = scores[row, item]
    # Only items that lead anywhere count as ranked.
    rank = np.full(len(row), AT)
    for start in range(0, len(row), _RANKED_AT_ONCE):
        part = slice(start, start + _RANKED_AT_ONCE)
        rank[part] = (scores[row[part]] > own[part, None]).sum(axis=1)
    hit = (rank < AT) & (own > 0)
    gained = np.bincount(row[hit], 1 / np.log2(rank[hit] + 2.0), count)
    ideal = np.append(0, np.cumsum(1 / np.log2(np.arange(AT) + 2.0)))
    return np.asarray(gained / ideal[np.minimum(np.bincount(row, minlength=count), AT)])


def _clearly_best(gains: NDArray[np.float64]) -> int:
    """Return the best row, the first unless another beats it by more than a standard error."""
    best = int(np.argmax(gains.mean(axis=1)))
    ahead = gains[best] - gains[0]
    return best if ahead.mean() > ahead.std() / np.sqrt(gains.shape[1]) else 0


def _of_sample(histories: Histories, held: HeldOut) -> Histories:
    lengths = np.diff(histories.indptr)
    chosen = np.zeros(len(lengths), dtype=np.bool_)
    chosen[held.visitors] = True
    kept = filtered(histories, np.repeat(chosen, lengths))
    return msgspec.structs.replace(
        kept,
        keys=kept.keys[chosen],
        people=kept.people[chosen],
        indptr=np.append(0, np.cumsum(lengths[chosen])),
    )


def _places(histories: Histories, start: int, stop: int) -> tuple[Any, Any]:
    """Return row and item of what visitors start to stop have, rows counted from start."""
    indptr = histories.indptr[start : stop + 1]
    return np.repeat(np.arange(stop - start), np.diff(indptr)), histories.items[
        indptr[0] : indptr[-1]
    ]


def _name(weights: dict[str, float]) -> str:
    return " + ".join(f"{weight:g} {name}" for name, weight in weights.items())


def _mean(gains: NDArray[np.float64]) -> float:
    return round(float(gains.mean()), 4)
