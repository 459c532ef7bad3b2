"""What shelves show beside neighbours: bought together, trending, new; and from how many people."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models import variants
from control_plane.models.arrivals import NEW, new_items
from control_plane.models.artifacts import IntArray, Rows
from control_plane.models.baskets import also_bought
from control_plane.models.popular import people_of
from control_plane.models.purchases import gather_purchases
from control_plane.models.trends import trending_lists
from control_plane.profiles.interest import Interest
from control_plane.profiles.keys import distinct

#: Items a row of what is bought together keeps: a shelf's worth, and some to leave out.
ALSO_BOUGHT_ITEMS = 20

#: The list of the whole shop's trends in `Model.latest`, as the stage that shows it.
TRENDING = "trending"


class Shelves(msgspec.Struct, frozen=True):
    """Rows and lists by stage, and by stage how many items have them, from how many people."""

    related: dict[str, Rows]
    latest: dict[str, IntArray]
    told: dict[str, dict[str, int]]


def learn_shelves(
    interest: Interest, added: NDArray[np.int64], leader: NDArray[np.int32], limit: int
) -> Shelves:
    """Learn from `interest` in products' leaders; see `arrivals.new_items` for `added` (n,)."""
    taken = gather_purchases(interest)
    bought = variants.spread(also_bought(taken, len(leader), ALSO_BOUGHT_ITEMS), leader)
    trending = trending_lists(interest, limit)
    new = new_items(interest, added, leader, limit)
    return Shelves(
        related={"also_bought": bought} if len(bought.items) else {},
        latest=trending | ({NEW: new} if len(new) else {}),
        told={
            "also_bought": _told(np.flatnonzero(np.diff(bought.indptr)), taken.person),
            TRENDING: _told(trending.get(TRENDING, new[:0]), people_of(interest)),
            NEW: _told(new, people_of(interest)[np.isin(interest.item, new)]),
        },
    )


def _told(items: NDArray[np.int64] | IntArray, people: NDArray[np.int64]) -> dict[str, int]:
    return {"items": len(items), "people": len(distinct(people))}
