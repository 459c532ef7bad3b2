"""How many known visitors a marketer's own segments hold, by what the event log says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from control_plane.models.category_list import Condition
from control_plane.models.live import States
from control_plane.models.surrogate import place_all


def count_own(states: States, conditions: Mapping[str, Condition]) -> dict[str, dict[str, Any]]:
    """Return by segment its `visitors` `of` those known, at the end of their newest sessions.

    Where a condition asks about what the log does not tell, `visitors` is None and `unknown`
    names those attributes.
    """
    rows = np.flatnonzero(states.last)
    told = {column.attribute for column in states.columns}
    sizes: dict[str, dict[str, Any]] = {}
    for name, condition in conditions.items():
        unknown = sorted(set(_attributes(condition)) - told)
        found = None if unknown else int((place_all(states, rows, [condition]) == 0).sum())
        sizes[name] = {"visitors": found, "of": len(rows), "unknown": unknown}
    return sizes


def _attributes(condition: Condition) -> Iterator[str]:
    for key, below in condition.items():
        if key in ("$and", "$or", "$nor"):
            for one in below:
                yield from _attributes(one)
        elif key == "$not":
            yield from _attributes(below)
        else:
            yield key
