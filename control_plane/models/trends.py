"""Which items are wanted more than they used to be: overall and by country.

Each item is held against its own past, and against how the whole shop's interest moved: on the
first day of a sale everything is looked at more, and the bestsellers of last month still sell best.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import IntArray
from control_plane.models.popular import count_people, crowds, people_of
from control_plane.profiles.interest import Interest
from control_plane.profiles.keys import distinct

RECENT_HALF_LIFE_DAYS, PAST_HALF_LIFE_DAYS = 2.0, 28.0

#: What is older weighs less than a hundredth of today.
PAST_DAYS = 200

#: People who must have looked within two recent half-lives; fewer are no trend, and could be one.
FEWEST_RISERS = 5

#: Standard deviations above what the past makes one expect, of a count that chance moves
#: (Poisson): 2 views that become 4 are 1.2 of them, 20 that become 40 are 4.4.
LEAST_RISE = 3.0

#: People added to what is expected, so that an item without a past needs more than one.
EXPECTED_PRIOR = 1.0


def trending_lists(interest: Interest, limit: int) -> dict[str, IntArray]:
    """Return at most `limit` items that rise, the steepest first, as "trending", "trending:XX".

    Countries have a list where a crowd looks from there. A list without an item is left out.
    """
    rows = np.arange(len(interest.item))
    lists = {"trending": rising(interest, rows, limit)}
    for country, rows in crowds(interest):
        lists[f"trending:{country}"] = rising(interest, rows, limit)
    return {key: items for key, items in lists.items() if len(items)}


def rising(interest: Interest, rows: NDArray[np.intp], limit: int) -> IntArray:
    """Return the `limit` items that rise most in these rows; a person counts once an item and day.

    Rise = (r - e) / sqrt(e + 1): r people of late and e those expected, which is the item's share
    of the past times all people of late.
    """
    if not len(rows):
        return np.zeros(0, dtype=np.int32)
    days = (interest.seconds.max() - interest.seconds[rows]) // 86_400
    item, person, days = _once_a_day(interest.item[rows], people_of(interest)[rows], days)
    recent = np.bincount(item, np.exp2(-days / RECENT_HALF_LIFE_DAYS))
    past = np.bincount(item, np.exp2(-days / PAST_HALF_LIFE_DAYS))
    # Of a place whose newest event is a lifetime old, nothing is left.
    expected = past * (recent.sum() / max(past.sum(), np.finfo(float).tiny))
    rise = (recent - expected) / np.sqrt(expected + EXPECTED_PRIOR)
    late = days <= 2 * RECENT_HALF_LIFE_DAYS
    people = count_people(item[late], person[late], len(rise))
    found = np.flatnonzero((rise >= LEAST_RISE) & (people >= FEWEST_RISERS))
    return found[np.lexsort((found, -rise[found]))][:limit].astype(np.int32)


def _once_a_day(
    items: NDArray[np.int32], people: NDArray[np.int64], days: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    near = days < PAST_DAYS
    width = int(people.max()) + 1
    keys = (items[near].astype(np.int64) * width + people[near]) * PAST_DAYS + days[near]
    pair, day = np.divmod(distinct(keys), PAST_DAYS)
    item, person = np.divmod(pair, width)
    return item.astype(np.int32), person, day
