"""Neighbours of items that few or nobody met: content where behaviour says little yet.

A row is behaviour plus content times HALF_PEOPLE / (n + HALF_PEOPLE), n = the people who met its
item: nothing else at first, half of it after HALF_PEOPLE, then less and less. So that new items
are met at all, one place in EXPLORE of the rows of what is like them is theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.artifacts import Rows
from control_plane.models.ranking import reminder_scale, top_per_row

#: Measured on a gift shop's last invoices (tests/bench/cold_items.py): content brings 2 points of
#: hit rate at 20, as much with 5 as with 20, a quarter less with 50.
HALF_PEOPLE = 10
#: Items met by fewer people are new.
NEW_PEOPLE = 5
#: One place of so many is for new items: the tenth, the twentieth …
EXPLORE = 10
#: Less alike than this is no reason to show a new item.
LEAST_LIKENESS = 0.15

#: By how little a new item's score is under the one before it.
_BELOW = 1 / 1024


def blend_rows(
    behaviour: Rows,
    content: Rows,
    people: NDArray[np.int64],
    available: NDArray[np.bool_],
    limit: int,
) -> Rows:
    """Return the `limit` best neighbours of each item by behaviour and content.

    `people` (n,) says how many met each item; the best score of a row that is all
    content is that of a usual row. New items that are `available` (n,) get their places in others'
    rows. Without content, behaviour comes back as it is.
    """
    if not len(content.items):
        return behaviour
    scale = reminder_scale(behaviour) or 1.0
    blended = _matrix(behaviour) + _weakened(content, people, scale)
    rows = top_per_row(blended, limit)
    new = (people < NEW_PEOPLE) & available
    return _explored(rows, content, new, limit) if new.any() else rows


def new_item_counts(
    rows: Rows, content: Rows, people: NDArray[np.int64], leader: NDArray[np.int32]
) -> dict[str, int]:
    """Return how many products are new, and how many of them have neighbours and are some's."""
    leads = leader == np.arange(len(leader))
    new = (people < NEW_PEOPLE) & leads
    return {
        "products": int(leads.sum()),
        "products_with_content": int(((np.diff(content.indptr) > 0) & leads).sum()),
        "new_products": int(new.sum()),
        "new_products_with_neighbours": int(((np.diff(rows.indptr) > 0) & new).sum()),
        "new_products_shown_by_others": int(new[np.unique(rows.items)].sum()),
    }


def _weakened(content: Rows, people: NDArray[np.int64], scale: float) -> Any:
    rows = _matrix(content)
    row = np.repeat(np.arange(len(people)), np.diff(content.indptr))
    best = np.zeros(len(people), dtype=np.float32)
    filled = np.diff(content.indptr) > 0
    best[filled] = content.scores[content.indptr[:-1][filled]]
    share = HALF_PEOPLE / (people + HALF_PEOPLE)
    rows.data = rows.data * scale * share[row] / best[row]
    return rows


def _explored(rows: Rows, content: Rows, new: NDArray[np.bool_], limit: int) -> Rows:
    """Return rows in which the new items most like each one stand at every tenth place."""
    alike = _matrix(content)
    alike = alike.maximum(alike.T).tocsr()
    alike.data *= new[alike.indices] & (alike.data >= LEAST_LIKENESS)
    guests = top_per_row(alike, max(1, limit // EXPLORE))
    row = np.repeat(np.arange(len(new)), np.diff(guests.indptr))
    turn = np.arange(len(row)) - guests.indptr[row] + 1
    lengths = np.diff(rows.indptr)
    hosts = (EXPLORE - 1) * turn
    room = (lengths[row] > 0) & ((turn == 1) | (hosts <= lengths[row]))
    row, item = row[room], guests.items[room]
    above = rows.scores[rows.indptr[row] + np.minimum(hosts[room], lengths[row]) - 1]
    shape = (len(new), len(new))
    placed = sparse.csr_matrix((above * (1 - _BELOW), (row, item)), shape=shape)
    return top_per_row(_matrix(rows).maximum(placed), limit)


def _matrix(rows: Rows) -> Any:
    count = len(rows.indptr) - 1
    return sparse.csr_matrix((rows.scores, rows.items, rows.indptr), shape=(count, count))
