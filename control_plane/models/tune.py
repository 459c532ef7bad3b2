"""Chooses a shop's own recipe by what its newest sessions did next, and the defaults in doubt.

Bounded by work, never by the clock, so that every machine chooses alike: at most `events` of the
newest events, MOST_CLICKS clicks and MOST_TRIALS trials.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Rows
from control_plane.models.neighbours import find_occurrences, fit_occurrences
from control_plane.models.recipe import DEFAULT, Recipe, Serving
from control_plane.models.replay import Clicks, Ranks, clicks_of, replay
from control_plane.profiles.sessions import Sessions

#: The newest sessions that the trials are held against.
HELD_OUT = 0.08
MOST_CLICKS, LEAST_CLICKS = 12_000, 600
MOST_TRIALS = 40
#: A change must gain by so many standard errors, and in both halves of the sessions: at 2, a
#: shop that the defaults fit lost .05 points of HR@20 on what came later; at 3 nothing moved.
CERTAIN = 3.0
AT = 20

#: What is tried, from the default one step up or down at a time. Powers and windows that hardly
#: matter, and weights that clicks can't judge (carts and orders, single people), stay.
LADDERS: dict[str, tuple[float, ...]] = {
    "decay": (0.6, 1.2, 2.4, 4.8, 9.6),
    "reminder": (0.0, 0.6, 1.2, 2.4),
    "reminder_decay": (4.0, 8.0, 16.0),
    "forward_decay": (1.5, 3.0, 6.0, 12.0),
    "backward_weight": (0.25, 0.5, 1.0),
    "length_power": (0.0, 0.25, 0.5),
    "age_share": (0.1, 0.2, 0.6, 2.0),
    "target_power": (0.1, 0.2, 0.35, 0.5),
    "lone_weight": (0.2, 0.4, 0.8),
}


class Tuned(msgspec.Struct, frozen=True):
    """What was chosen, and the JSON-able report of why."""

    recipe: Recipe
    serving: Serving
    report: dict[str, Any]


def tune(sessions: Sessions, item_count: int, limit: int, events: int) -> Tuned:
    """Return the recipe and serving by which the newest sessions were best foretold.

    A number moves from its default only where that gains beyond chance, so with little data
    nothing moves.
    """
    newest = _newest(sessions, events)
    older, held_out = _split(newest)
    # An order's lines stand in no order and never twice: they say little of what is looked at.
    clicks = clicks_of(held_out, item_count, MOST_CLICKS, orders=False)
    if len(clicks.target) < LEAST_CLICKS:
        clicks = clicks_of(held_out, item_count, MOST_CLICKS, orders=True)
    if len(clicks.target) < LEAST_CLICKS:
        note = f"too few newest sessions to choose parameters on ({len(clicks.target)} clicks)"
        return Tuned(DEFAULT, Serving(), {"note": note, **_numbers(DEFAULT, Serving())})
    search = _Search(older, clicks, item_count, limit)
    while sum(search.climb(name) for name in LADDERS):
        pass
    return Tuned(search.recipe, search.serving, search.report())


def figures(ranks: Ranks, clicks: Clicks) -> dict[str, float]:
    """Return hit rate and reciprocal rank at 20, in per cent, with repeats and without."""
    unseen = ranks.discover[~clicks.seen]
    return {
        "hr": _per_cent(_hits(ranks.repeats)),
        "mrr": _per_cent(_reciprocals(ranks.repeats)),
        "discover_hr": _per_cent(_hits(unseen)),
        "discover_mrr": _per_cent(_reciprocals(unseen)),
    }


def gains(new: Ranks, old: Ranks, clicks: Clicks) -> bool:
    """Say whether `new` is better beyond chance, and in the odd and the even sessions alike.

    Better is the sum of hit rate and reciprocal rank, both views counting alike.
    """
    unseen = max(int((~clicks.seen).sum()), 1)
    gain = _worth(new.repeats) - _worth(old.repeats)
    gain += (_worth(new.discover) - _worth(old.discover)) * len(clicks.seen) / unseen
    # Clicks of one session are no independent witnesses.
    of_session = np.bincount(clicks.session, weights=gain)
    spread = np.sqrt((of_session**2).sum())
    halves = of_session[::2].sum(), of_session[1::2].sum()
    return bool(min(halves) > 0 and sum(halves) > CERTAIN * spread)


class _Search:
    """The best choice so far, and what each trial brought."""

    def __init__(self, older: Sessions, clicks: Clicks, item_count: int, limit: int) -> None:
        self.recipe, self.serving, self.trials = DEFAULT, Serving(), 0
        self._older, self._clicks, self._limit = older, clicks, limit
        self._occurrences = find_occurrences(older, item_count)
        self._rows = self._fit(DEFAULT)
        self._ranks = self._default = replay(clicks, self._rows, self.serving)

    def climb(self, name: str) -> bool:
        """Move one number up or down its ladder as long as that gains; say whether it moved."""
        before = self.recipe, self.serving
        for direction in (1, -1):
            while self._step(name, direction):
                pass
            if before != (self.recipe, self.serving):
                return True
        return False

    def report(self) -> dict[str, Any]:
        """Return what was chosen, and what it brought on the held-out clicks."""
        return {
            "held_out": {
                "sessions": int(self._clicks.session.max()) + 1,
                "clicks": len(self._clicks.target),
                "default": figures(self._default, self._clicks),
                "chosen": figures(self._ranks, self._clicks),
            },
            "learned_from_events": len(self._older.items),
            "trials": self.trials,
            "changed": self._changed(),
            **_numbers(self.recipe, self.serving),
        }

    def _step(self, name: str, direction: int) -> bool:
        recipe, serving = self.recipe, self.serving
        ladder = LADDERS[name]
        mine = serving if name in Serving.__struct_fields__ else recipe
        place = ladder.index(getattr(mine, name)) + direction
        if self.trials >= MOST_TRIALS or not 0 <= place < len(ladder):
            return False
        self.trials += 1
        rows, change = self._rows, {name: ladder[place]}
        if mine is serving:
            serving = msgspec.structs.replace(serving, **change)
        else:
            recipe = msgspec.structs.replace(recipe, **change)
            rows = self._fit(recipe)
        ranks = replay(self._clicks, rows, serving)
        if not gains(ranks, self._ranks, self._clicks):
            return False
        self.recipe, self.serving, self._rows, self._ranks = recipe, serving, rows, ranks
        return True

    def _fit(self, recipe: Recipe) -> Rows:
        return fit_occurrences(self._occurrences, self._limit, recipe).rows

    def _changed(self) -> dict[str, list[float]]:
        before, now = _numbers(DEFAULT, Serving()), _numbers(self.recipe, self.serving)
        return {
            name: [value, now[part][name]]
            for part, numbers in before.items()
            for name, value in numbers.items()
            if now[part][name] != value
        }


def _newest(sessions: Sessions, events: int) -> Sessions:
    """Return the newest sessions that have at most `events` steps, in their order."""
    order = np.argsort(-sessions.ends, kind="stable")
    steps = np.cumsum(np.diff(sessions.indptr)[order])
    return sessions.take(np.sort(order[steps <= events]))


def _split(sessions: Sessions) -> tuple[Sessions, Sessions]:
    """Return the older sessions and the newest share."""
    order = np.argsort(sessions.ends, kind="stable")
    cut = int(len(order) * (1 - HELD_OUT))
    return sessions.take(np.sort(order[:cut])), sessions.take(np.sort(order[cut:]))


def _numbers(recipe: Recipe, serving: Serving) -> dict[str, dict[str, float]]:
    return {"recipe": msgspec.to_builtins(recipe), "serving": msgspec.to_builtins(serving)}


def _hits(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    return (ranks <= AT).astype(np.float64)


def _reciprocals(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(ranks <= AT, 1 / ranks, 0.0)


def _worth(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    return _hits(ranks) + _reciprocals(ranks)


def _per_cent(values: NDArray[np.float64]) -> float:
    return round(100 * float(values.mean()), 2) if len(values) else 0.0
