"""Keeps the truth behind the sample shop, for tests to ask whether models found it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from control_plane.demo.catalogue import Catalogue
from control_plane.demo.journeys import user_id
from control_plane.demo.people import CONSENTS, COUNTRIES, People
from control_plane.demo.record import Written
from control_plane.demo.tastes import TASTES


def truth_of(
    people: People,
    shop: Catalogue,
    groups: NDArray[np.float64],
    written: Written,
    bots: Iterable[str | None],
) -> dict[str, Any]:
    """Return all that the events do not say, JSON-able.

    `visitors`: taste, purse, country, consent, anonymous ids, account; `items`: the group that
    cares most for the item's category; `dirty`: [line, kind]; `twice`: lines sent again.
    """
    names = list(TASTES)
    # A category belongs to whom it means most, whatever the size of the group's appetite.
    owner = [names[place] for place in groups.argmax(axis=0).tolist()]
    return {
        "tastes": TASTES,
        "items": {
            row["item_id"]: owner[shelf]
            for row, shelf in zip(shop.rows, shop.category.tolist(), strict=True)
        },
        "visitors": [_visitor(people, number, names) for number in range(len(people.group))],
        "bots": list(bots),
        "events": dict(sorted(written.events.items())),
        "lines": written.lines,
        "dirty": written.dirty,
        "twice": written.twice,
    }


def _visitor(people: People, number: int, names: list[str]) -> dict[str, Any]:
    personalization, analytics = CONSENTS[int(people.consent[number])]
    browsers = [place for place in people.browser[number].tolist() if place >= 0]
    return {
        "taste": names[int(people.group[number])],
        "purse": int(people.purse[number]),
        "country": COUNTRIES[int(people.country[number])],
        "personalization": personalization,
        "analytics": analytics,
        "anonymous_ids": [people.browser_ids[place] for place in browsers],
        "user_id": user_id(number) if people.account[number] else None,
        "visits": int(people.visits[number]),
    }
