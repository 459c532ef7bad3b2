"""Which items many people want now: overall, by country, by segment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import IntArray
from control_plane.profiles.interest import Interest
from control_plane.profiles.keys import distinct

#: A country or segment of fewer people gets no list of its own: the overall one serves it, and
#: nobody's taste shows through a small crowd.
FEWEST_PEOPLE = 50

#: What one person's strongest interest in an item counts: view, cart, order.
KIND_WEIGHTS = np.array([1.0, 3.0, 6.0])

HALF_LIFE_DAYS = 14.0


def popular_lists(
    interest: Interest, limit: int, segments: dict[str, NDArray[np.int32]]
) -> dict[str, IntArray]:
    """Return the `limit` most popular items, best first, by "all", "country:XX", "segment:KEY".

    `segments` maps a segment's key to its members as indices into `interest.people`. Only
    groups of `FEWEST_PEOPLE` or more have a list.
    """
    units = people_of(interest)
    weights = KIND_WEIGHTS[interest.kind] * recency(interest.seconds, HALF_LIFE_DAYS)
    lists = {"all": _rank(interest.item, units, weights, limit)}
    for country, where in crowds(interest):
        lists[f"country:{country}"] = _rank(
            interest.item[where], units[where], weights[where], limit
        )
    for key, members in segments.items():
        rows = interest.personal & np.isin(interest.person, members)
        if len(members) >= FEWEST_PEOPLE:
            lists[f"segment:{key}"] = _rank(interest.item[rows], units[rows], weights[rows], limit)
    return lists


def crowds(interest: Interest) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield each country of `FEWEST_PEOPLE` or more, with the places of its events."""
    units = people_of(interest)
    for number, country in enumerate(interest.countries):
        rows = np.flatnonzero(interest.country == number)
        if country and len(distinct(units[rows])) >= FEWEST_PEOPLE:
            yield country, rows


def recency(seconds: NDArray[np.int64], half_life_days: float) -> NDArray[np.float64]:
    """Return 2^(-age / half-life), age counted from the newest of `seconds`."""
    if not len(seconds):
        return np.zeros(0)
    return np.exp2(-(seconds.max() - seconds) / (half_life_days * 86_400))


def people_of(interest: Interest) -> NDArray[np.int64]:
    """Return who each event counts for: its person, else its session."""
    known = interest.person >= 0
    return np.where(known, interest.person, len(interest.people) + interest.session)


def count_people(
    items: NDArray[np.int32], units: NDArray[np.int64], item_count: int
) -> NDArray[np.int64]:
    """Return how many of `units` met each item: (item_count,)."""
    width = int(units.max(initial=0)) + 1
    met = distinct(items.astype(np.int64) * width + units)
    return np.bincount(met // width, minlength=item_count)


def _rank(
    items: IntArray, units: NDArray[np.int64], weights: NDArray[np.float64], limit: int
) -> IntArray:
    """Rank items by the sum over people of each one's strongest weight, ties by item number."""
    if not len(items):
        return np.zeros(0, dtype=np.int32)
    key = items.astype(np.int64) * (int(units.max()) + 1) + units
    order = np.argsort(key, kind="stable")
    item, key = items[order], key[order]
    starts = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    strongest = np.maximum.reduceat(weights[order], starts)
    scores = np.bincount(item[starts], weights=strongest)
    found = np.flatnonzero(scores > 0)
    best = found[np.lexsort((found, -scores[found]))][:limit]
    return best.astype(np.int32)
