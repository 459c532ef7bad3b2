"""The popular value: ranked items overall, by segment and by country, with the first ones' cards.

One read gives a newcomer a whole shelf, and the edge something to show when all else fails.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.cards import Cards, card_columns
from control_plane.compiler.values import TARGET_BYTES, Value, make_value
from control_plane.tables import pack

#: Shares of the value's bytes for the lists; the cards get the rest.
LIST_BYTES = TARGET_BYTES // 3


def popular_value(
    popular: dict[str, NDArray[np.int32]], place: NDArray[np.int64], cards: Cards
) -> Value:
    """Return the value of all lists, cut to fit; what is sold out stands last, but may be back."""
    lists = shown_lists(popular, place, cards.available)
    carded = with_cards(lists, cards.size())
    header, columns = card_columns(cards.take(carded))
    packed = pack(
        "popular",
        {
            "lists": {key: len(items) for key, items in lists.items()},
            "count": len(carded),
            **header,
        },
        {
            "items": np.concatenate([np.zeros(0), *lists.values()]).astype(np.uint32),
            "number": carded.astype(np.uint32),
            **columns,
        },
    )
    return make_value("popular", "p", packed)


def shown_lists(
    popular: dict[str, NDArray[np.int32]],
    place: NDArray[np.int64],
    available: NDArray[np.bool_],
) -> dict[str, NDArray[np.int64]]:
    """Return the lists as the worker reads them: items by `place`, what is sold out last."""
    lists = {key: place[items] for key, items in sorted(popular.items())}
    length = max(12, LIST_BYTES // (4 * max(1, len(lists))))
    for key, items in lists.items():
        there = available[items]
        lists[key] = np.concatenate([items[there], items[~there]])[:length]
    return lists


def with_cards(lists: dict[str, NDArray[np.int64]], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the items, ascending, whose cards fit: every list's first, then its second, …"""
    ranked: dict[int, None] = {}
    longest = max((len(items) for items in lists.values()), default=0)
    room = TARGET_BYTES - LIST_BYTES
    for rank in range(longest):
        for items in lists.values():
            if rank >= len(items) or int(items[rank]) in ranked:
                continue
            room -= int(sizes[items[rank]]) + 4
            if room < 0:
                return np.array(sorted(ranked), dtype=np.int64)
            ranked[int(items[rank])] = None
    return np.array(sorted(ranked), dtype=np.int64)
