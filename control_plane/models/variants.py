"""Variants of one product count as one: their events are pooled, and one of them is shown.

The one shown is the product's *leader*: of those that are available the most wanted.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Rows
from control_plane.models.catalogue import Catalogue
from control_plane.profiles.interest import Interest

#: Items alike in all that is known are one product's variants, unless there are more of them: then
#: the shop has not said what tells them apart.
MOST_TWINS = 20

#: A group of more items than this is hardly one product's; so many such groups are named at most.
MOST_VARIANTS, MOST_WARNINGS = 300, 3


def product_leaders(catalogue: Catalogue, events: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the leader (n,) of each item's product by `group`; events (n,) say what is wanted."""
    return _leaders(catalogue.group, catalogue.available, events)


def twin_leaders(
    catalogue: Catalogue, leader: NDArray[np.int32], events: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Return leaders (n,) for which items of one title, brand, category and price are one too."""
    alike: dict[Hashable, list[int]] = {}
    for item in np.unique(leader).tolist():
        if catalogue.title[item]:
            told = (catalogue.title[item], catalogue.brand[item], catalogue.category[item])
            alike.setdefault((*told, int(catalogue.price[item])), []).append(item)
    twins = [""] * len(leader)
    for items in alike.values():
        for item in items if len(items) <= MOST_TWINS else ():
            twins[item] = str(items[0])
    return _leaders(twins, catalogue.available, events)[leader]


def suspicious_groups(catalogue: Catalogue, leader: NDArray[np.int32]) -> list[str]:
    """Say which `group_id` joins more items than a product has variants."""
    variants = np.bincount(leader, minlength=len(leader))
    return [
        f"{variants[item]:,} items have the group_id {catalogue.group[item]!r} and count as one "
        "product, of which one is shown: leave group_id empty where it joins no variants"
        for item in np.flatnonzero(variants > MOST_VARIANTS).tolist()
    ][:MOST_WARNINGS]


def pool(interest: Interest, leader: NDArray[np.int32]) -> Interest:
    """Return the same events, each about its product's leader."""
    return msgspec.structs.replace(interest, item=leader[interest.item])


def spread(rows: Rows, leader: NDArray[np.int32]) -> Rows:
    """Return a row for every item (n,): its leader's, in which it stands for the leader itself."""
    lengths = np.diff(rows.indptr)[leader]
    indptr = np.append(0, np.cumsum(lengths)).astype(np.int64)
    row = np.repeat(np.arange(len(leader), dtype=np.int32), lengths)
    source = np.arange(len(row)) - indptr[row] + rows.indptr[leader[row]]
    items = rows.items[source]
    return Rows(indptr, np.where(items == leader[row], row, items), rows.scores[source])


def _leaders(
    groups: Sequence[str], available: NDArray[np.bool_], events: NDArray[np.int64]
) -> NDArray[np.int32]:
    count = len(groups)
    first: dict[str, int] = {}
    product = np.array(
        [first.setdefault(group, item) if group else item for item, group in enumerate(groups)],
        dtype=np.int64,
    )
    ranked = np.lexsort((np.arange(count), -events, ~available, product))
    starts = np.r_[True, product[ranked][1:] != product[ranked][:-1]][:count]
    best = np.empty(count, dtype=np.int32)
    best[product[ranked[starts]]] = ranked[starts]
    return best[product]
