"""Which of the catalogue's broad categories each visitor leans to."""

from __future__ import annotations

import re

import duckdb
import numpy as np
from numpy.typing import NDArray

from control_plane.schema import INTEREST

PREFIX = "taste:"

#: Broad categories that become features; the rarest would only add noise.
MOST_TASTES = 12

#: Events of the average visitor mixed into each one's shares: one view is not yet a taste.
PRIOR_EVENTS = 3.0

_SEPARATOR = re.compile(r"\s*[>/|]\s*")

_EVENTS = """
SELECT person, category, count(*) AS events
FROM (SELECT person, unnest(lines).item_id AS item_id FROM visits
      WHERE personal AND person IS NOT NULL AND event IN (SELECT unnest($names)))
JOIN items USING (item_id)
WHERE category IS NOT NULL
GROUP BY person, category ORDER BY person, category
"""


def taste_shares(
    connection: duckdb.DuckDBPyConnection, keys: NDArray[np.uint64]
) -> dict[str, NDArray[np.float64]]:
    """Return "taste:CATEGORY" -> share of each visitor's interest, shrunk towards the average.

    A visitor none of whose items has a category is average.
    """
    rows = connection.execute(_EVENTS, {"names": list(INTEREST)}).fetchnumpy()
    names = broad_categories([str(path) for path in np.unique(rows["category"].astype(str))])
    kinds = sorted(set(names.values()))
    if len(kinds) < 2:
        return {}
    person = np.searchsorted(keys, np.ma.getdata(rows["person"]))
    kind = np.array([kinds.index(names[str(path)]) for path in rows["category"]])
    counts = np.zeros((len(keys), len(kinds)))
    np.add.at(counts, (person, kind), np.ma.getdata(rows["events"]))
    total = counts.sum(axis=0)
    average = total / total.sum()
    known = counts.sum(axis=1, keepdims=True)
    shares = (counts + PRIOR_EVENTS * average) / (known + PRIOR_EVENTS)
    largest = np.lexsort((np.arange(len(kinds)), -total))[:MOST_TASTES]
    return {f"{PREFIX}{kinds[place]}": shares[:, place] for place in sorted(largest)}


def broad_categories(paths: list[str]) -> dict[str, str]:
    """Map category paths ("Shoes > Running") to their part on the first level that tells apart."""
    levels = {path: _SEPARATOR.split(path.strip()) for path in paths}
    depth = max((len(parts) for parts in levels.values()), default=0)
    for level in range(depth):
        names = {path: parts[min(level, len(parts) - 1)] for path, parts in levels.items()}
        if len(set(names.values())) > 1:
            return names
    return {path: parts[0] for path, parts in levels.items()}
