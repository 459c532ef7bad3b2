"""What shelves are held against: plain methods, learned from the same sessions.

Each sums rows of an item-to-item table over what the visitor did (Ludewig & Jannach 2018,
"Evaluation of session-based recommendation algorithms"), or knows no visitor at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.evaluation.cases import owners
from control_plane.models.artifacts import Rows, Sets
from control_plane.models.ranking import top_per_row
from control_plane.profiles.sessions import Sessions

POPULAR = "popular items"
ASSOCIATION = "association rules, last item"
SEQUENTIAL = "sequential rules, last item"
COSINE = "item cosine, last 10"
OWN = "own purchases and views again"

RECENT = 10

#: Steps that pairs are counted over in one session: one of thousands would cost as much as all.
MOST_STEPS = 200

#: Cases ranked at once.
_BLOCK = 2_000

#: Takes an item below every score.
_OUT = 1e30

#: Returns lists (n, k) of item numbers for histories, without the items of `excluded`.
Ranker = Callable[[Sets, Sets | None, int], NDArray[np.int32]]


class Table(msgspec.Struct, frozen=True):
    """A baseline that sums rows of `scores` (items, items) over the last `recent` items."""

    scores: Any
    recent: int

    def __call__(self, history: Sets, excluded: Sets | None, k: int) -> NDArray[np.int32]:
        """Return the best k items of each case."""
        asked = _last_items(history, self.recent, self.scores.shape[0])
        return _in_blocks(asked, self.scores, excluded, k)


def popular(popularity: NDArray[np.float64]) -> Ranker:
    """Return the same list for everybody: the items most people took an interest in."""
    order = np.argsort(-popularity, kind="stable")
    ranked = order[: int((popularity > 0).sum())].astype(np.int32)

    def rank(history: Sets, excluded: Sets | None, k: int) -> NDArray[np.int32]:
        count = len(history.indptr) - 1
        out = np.full((count, k), -1, dtype=np.int32)
        if excluded is None:
            out[:, : len(ranked)] = ranked[:k]
            return out
        longest = int(np.diff(excluded.indptr).max(initial=0))
        pool = ranked[: k + longest]
        cells = owners(excluded) << 32 | excluded.items
        left = ~np.isin(np.arange(count)[:, None] << 32 | pool.astype(np.int64), cells)
        place = np.cumsum(left, axis=1) - 1
        row, column = np.nonzero(left & (place < k))
        out[row, place[row, column]] = pool[column]
        return out

    return rank


def own_again(past: Sets, items: int) -> Ranker:
    """Return each visitor's own items, the most frequent first; `past` has a row a case."""

    def rank(history: Sets, excluded: Sets | None, k: int) -> NDArray[np.int32]:
        counts = _matrix(past, np.ones(len(past.items)), items)
        counts.sum_duplicates()
        return _padded(top_per_row(_less(counts, excluded, items), k), k)

    return rank


def association_rules(sessions: Sessions, items: int) -> Table:
    """Return what was met in the same sessions as the last item, by how many."""
    has = _session_matrix(sessions, items)
    pairs = (has.T @ has).tocsr()
    pairs.setdiag(0)
    return Table(pairs, 1)


def sequential_rules(sessions: Sessions, items: int) -> Table:
    """Return what followed the last item, itself too, each time counting one over the distance."""
    session = np.repeat(np.arange(len(sessions.ends)), np.diff(sessions.indptr))
    total = sparse.csr_matrix((items, items))
    for distance in range(1, RECENT + 1):
        same = np.flatnonzero(session[distance:] == session[:-distance])
        cells = (sessions.items[same], sessions.items[same + distance])
        weights = np.full(len(same), 1 / distance)
        total = total + sparse.coo_matrix((weights, cells), shape=(items, items)).tocsr()
    return Table(total, 1)


def item_cosine(sessions: Sessions, items: int) -> Table:
    """Return what was met by the same sessions as the last ten items, by cosine."""
    has = _session_matrix(sessions, items)
    norms = np.sqrt(np.maximum(np.asarray(has.sum(axis=0)).ravel(), 1))
    scaled = has @ sparse.diags(1 / norms)
    pairs = (scaled.T @ scaled).tocsr()
    pairs.setdiag(0)
    return Table(pairs, RECENT)


def _session_matrix(sessions: Sessions, items: int) -> Any:
    """Return sessions × items, 1 where a session has the item among its first MOST_STEPS."""
    session = np.repeat(np.arange(len(sessions.ends)), np.diff(sessions.indptr))
    step = np.arange(len(session)) - sessions.indptr[session]
    early = step < MOST_STEPS
    cells = (session[early], sessions.items[early])
    shape = (len(sessions.ends), items)
    has = sparse.coo_matrix((np.ones(len(cells[0])), cells), shape=shape).tocsr()
    has.data[:] = 1
    return has


def _last_items(history: Sets, recent: int, items: int) -> Any:
    """Return cases × items, 1 for each distinct item among a case's last ones."""
    last = np.repeat(history.indptr[1:], np.diff(history.indptr)) - np.arange(len(history.items))
    near = last <= recent
    cells = (owners(history)[near], history.items[near])
    shape = (len(history.indptr) - 1, items)
    asked = sparse.coo_matrix((np.ones(len(cells[0])), cells), shape=shape).tocsr()
    asked.data[:] = 1
    return asked


def _in_blocks(asked: Any, scores: Any, excluded: Sets | None, k: int) -> NDArray[np.int32]:
    items = scores.shape[1]
    lists = [np.zeros((0, k), dtype=np.int32)]
    for start in range(0, asked.shape[0], _BLOCK):
        stop = min(start + _BLOCK, asked.shape[0])
        part = _rows_of(excluded, start, stop) if excluded else None
        lists.append(_padded(top_per_row(_less(asked[start:stop] @ scores, part, items), k), k))
    return np.concatenate(lists)


def _less(scores: Any, excluded: Sets | None, items: int) -> Any:
    if excluded is None:
        return scores
    return (scores - _matrix(excluded, np.full(len(excluded.items), _OUT), items)).tocsr()


def _rows_of(sets: Sets, start: int, stop: int) -> Sets:
    first, last = sets.indptr[start], sets.indptr[stop]
    return Sets(sets.indptr[start : stop + 1] - first, sets.items[first:last])


def _matrix(sets: Sets, values: NDArray[np.float64], items: int) -> Any:
    # A copy: sums of what stands twice are made in place, and the sets are others' too.
    cells = (values, sets.items, sets.indptr)
    return sparse.csr_matrix(cells, shape=(len(sets.indptr) - 1, items), copy=True)


def _padded(rows: Rows, k: int) -> NDArray[np.int32]:
    """Return rows as lists (n, k), -1 where one is shorter."""
    lengths = np.diff(rows.indptr)
    out = np.full((len(lengths), k), -1, dtype=np.int32)
    place = np.arange(len(rows.items)) - np.repeat(rows.indptr[:-1], lengths)
    out[np.repeat(np.arange(len(lengths)), lengths), place] = rows.items
    return out
