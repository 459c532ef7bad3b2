"""What is new: products that the catalogue, or else the shop's visitors, met first of late."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import IntArray
from control_plane.models.popular import count_people, people_of
from control_plane.profiles.interest import Interest

#: The list in `Model.latest`, as the stage that shows it.
NEW = "new"

DAY = 86_400
NEW_DAYS = 30

#: Items added within a day of the first are what the shop began with, not its news.
FIRST_LOAD_DAYS = 1

#: How likely it may be that all events of an old item come so late by chance, as they do where few
#: look at it; and what it takes beside: people, and days that the log goes back.
DOUBT, FEWEST_PEOPLE, FEWEST_DAYS = 0.001, 3, 7

#: Days of average interest that every new item is given to begin with.
PRIOR_DAYS = 2.0

#: An item that fewer people looked at is little known: every third place is for one of these.
WELL_KNOWN = 5


class _Seen(msgspec.Struct, frozen=True):
    """Of each item (n,): epoch seconds of its first event, 0 for none, and how many people came."""

    first: NDArray[np.int64]
    people: NDArray[np.int64]


def new_items(
    interest: Interest, added: NDArray[np.int64], leader: NDArray[np.int32], limit: int
) -> IntArray:
    """Return at most `limit` new products, by interest a day, every third for a little known one.

    `added` (n,) is when the catalogue first told of each item (epoch seconds), 0 where that is
    unknown, -1 for items without a row in it; a product is as old as its oldest variant. `leader`
    (n,) is who stands for each item's product; `interest` is about leaders.
    """
    seen = _first_seen(interest, len(added))
    age = _ages(interest, seen, _oldest_variant(added, leader))
    found = np.flatnonzero((age >= 0) & (leader == np.arange(len(leader))))
    days, people = age[found] / DAY, seen.people[found]
    average = people.sum() / max(days.sum(), 1.0)
    rate = (people + PRIOR_DAYS * average) / (days + PRIOR_DAYS)
    little = people < WELL_KNOWN
    fresh = found[little][np.lexsort((found[little], days[little]))]
    return _in_turn(found[np.lexsort((found, -rate))], fresh)[:limit]


def add_newcomers(
    new: IntArray, added: NDArray[np.int64], leader: NDArray[np.int32], newest: int, old: int
) -> IntArray:
    """Return the list with each product whose items, all from number `old` on, came since.

    `newest` is the time of the newest event that the list was learned from.
    """
    age = _by_catalogue(_oldest_variant(added, leader), newest)
    young = np.bincount(leader, np.arange(len(leader)) < old, len(leader)) == 0
    came = np.flatnonzero((age >= 0) & young & (leader == np.arange(len(leader))))
    return _in_turn(new, came[np.lexsort((came, age[came]))])


def _first_seen(interest: Interest, count: int) -> _Seen:
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, interest.item, interest.seconds)
    people = count_people(interest.item, people_of(interest), count)
    return _Seen(np.where(people > 0, first, 0), people)


def _oldest_variant(added: NDArray[np.int64], leader: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return `added` of each leader's oldest variant, -1 where none is in the catalogue."""
    nobody = np.iinfo(np.int64).max
    oldest = np.full(len(added), nobody)
    np.minimum.at(oldest, leader, np.where(added < 0, nobody, added))
    return np.where(oldest == nobody, -1, oldest)


def _ages(interest: Interest, seen: _Seen, since: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the seconds since each new item came, -1 for those that are not new."""
    oldest, newest = _span(interest.seconds)
    told = _by_catalogue(since, newest)
    late = newest - seen.first
    share = late / max(newest - oldest, FEWEST_DAYS * DAY)
    came = (seen.people >= FEWEST_PEOPLE) & (late <= NEW_DAYS * DAY)
    came &= (share**seen.people <= DOUBT) & (newest - oldest >= FEWEST_DAYS * DAY)
    long_known = (since > 0) & (newest - since > NEW_DAYS * DAY)
    return np.where(told >= 0, told, np.where(came & ~long_known, late, -1))


def _by_catalogue(since: NDArray[np.int64], newest: int) -> NDArray[np.int64]:
    """Return the seconds since the catalogue first told of each item that is its news, else -1."""
    listed = since[since >= 0]
    # A catalogue may be loaded long after the events that a shop brings along.
    now = max(newest, int(listed.max(initial=0)))
    first_load = int(listed.min(initial=now)) + FIRST_LOAD_DAYS * DAY
    return np.where((since > first_load) & (now - since <= NEW_DAYS * DAY), now - since, -1)


def _in_turn(wanted: NDArray[Any], fresh: NDArray[Any]) -> IntArray:
    """Return two wanted ones, then a fresh one, and so on; each once, where it comes first."""
    place = np.arange(len(wanted))
    turns = np.concatenate([place // 2 * 3 + place % 2, np.arange(len(fresh)) * 3 + 2])
    both = np.concatenate([wanted, fresh])[np.argsort(turns, kind="stable")]
    _, first = np.unique(both, return_index=True)
    return both[np.sort(first)].astype(np.int32)


def _span(seconds: NDArray[np.int64]) -> tuple[int, int]:
    return (int(seconds.min()), int(seconds.max())) if len(seconds) else (0, 0)
