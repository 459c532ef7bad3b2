"""What is new: products that the catalogue, or else the shop's visitors, met first of late."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import IntArray
from control_plane.models.popular import count_people, people_of
from control_plane.profiles.interest import Interest

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
    since = _oldest_variant(added, leader)
    age = _ages(interest, seen, since)
    found = np.flatnonzero((age >= 0) & (leader == np.arange(len(leader))))
    return _interleaved(found, age[found] / DAY, seen.people[found], limit)


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
    listed = since[since >= 0]
    # A catalogue may be loaded long after the events that a shop brings along.
    now = max(newest, int(listed.max(initial=0)))
    by_catalogue = now - since
    first_load = int(listed.min(initial=now)) + FIRST_LOAD_DAYS * DAY
    is_news = (since > first_load) & (by_catalogue <= NEW_DAYS * DAY)
    by_events = newest - seen.first
    share = by_events / max(newest - oldest, FEWEST_DAYS * DAY)
    came_late = (seen.people >= FEWEST_PEOPLE) & (by_events <= NEW_DAYS * DAY)
    came_late &= (share**seen.people <= DOUBT) & (newest - oldest >= FEWEST_DAYS * DAY)
    long_known = (since > 0) & (newest - since > NEW_DAYS * DAY)
    return np.where(is_news, by_catalogue, np.where(came_late & ~long_known, by_events, -1))


def _interleaved(
    found: NDArray[np.intp], days: NDArray[np.float64], people: NDArray[np.int64], limit: int
) -> IntArray:
    average = people.sum() / max(days.sum(), 1.0)
    rate = (people + PRIOR_DAYS * average) / (days + PRIOR_DAYS)
    wanted = found[np.lexsort((found, -rate))]
    little = people < WELL_KNOWN
    fresh = found[little][np.lexsort((found[little], days[little]))]
    # Two wanted ones, then a fresh one; what comes twice counts where it comes first.
    turns = np.concatenate(
        [
            np.arange(len(wanted)) // 2 * 3 + np.arange(len(wanted)) % 2,
            np.arange(len(fresh)) * 3 + 2,
        ]
    )
    both = np.concatenate([wanted, fresh])[np.argsort(turns, kind="stable")]
    _, place = np.unique(both, return_index=True)
    return both[np.sort(place)][:limit].astype(np.int32)


def _span(seconds: NDArray[np.int64]) -> tuple[int, int]:
    return (int(seconds.min()), int(seconds.max())) if len(seconds) else (0, 0)
