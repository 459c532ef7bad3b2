"""What each consenting visitor took an interest in, and the newest of it as sets."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Sets
from control_plane.profiles.interest import ORDER, Interest

#: The newest items that a row names, exactly: gaps take 8.5 bits an item in a shop of 200,000,
#: where fingerprints that meet one stranger in 64 would take 7.5.
BOUGHT_ITEMS, SEEN_ITEMS = 256, 256

ACTIVE_HALF_LIFE_DAYS = 30.0


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


def bought_sets(histories: Histories) -> Sets:
    """Return the newest items each visitor ordered."""
    return _newest_set(histories, histories.bought, BOUGHT_ITEMS)


def seen_sets(histories: Histories) -> Sets:
    """Return the newest items each visitor met without ever ordering them."""
    return _newest_set(histories, ~histories.bought, SEEN_ITEMS)


def _newest_set(histories: Histories, wanted: NDArray[np.bool_], limit: int) -> Sets:
    kept = filtered(histories, wanted)
    kept = newest(kept, limit)
    visitor = np.repeat(np.arange(len(kept.keys)), np.diff(kept.indptr))
    return Sets(kept.indptr, kept.items[np.lexsort((kept.items, visitor))])


def activity(interest: Interest, histories: Histories) -> NDArray[np.float32]:
    """Return how much each visitor did (v,), halved every 30 days before the newest event."""
    rows = np.flatnonzero(interest.personal)
    age = (interest.seconds.max(initial=0) - interest.seconds[rows]) / 86_400
    weights = np.exp2(-age / ACTIVE_HALF_LIFE_DAYS)
    done = np.bincount(interest.person[rows], weights, minlength=len(interest.people))
    return done[histories.people].astype(np.float32)


def newest(histories: Histories, limit: int) -> Histories:
    """Return the `limit` newest items of each visitor."""
    ends = np.repeat(histories.indptr[1:], np.diff(histories.indptr))
    return filtered(histories, ends - np.arange(len(histories.items)) <= limit)


def filtered(histories: Histories, wanted: NDArray[np.bool_]) -> Histories:
    """Return the items for which `wanted` (nnz,) is true; visitors stay, if with none."""
    return msgspec.structs.replace(
        histories,
        indptr=np.append(0, np.cumsum(wanted))[histories.indptr],
        items=histories.items[wanted],
        bought=histories.bought[wanted],
        seconds=histories.seconds[wanted],
    )
