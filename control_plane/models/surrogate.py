"""Conditions that place a live visitor in a learned segment, and how often they are right.

Two surrogates of the clustering learn from sessions of visitors whose segment is known: a list of
telling categories, and a shallow tree over all that a session shows. The one that places others
better is taken, and the report is on visitors whom neither saw.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.conditions import evaluate
from control_plane.models.category_list import (
    ATTRIBUTE,
    Condition,
    grow_list,
    list_conditions,
)
from control_plane.models.live import Column, States
from control_plane.models.tree import FEWEST_LEARNED, Bools, tree_conditions

#: Bytes of all conditions as JSON; each release's manifest carries them. The list of a sample
#: shop's 40 categories with pairs takes 18,000 and places 86.8 % alike, without pairs 5,600 and
#: 85.8 %.
MOST_BYTES = 24_000
MOST_REPORTED = 4_000

#: Groups of the report: the least of each.
ITEMS, SESSIONS = (1, 2, 4, 8), (1, 2)

Conditions = list[Condition | None]


class Surrogate(msgspec.Struct, frozen=True):
    """Conditions by segment number (None for none), and how well they place others."""

    conditions: Conditions
    report: dict[str, Any]


def fit_surrogate(
    states: States, label: NDArray[np.int64], group: NDArray[np.uint64], keys: list[str], seed: int
) -> Surrogate:
    """Return conditions for the segments `keys`.

    `label` (n,) is each state's segment number; `group` (n,) a number drawn from its visitor's
    key, so that all of a visitor's states are learned from, judged by, or reported on.
    """
    tenth = group % np.uint64(10)
    learned, judged, told = tenth < 6, (tenth >= 6) & (tenth < 8), tenth >= 8
    kind, conditions = _none(len(keys))
    if min(learned.sum(), judged.sum()) >= FEWEST_LEARNED and len(set(label[learned])) > 1:
        kind, conditions = _best(states, label, learned, judged, len(keys), seed)
    report = fidelity(states, label, told & states.last, conditions, keys)
    return Surrogate(conditions, {"kind": kind, "bytes": _size(conditions)} | report)


def _best(
    states: States, label: NDArray[np.int64], learned: Bools, judged: Bools, count: int, seed: int
) -> tuple[str, Conditions]:
    """Return the kind and the conditions that place most of the judged visitors alike."""
    places = [n for n, one in enumerate(states.columns) if one.attribute == ATTRIBUTE]
    words = [states.columns[place].values[0] for place in places]
    met = states.values[learned][:, places] > 0
    rules = grow_list(words, met, label[learned], states.weight[learned], count)
    made: list[tuple[str, Conditions]] = [
        ("tree", tree_conditions(states, label, learned, judged, count, seed)),
        ("categories", list_conditions(rules, count, pairs=False)),
        ("categories", list_conditions(rules, count, pairs=True)),
    ]
    rows = np.flatnonzero(judged & states.last)[:MOST_REPORTED]
    small = [one for one in made if _size(one[1]) <= MOST_BYTES] or [_none(count)]
    return max(small, key=lambda one: (place_all(states, rows, one[1]) == label[rows]).sum())


def _none(count: int) -> tuple[str, Conditions]:
    return "none", [None] * count


def _size(conditions: Conditions) -> int:
    return len(msgspec.json.encode(conditions))


def place_all(states: States, rows: NDArray[np.int64], conditions: Conditions) -> NDArray[np.int64]:
    """Return the segment number in which the edge would place each of the states `rows`, or -1."""
    asked = msgspec.json.encode(conditions).decode()
    used = [n for n, one in enumerate(states.columns) if f'"{one.attribute}"' in asked]
    kinds, first, kind = np.unique(
        states.values[rows][:, used], axis=0, return_index=True, return_inverse=True
    )
    placed = [
        _place(attributes_of(states.columns, states.values[rows[row]]), conditions)
        for row in first.tolist()
    ]
    return np.array(placed, dtype=np.int64).reshape(len(kinds))[kind.reshape(-1)]


def attributes_of(columns: tuple[Column, ...], values: NDArray[np.float32]) -> dict[str, Any]:
    """Return a state as the edge would have its attributes."""
    found: dict[str, Any] = {"session": {"categories": []}}
    for column, value in zip(columns, values.tolist(), strict=True):
        names = column.attribute.split(".")
        place = found if len(names) == 1 else found.setdefault(names[0], {})
        if not column.values:
            place[names[-1]] = int(value)
        elif value and column.attribute == ATTRIBUTE:
            place["categories"] += column.values if len(column.values) == 1 else ()
        elif value:
            place[names[-1]] = column.values[0]
    return found


def fidelity(
    states: States,
    label: NDArray[np.int64],
    which: Bools,
    conditions: Conditions,
    keys: list[str],
) -> dict[str, Any]:
    """Return how visitors are placed at the end of their newest session, against what is known.

    What is known comes from all of a visitor's sessions, what they are placed by from the newest
    alone; with one session both are the same, as for those whom the edge meets for the first time.
    """
    rows = np.flatnonzero(which)[:MOST_REPORTED]
    placed, truth = place_all(states, rows, conditions), label[rows]
    alike = placed == truth
    return _shares(placed, alike) | {
        "by_items": _by_group(states.events[rows], ITEMS, placed, alike),
        "by_sessions": _by_group(states.sessions[rows], SESSIONS, placed, alike),
        "segments": {
            key: {
                "precision": _share(alike[placed == number].sum(), (placed == number).sum()),
                "recall": _share(alike[truth == number].sum(), (truth == number).sum()),
                "alternatives": _alternatives(conditions[number]),
            }
            for number, key in enumerate(keys)
        },
    }


def _by_group(
    values: NDArray[np.int64], least: tuple[int, ...], placed: NDArray[np.int64], alike: Bools
) -> dict[str, Any]:
    number = np.searchsorted(least, values, side="right") - 1
    names = [str(low) if low == high - 1 else f"{low}-{high - 1}" for low, high in pairwise(least)]
    return {
        name: _shares(placed[number == place], alike[number == place])
        for place, name in enumerate([*names, f"{least[-1]}+"])
    }


def _shares(placed: NDArray[np.int64], alike: Bools) -> dict[str, Any]:
    return {
        "visitors": len(placed),
        "placed_alike": _share(alike.sum(), len(placed)),
        "placed_otherwise": _share(((placed >= 0) & ~alike).sum(), len(placed)),
        "unplaced": _share((placed < 0).sum(), len(placed)),
    }


def _alternatives(condition: Condition | None) -> int:
    return 0 if condition is None else len(condition.get("$or", [condition]))


def _place(attributes: dict[str, Any], conditions: Conditions) -> int:
    fits = (n for n, one in enumerate(conditions) if one is not None and evaluate(one, attributes))
    return next(fits, -1)


def _share(count: Any, total: Any) -> float | None:
    return round(float(count) / float(total), 4) if total else None
