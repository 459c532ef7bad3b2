"""What is looked at with, and after, each item: the session neighbour table (see recipe.py)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Rows
from control_plane.models.pair_kernel import (
    HEARD,
    NOBODY,
    best_neighbours,
    count_people,
    order_by_item,
)
from control_plane.models.ranking import blocks, stack
from control_plane.models.recipe import DEFAULT, Recipe
from control_plane.profiles.sessions import Sessions

#: Events whose rows are counted at once.
_BLOCK_EVENTS = 200_000

#: Blocks counted at once; each thread holds 24 bytes an item.
_THREADS = 2


class Occurrences(msgspec.Struct, frozen=True):
    """Every step of every session, to be found by its item.

    `owners` (sessions,) int32 numbers people from 0; of each item, `first` (items + 1,) int64 says
    where its `steps` (n,) int64 start, those of one person together; `session` (n,) int32 of each;
    `people` (items,) int64 how many met each item.
    """

    sessions: Sessions
    owners: NDArray[np.int32]
    first: NDArray[np.int64]
    steps: NDArray[np.int64]
    session: NDArray[np.int32]
    people: NDArray[np.int64]


class Neighbours(msgspec.Struct, frozen=True):
    """The neighbour table, and how much of it rests on single people.

    `people` (items,) int64 says how many met each item. `pairs` were met near each other in some
    session, `lone_pairs` of them by one person alone; an item met twice makes no pair.
    """

    rows: Rows
    people: NDArray[np.int64]
    pairs: int
    lone_pairs: int


class _Block(NamedTuple):
    """What `best_neighbours` returns."""

    lengths: NDArray[np.int64]
    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    pairs: int
    lone_pairs: int

    def rows(self) -> Rows:
        """Return the rows without the places that nothing filled."""
        filled = np.arange(self.items.shape[1]) < self.lengths[:, None]
        indptr = np.append(0, np.cumsum(self.lengths))
        return Rows(indptr, self.items[filled], self.scores[filled])


def find_occurrences(sessions: Sessions, item_count: int) -> Occurrences:
    """Return where each item stands in the sessions, and how many people met it."""
    order = np.argsort(sessions.owners, kind="stable")
    new = np.diff(sessions.owners[order], prepend=sessions.owners[order[:1]]) > 0
    owners = np.empty(len(order), dtype=np.int32)
    owners[order] = np.cumsum(new)
    first, steps, session = order_by_item(sessions.indptr, sessions.items, order, item_count)
    people = count_people(first, session, owners)
    return Occurrences(sessions, owners, first, steps, session, people)


def fit_sessions(
    sessions: Sessions, item_count: int, limit: int, recipe: Recipe = DEFAULT
) -> Neighbours:
    """Return the `limit` best neighbours of each item, from the order of sessions."""
    return fit_occurrences(find_occurrences(sessions, item_count), limit, recipe)


def fit_occurrences(occurrences: Occurrences, limit: int, recipe: Recipe) -> Neighbours:
    """Return the `limit` best neighbours of each item by a recipe."""
    sessions, people = occurrences.sessions, occurrences.people
    log = sessions.indptr, sessions.items, sessions.kinds, occurrences.owners
    found = occurrences.first, occurrences.steps, occurrences.session
    weights = (session_weights(sessions, recipe), *_weights(people, recipe))
    wanted = 1 + (people >= recipe.crowd) + (people >= recipe.large_crowd)
    rule = wanted, recipe.lone_weight

    def fit_blocks(mine: list[tuple[int, int]]) -> list[_Block]:
        heard = np.zeros(len(people), dtype=HEARD)
        heard["owner"] = NOBODY
        return [
            _Block(*best_neighbours(log, found, weights, rule, (*bounds, limit), heard))
            for bounds in mine
        ]

    bounds = [*blocks(np.diff(occurrences.first), _BLOCK_EVENTS)]
    with ThreadPoolExecutor(_THREADS) as pool:
        shares = [*pool.map(fit_blocks, [bounds[one::_THREADS] for one in range(_THREADS)])]
    parts = [shares[number % _THREADS][number // _THREADS] for number in range(len(bounds))]
    return Neighbours(
        rows=stack(part.rows() for part in parts),
        people=people,
        pairs=sum(part.pairs for part in parts),
        lone_pairs=sum(part.lone_pairs for part in parts),
    )


def session_weights(sessions: Sessions, recipe: Recipe) -> NDArray[np.float64]:
    """Return what each session's pairs weigh, by its length and its age in the log's own time."""
    if not len(sessions.ends):
        return np.zeros(0)
    age = sessions.ends.max() - sessions.ends
    span = max(int(age.max()), 1)
    lengths = np.diff(sessions.indptr).astype(np.float64)
    return lengths**-recipe.length_power * np.exp(-age / (recipe.age_share * span))


def _weights(people: NDArray[np.int64], recipe: Recipe) -> tuple[NDArray[np.float64], ...]:
    """Return what meetings weigh by kind and distance, after and before, and by their two items."""
    near = np.arange(recipe.window)
    kinds = np.array([1.0, recipe.cart_weight, recipe.order_weight])
    return (
        np.outer(kinds, np.exp(-near / recipe.forward_decay)),
        np.outer(kinds, recipe.backward_weight * np.exp(-near / recipe.backward_decay)),
        1 / (people + recipe.source_smoothing) ** recipe.source_power,
        1 / np.maximum(people, 1) ** recipe.target_power,
    )
