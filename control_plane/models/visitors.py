"""What is new to each known visitor and near to what they liked: normalised item-kNN."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.artifacts import Rows, Sets
from control_plane.models.ranking import blocks, stack, top_per_row
from control_plane.profiles.interest import ORDER, Interest

# Measured on Gowalla (R@20 .180, N@20 .148): a pair of items counts deg(user)^-0.5 for every
# user who has both, over deg(source)^0.8 deg(target)^0.2.
USER_POWER, SOURCE_POWER, TARGET_POWER = -0.5, -0.8, -0.2
ITEM_NEIGHBOURS = 50

BOUGHT_ITEMS, SEEN_ITEMS = 32, 64

#: The newest items of a visitor that pairs are counted over: a reseller with 50,000 items would
#: else cost as much as everyone else together.
HISTORY_ITEMS = 1_000

#: Measured on a gift shop's next invoices: 30 days .0907 N@20, 7 days .0922, no decay .0874.
HALF_LIFE_DAYS = 30.0

#: Products summed in one block of a sparse matrix product, about 40 bytes each.
_BLOCK_PRODUCTS = 6_000_000

#: Pushes an item below every score.
_EXCLUDED = 1e30


class Histories(msgspec.Struct, frozen=True):
    """The distinct items of each visitor, newest last: row v is `items[indptr[v]:indptr[v + 1]]`.

    `keys` (v,) uint64 ascending; `people` (v,) int32 indices into `Interest.people`;
    `bought` (nnz,) bool; `seconds` (nnz,) int64 epoch of the newest event about the item.
    """

    keys: NDArray[np.uint64]
    people: NDArray[np.int32]
    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    bought: NDArray[np.bool_]
    seconds: NDArray[np.int64]


def gather_histories(interest: Interest) -> Histories:
    """Return what each consenting visitor took an interest in."""
    rows = np.flatnonzero(interest.personal)
    person, item = interest.person[rows].astype(np.int64), interest.item[rows].astype(np.int64)
    pair = person * max(len(interest.item_ids), 1) + item
    # Of a reversed array, the first occurrence is the newest event.
    pairs, newest, group = np.unique(pair[::-1], return_index=True, return_inverse=True)
    bought = np.bincount(group, weights=interest.kind[rows][::-1] == ORDER, minlength=len(pairs))
    place = len(rows) - 1 - newest
    order = np.lexsort((place, person[place]))
    place = place[order]
    people, lengths = np.unique(person[place], return_counts=True)
    return Histories(
        keys=interest.people[people],
        people=people.astype(np.int32),
        indptr=np.append(0, np.cumsum(lengths)).astype(np.int64),
        items=item[place].astype(np.int32),
        bought=bought[order] > 0,
        seconds=interest.seconds[rows][place],
    )


def fit_items(histories: Histories, item_count: int, limit: int = ITEM_NEIGHBOURS) -> Rows:
    """Return the `limit` nearest items of each item, by who took an interest in both."""
    taken = _newest(histories, HISTORY_ITEMS)
    lengths = np.diff(taken.indptr)
    has = _matrix(taken, np.ones(len(taken.items)), item_count)
    share = _matrix(taken, np.repeat(lengths.astype(np.float64) ** USER_POWER, lengths), item_count)
    by_item = share.T.tocsr()
    degrees = np.bincount(taken.items, minlength=item_count)
    costs = np.bincount(taken.items, np.repeat(lengths, lengths), item_count).astype(np.int64)
    source, target = _power(degrees, SOURCE_POWER), _power(degrees, TARGET_POWER)
    tables = []
    for start, stop in blocks(costs, _BLOCK_PRODUCTS):
        pairs = by_item[start:stop] @ has
        row = np.repeat(np.arange(start, stop), np.diff(pairs.indptr))
        pairs.data *= source[row] * target[pairs.indices] * (pairs.indices != row)
        tables.append(top_per_row(pairs, limit))
    return stack(tables)


def visitor_rows(histories: Histories, neighbours: Rows, item_count: int, limit: int) -> Rows:
    """Return the `limit` best items for each visitor among those they never met.

    A visitor's newest items count most.
    """
    near = sparse.csr_matrix(
        (neighbours.scores, neighbours.items, neighbours.indptr), shape=(item_count, item_count)
    )
    known = _matrix(histories, np.ones(len(histories.items), np.float32), item_count)
    liked = _matrix(histories, _freshness(histories), item_count)
    reach = np.diff(neighbours.indptr)[histories.items]
    costs = np.diff(np.append(0, np.cumsum(reach))[histories.indptr])
    tables = []
    for start, stop in blocks(costs, _BLOCK_PRODUCTS):
        met = known[start:stop] * np.float32(_EXCLUDED)
        tables.append(top_per_row(liked[start:stop] @ near - met, limit))
    return stack(tables)


def bought_sets(histories: Histories) -> Sets:
    """Return the newest items each visitor ordered."""
    return _newest_set(histories, histories.bought, BOUGHT_ITEMS)


def seen_sets(histories: Histories) -> Sets:
    """Return the newest items each visitor met without ever ordering them."""
    return _newest_set(histories, ~histories.bought, SEEN_ITEMS)


def _freshness(histories: Histories) -> NDArray[np.float32]:
    """Return each item's weight, 1 for a visitor's newest."""
    lengths = np.diff(histories.indptr)
    newest = np.zeros(len(lengths), dtype=np.int64)
    if len(histories.seconds):
        newest = np.maximum.reduceat(histories.seconds, histories.indptr[:-1])
    age = (np.repeat(newest, lengths) - histories.seconds) / 86_400
    # What is years older than the newest must not vanish into a score of zero.
    return np.exp2(-np.minimum(age / HALF_LIFE_DAYS, 20)).astype(np.float32)


def _newest_set(histories: Histories, wanted: NDArray[np.bool_], limit: int) -> Sets:
    kept = _filter(histories, wanted)
    kept = _newest(kept, limit)
    visitor = np.repeat(np.arange(len(kept.keys)), np.diff(kept.indptr))
    return Sets(kept.indptr, kept.items[np.lexsort((kept.items, visitor))])


def _newest(histories: Histories, limit: int) -> Histories:
    ends = np.repeat(histories.indptr[1:], np.diff(histories.indptr))
    return _filter(histories, ends - np.arange(len(histories.items)) <= limit)


def _filter(histories: Histories, wanted: NDArray[np.bool_]) -> Histories:
    return msgspec.structs.replace(
        histories,
        indptr=np.append(0, np.cumsum(wanted))[histories.indptr],
        items=histories.items[wanted],
        bought=histories.bought[wanted],
        seconds=histories.seconds[wanted],
    )


def _matrix(histories: Histories, values: NDArray[Any], item_count: int) -> Any:
    shape = (len(histories.keys), item_count)
    return sparse.csr_matrix((values, histories.items, histories.indptr), shape=shape)


def _power(degrees: NDArray[np.int64], power: float) -> NDArray[np.float64]:
    return np.maximum(degrees, 1).astype(np.float64) ** power
