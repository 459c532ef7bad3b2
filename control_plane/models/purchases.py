"""What people bought, or put into the cart: one entry a person, session and item."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.popular import people_of
from control_plane.profiles.interest import CART, ORDER, Interest

#: What an item of a cart counts beside one that was ordered.
CART_WEIGHT = 0.3

HALF_LIFE_DAYS = 180.0


class Purchases(msgspec.Struct, frozen=True):
    """Arrays (n,) by person, then by the time of the session, whose newest event dates it.

    `person` and `session` int64 count from 0; `item` int64; `seconds` int64 epoch; `weight` float64
    is 1 for what was ordered last, less for a cart and with age; `personal` bool: what the person
    did in other sessions may be brought together with it.
    """

    person: NDArray[np.int64]
    session: NDArray[np.int64]
    item: NDArray[np.int64]
    seconds: NDArray[np.int64]
    weight: NDArray[np.float64]
    personal: NDArray[np.bool_]


def gather_purchases(interest: Interest) -> Purchases:
    """Return all that was ordered or put into a cart, by whomever."""
    rows = np.flatnonzero(interest.kind >= CART)
    _, person = np.unique(people_of(interest)[rows], return_inverse=True)
    sessions, session = np.unique(interest.session[rows], return_inverse=True)
    newest = np.zeros(len(sessions), dtype=np.int64)
    np.maximum.at(newest, session, interest.seconds[rows])
    item, kind = interest.item[rows], interest.kind[rows]
    # Of an item that was put into the cart and then ordered, the order comes first.
    order = np.lexsort((-kind, item, session, newest[session], person))
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (np.diff(session[order]) == 0) & (np.diff(item[order]) == 0)
    order = order[~again]
    seconds = newest[session[order]]
    age_days = (newest.max(initial=0) - seconds) / 86_400
    return Purchases(
        person=person[order].astype(np.int64),
        session=session[order].astype(np.int64),
        item=item[order].astype(np.int64),
        seconds=seconds,
        weight=np.where(kind[order] == ORDER, 1.0, CART_WEIGHT)
        * np.exp2(-age_days / HALF_LIFE_DAYS),
        personal=interest.personal[rows][order],
    )


def people_per_item(taken: Purchases, item_count: int) -> NDArray[np.float64]:
    """Sum the weight of each person's heaviest purchase of each item: (item_count,)."""
    order = np.lexsort((taken.person, taken.item))
    item, person = taken.item[order], taken.person[order]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (np.diff(item) != 0) | (np.diff(person) != 0)
    first = np.flatnonzero(starts)
    if not len(first):
        return np.zeros(item_count)
    heaviest = np.maximum.reduceat(taken.weight[order], first)
    return np.bincount(item[first], heaviest, item_count).astype(np.float64)
