"""Who met which two items near each other: the counts that neighbour rows are weighed from.

What is counted does not depend on a recipe's weights, only on its window, so that `tune` weighs
the same pairs many times.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.recipe import Recipe
from control_plane.profiles.sessions import Sessions

#: So far apart may two items of a pair stand: a meeting is coded in one byte.
MOST_WINDOW = 42
_CODE_BITS = 8


class Occurrences(msgspec.Struct, frozen=True):
    """Every step of every session, to be found by its item.

    `by_item` (n,) places of steps, item by item; `first` (items + 1,) where each item's start;
    `session` (n,) int32 of each place; `people` (items,) int64 how many met each item.
    """

    sessions: Sessions
    by_item: NDArray[np.intp]
    first: NDArray[np.int64]
    session: NDArray[np.int32]
    people: NDArray[np.int64]


class Pairs(msgspec.Struct, frozen=True):
    """The pairs in the rows of items `start` to `stop`, by row, then other item, then person.

    Meetings (m,): `session` int32 and `code` uint8 (how far apart, which way, what was done).
    `voices` (v,) where each person's meetings of one pair start; `cells` (c,) where each pair's
    voices start; `row` and `column` (c,) int64 the pair, rows counted from `start`.
    """

    start: int
    stop: int
    session: NDArray[np.int32]
    code: NDArray[np.uint8]
    voices: NDArray[np.int64]
    cells: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]

    def mixed(self) -> NDArray[np.bool_]:
        """Say of each pair whether it is of two items, not of one met twice."""
        return self.row + self.start != self.column

    def people(self) -> NDArray[np.int64]:
        """Return how many people met each pair."""
        return np.diff(np.append(self.cells, len(self.voices)))

    def indptr(self) -> NDArray[np.int64]:
        """Return where each row's pairs start, and the last one's end."""
        lengths = np.bincount(self.row, minlength=self.stop - self.start)
        return np.append(0, np.cumsum(lengths))


def find_occurrences(sessions: Sessions, item_count: int) -> Occurrences:
    """Return where each item stands in the sessions, and how many people met it."""
    session_count, steps = len(sessions.ends), len(sessions.items)
    session = np.repeat(np.arange(session_count, dtype=np.int32), np.diff(sessions.indptr))
    # Turning rows into columns is a sort by item, in one pass and keeping the order.
    table = (np.arange(steps), sessions.items, sessions.indptr)
    turned = sparse.csr_matrix(table, shape=(session_count, item_count)).tocsc()
    met = sessions.items[turned.data].astype(np.int64) << _bits(sessions.owners)
    met |= sessions.owners[session[turned.data]]
    met.sort()
    firsts = met[np.append(True, met[1:] != met[:-1])[:steps]]
    people = np.bincount(firsts >> _bits(sessions.owners), minlength=item_count)
    return Occurrences(sessions, turned.data, turned.indptr.astype(np.int64), session, people)


def count_pairs(occurrences: Occurrences, start: int, stop: int, window: int) -> Pairs:
    """Return the pairs at most `window` apart in the rows of the items from `start` to `stop`."""
    sessions, first = occurrences.sessions, occurrences.first
    events = occurrences.by_item[first[start] : first[stop]]
    session = occurrences.session[events]
    opens, closes = sessions.indptr[session], sessions.indptr[session + 1]
    before = np.minimum(events - opens, window)
    count = before + np.minimum(closes - 1 - events, window)
    ends = np.append(0, np.cumsum(count))
    step = np.arange(ends[-1]) - np.repeat(ends[:-1] + before, count)
    step += step >= 0
    far = np.repeat(events, count) + step
    code = 2 * np.abs(step) - 2 + (step < 0) + 2 * window * sessions.kinds[far]
    bits = _bits(sessions.owners)
    # A meeting in one number, and whom it is with: one sort of each row by `other` tells all.
    meeting = np.repeat(session.astype(np.int64) << _CODE_BITS, count) | code
    other = np.repeat(sessions.owners[session], count)
    other |= sessions.items[far].astype(np.int64) << bits
    indptr = ends[first[start : stop + 1] - first[start]]
    table = sparse.csr_matrix((meeting, other, indptr), shape=(stop - start, 1 << 62))
    table.sort_indices()
    return _grouped(start, stop, table, bits)


def weigh(pairs: Pairs, session_weights: NDArray[np.float64], recipe: Recipe) -> Any:
    """Return each pair's sum over people of their strongest meeting, float64 (c,)."""
    if not len(pairs.cells):
        return np.zeros(0)
    meetings = session_weights[pairs.session] * _code_weights(recipe)[pairs.code]
    return np.add.reduceat(np.maximum.reduceat(meetings, pairs.voices), pairs.cells)


def _grouped(start: int, stop: int, table: Any, bits: int) -> Pairs:
    """Return sorted meetings with the starts of each person's, and of each pair's."""
    other = table.indices
    new_row = np.zeros(len(other) + 1, dtype=np.bool_)
    new_row[table.indptr[:-1]] = True
    starts = new_row[:-1]
    starts[1:] |= other[1:] != other[:-1]
    voices = np.flatnonzero(starts)
    column = other[voices] >> bits
    row = np.repeat(np.arange(stop - start), np.diff(np.searchsorted(voices, table.indptr)))
    new = np.ones(len(voices), dtype=np.bool_)
    new[1:] = (column[1:] != column[:-1]) | (row[1:] != row[:-1])
    cells = np.flatnonzero(new)
    return Pairs(
        start=start,
        stop=stop,
        session=(table.data >> _CODE_BITS).astype(np.int32),
        code=table.data.astype(np.uint8),
        voices=voices,
        cells=cells,
        row=row[cells],
        column=column[cells],
    )


def _code_weights(recipe: Recipe) -> NDArray[np.float64]:
    """Return what a meeting weighs by its code: kinds, then distances, then forward and back."""
    near = np.arange(recipe.window)
    forward = np.exp(-near / recipe.forward_decay)
    backward = recipe.backward_weight * np.exp(-near / recipe.backward_decay)
    kinds = np.array([1.0, recipe.cart_weight, recipe.order_weight])
    return np.outer(kinds, np.stack([forward, backward], axis=1)).ravel()


def _bits(owners: NDArray[np.int64]) -> int:
    return int(owners.max(initial=0)).bit_length()
