"""What is looked at with, and after, each item: the session neighbour table (see recipe.py)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.artifacts import Rows
from control_plane.models.pairs import Pairs, count_pairs, find_occurrences, weigh
from control_plane.models.ranking import blocks, stack, top_per_row
from control_plane.models.recipe import DEFAULT, Recipe
from control_plane.profiles.sessions import Sessions

#: Events whose pairs are counted at once; at most 20 pairs each, about 60 bytes a pair.
_BLOCK_EVENTS = 50_000

#: Blocks counted at once: most of the work is done outside of Python's lock.
_THREADS = 2


class Neighbours(msgspec.Struct, frozen=True):
    """The neighbour table, and how much of it rests on single people.

    `pairs` were met near each other in some session, `lone_pairs` of them by one person alone;
    an item met twice makes no pair.
    """

    rows: Rows
    pairs: int
    lone_pairs: int


def fit_sessions(
    sessions: Sessions, item_count: int, limit: int, recipe: Recipe = DEFAULT
) -> Neighbours:
    """Return the `limit` best neighbours of each item, from the order of sessions."""
    occurrences = find_occurrences(sessions, item_count)
    weights = session_weights(sessions, recipe)

    def fit_block(bounds: tuple[int, int]) -> Neighbours:
        pairs = count_pairs(occurrences, *bounds, recipe.window)
        rows = score_pairs(pairs, occurrences.people, weights, limit, recipe)
        lone = pairs.mixed() & (pairs.people() == 1)
        return Neighbours(rows, int(pairs.mixed().sum()), int(lone.sum()))

    with ThreadPoolExecutor(_THREADS) as pool:
        parts = [*pool.map(fit_block, blocks(np.diff(occurrences.first), _BLOCK_EVENTS))]
    return Neighbours(
        rows=stack(part.rows for part in parts),
        pairs=sum(part.pairs for part in parts),
        lone_pairs=sum(part.lone_pairs for part in parts),
    )


def score_pairs(
    pairs: Pairs,
    people: NDArray[np.int64],
    weights: NDArray[np.float64],
    limit: int,
    recipe: Recipe,
) -> Rows:
    """Return the rows of the pairs' items, weighed by a recipe."""
    source = pairs.row + pairs.start
    scores = weigh(pairs, weights, recipe)
    witnesses, mixed = pairs.people(), pairs.mixed()
    scores[mixed & (witnesses == 1)] *= recipe.lone_weight
    wanted = 1 + (people >= recipe.crowd) + (people >= recipe.large_crowd)
    scores[mixed & (witnesses < wanted[source])] = 0
    scores /= ((people + recipe.source_smoothing) ** recipe.source_power)[source]
    scores /= (np.maximum(people, 1) ** recipe.target_power)[pairs.column]
    table = (scores, pairs.column, pairs.indptr())
    shape = (pairs.stop - pairs.start, len(people))
    return top_per_row(sparse.csr_matrix(table, shape=shape), limit)


def reminder_scale(rows: Rows) -> float:
    """Return the median of the rows' highest scores, 0 when every row is empty."""
    filled = np.flatnonzero(np.diff(rows.indptr))
    return float(np.median(rows.scores[rows.indptr[filled]])) if len(filled) else 0.0


def session_weights(sessions: Sessions, recipe: Recipe) -> NDArray[np.float64]:
    """Return what each session's pairs weigh, by its length and its age in the log's own time."""
    if not len(sessions.ends):
        return np.zeros(0)
    age = sessions.ends.max() - sessions.ends
    span = max(int(age.max()), 1)
    lengths = np.diff(sessions.indptr).astype(np.float64)
    return lengths**-recipe.length_power * np.exp(-age / (recipe.age_share * span))
