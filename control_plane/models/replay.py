"""Replays sessions against neighbour rows as the worker sums them: where was the next item?

Scores are the worker's but for its rounding; of equal scores a target takes the middle place.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.artifacts import Rows
from control_plane.models.ranking import reminder_scale
from control_plane.models.recipe import Serving
from control_plane.profiles.interest import ORDER
from control_plane.profiles.sessions import Sessions


class Clicks(msgspec.Struct, frozen=True):
    """What sessions went on to after each of their steps but the last.

    Of each click (n,): `session` int64 whose it was; `target` int32 the item it led to; `seen`
    bool whether the session had met that before. Of each step before a click (m,): `click` and
    `age` int64, 0 for the newest; `item` int32. `met` is their items as a sparse (n, items) of 1.
    """

    session: NDArray[np.int64]
    target: NDArray[np.int32]
    seen: NDArray[np.bool_]
    click: NDArray[np.int64]
    age: NDArray[np.int64]
    item: NDArray[np.int32]
    met: Any


class Ranks(msgspec.Struct, frozen=True):
    """Where each click's target stood, 1 the best, infinite without a score, float64 (n,).

    `repeats` where seen items may come back, `discover` where they are left out, and so infinite.
    """

    repeats: NDArray[np.float64]
    discover: NDArray[np.float64]


def clicks_of(sessions: Sessions, item_count: int, most: int, *, orders: bool) -> Clicks:
    """Return about `most` clicks or all, those of whole sessions spread evenly over `sessions`.

    Without `orders`, what a click led to was looked at or put in the cart.
    """
    so_many = np.append(0, np.cumsum(_goals(sessions, orders)))[sessions.indptr]
    chosen = sessions.take(_spread(np.diff(so_many), most))
    goals = np.flatnonzero(_goals(chosen, orders))
    owner = np.repeat(np.arange(len(chosen.ends)), np.diff(chosen.indptr))[goals]
    count = goals - chosen.indptr[owner]
    click = np.repeat(np.arange(len(goals)), count)
    age = np.arange(len(click)) - np.repeat(np.cumsum(count) - count, count)
    item = chosen.items[np.repeat(goals, count) - 1 - age]
    cells = (np.ones(len(click)), (click, item))
    met = sparse.csr_matrix(cells, shape=(len(goals), item_count)).minimum(1)
    target = chosen.items[goals]
    return Clicks(owner, target, _of(met, target) > 0, click, age, item, met)


def replay(clicks: Clicks, rows: Rows, serving: Serving) -> Ranks:
    """Return where each click's target stood among all that had a score."""
    items = clicks.met.shape[1]
    near = sparse.csr_matrix((rows.scores, rows.items, rows.indptr), shape=(items, items))
    again = serving.reminder * reminder_scale(rows)
    scores = (_recent(clicks, serving.items, 1.0, serving.decay) @ near).tocsr()
    reminded = scores + _recent(clicks, serving.items, again, serving.reminder_decay)
    target = _of(scores, clicks.target)
    ahead = _ahead(scores, target) - _ahead(scores.multiply(clicks.met).tocsr(), target)
    return Ranks(
        repeats=_places(reminded, _of(reminded, clicks.target)),
        discover=np.where((target > 0) & ~clicks.seen, ahead + 0.5, np.inf),
    )


def _goals(sessions: Sessions, orders: bool) -> NDArray[np.bool_]:
    """Say of each step whether it may be what a click led to: not the first of its session."""
    goals = np.ones(len(sessions.items), dtype=np.bool_) if orders else sessions.kinds != ORDER
    goals[sessions.indptr[:-1]] = False
    return goals


def _spread(clicks: NDArray[np.int64], most: int) -> NDArray[np.intp]:
    """Return places of sessions that have about `most` clicks together, evenly spread."""
    some = np.flatnonzero(clicks > 0)
    step = max(1.0, clicks[some].sum() / max(most, 1))
    return some[(np.arange(int(len(some) / step)) * step).astype(np.int64)]


def _recent(clicks: Clicks, items: int, most: float, decay: float) -> Any:
    """Return `most · e^(-age / decay)` of the last `items` steps before each click, as a table."""
    last = clicks.age < items
    weights = most * np.exp(-clicks.age[last] / decay)
    return sparse.csr_matrix(
        (weights, (clicks.click[last], clicks.item[last])), shape=clicks.met.shape
    )


def _of(table: Any, target: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return what a table holds of each row's target."""
    if not len(target):
        return np.zeros(0)
    return np.asarray(table[np.arange(len(target)), target]).ravel()


def _ahead(table: Any, target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many entries of each row are higher than its target's, equal ones as halves."""
    row = np.repeat(np.arange(len(target)), np.diff(table.indptr))
    halves = np.where(table.data > target[row], 1.0, 0.5 * (table.data == target[row]))
    return np.bincount(row, weights=halves, minlength=len(target)).astype(np.float64)


def _places(table: Any, target: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(target > 0, _ahead(table, target) + 0.5, np.inf)
