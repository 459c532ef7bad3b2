"""Which of the catalogue's broad categories each visitor leans to."""

from __future__ import annotations

import re

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.schema import INTEREST

PREFIX = "taste:"

#: Broad categories that are told apart, the most looked at; the rest count as one.
MOST_TASTES = 60

#: Events of the average visitor mixed into each one's shares: one view is not yet a taste.
PRIOR_EVENTS = 1.0

#: Between the parts of a category path.
SEPARATOR = re.compile(r"\s*[>/|]\s*")

_EVENTS = """
SELECT person, category, count(*) AS events
FROM (SELECT person, unnest(lines).item_id AS item_id FROM visits
      WHERE personal AND person IS NOT NULL AND event IN (SELECT unnest($names)))
JOIN items USING (item_id)
WHERE category IS NOT NULL
GROUP BY person, category ORDER BY person, category
"""


class Tastes(msgspec.Struct, frozen=True):
    """What each visitor's interest is in; both arrays are (visitors, categories) float64.

    `counts` are events; `shares` are shrunk towards the average, rows sum to 1. `names` are the
    categories', the last of them "" where the rarest are put together.
    """

    names: tuple[str, ...]
    counts: NDArray[np.float64]
    shares: NDArray[np.float64]


def visitor_tastes(connection: duckdb.DuckDBPyConnection, keys: NDArray[np.uint64]) -> Tastes:
    """Return the tastes of the visitors `keys` (ascending), shrunk towards the average.

    A visitor none of whose items has a category is average; a shop that has fewer than two
    categories has no tastes.
    """
    rows = connection.execute(_EVENTS, {"names": list(INTEREST)}).fetchnumpy()
    paths, path = np.unique(np.ma.getdata(rows["category"]).astype(str), return_inverse=True)
    broad = broad_categories([str(name) for name in paths])
    kinds, kind = np.unique([broad[str(name)] for name in paths], return_inverse=True)
    if len(kinds) < 2:
        none = np.zeros((len(keys), 0))
        return Tastes((), none, none)
    counts = np.zeros((len(keys), len(kinds)))
    person = np.searchsorted(keys, np.ma.getdata(rows["person"]))
    np.add.at(counts, (person, kind[path]), np.ma.getdata(rows["events"]))
    names, counts = _join_rarest([str(name) for name in kinds], counts)
    return Tastes(tuple(names), counts, _shrunk_shares(counts))


def broad_categories(paths: list[str]) -> dict[str, str]:
    """Map category paths ("Shoes > Running") to their part on the first level that tells apart."""
    levels = {path: SEPARATOR.split(path.strip()) for path in paths}
    depth = max((len(parts) for parts in levels.values()), default=0)
    for level in range(depth):
        names = {path: parts[min(level, len(parts) - 1)] for path, parts in levels.items()}
        if len(set(names.values())) > 1:
            return names
    return {path: parts[0] for path, parts in levels.items()}


def _join_rarest(
    names: list[str], counts: NDArray[np.float64]
) -> tuple[list[str], NDArray[np.float64]]:
    if len(names) <= MOST_TASTES:
        return names, counts
    ranked = np.lexsort((np.arange(len(names)), -counts.sum(axis=0)))
    kept, rest = np.sort(ranked[: MOST_TASTES - 1]), ranked[MOST_TASTES - 1 :]
    joined = np.column_stack([counts[:, kept], counts[:, rest].sum(axis=1)])
    return [*(names[place] for place in kept), ""], joined


def _shrunk_shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total = counts.sum(axis=0)
    average = total / total.sum()
    known = counts.sum(axis=1, keepdims=True)
    return np.asarray((counts + PRIOR_EVENTS * average) / (known + PRIOR_EVENTS))
