"""What sets visitors apart, as numbers: how recent, often and dear, where and when, for what."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.space import grouping_space
from control_plane.models.tastes import PREFIX, visitor_tastes
from control_plane.schema import ADDED, CLICKED, INTEREST, ORDERED, REFUNDED, SEARCHED, VIEWED

#: Standard scores beyond this are cut: one reseller must not become a segment.
SCORE_BOUND = 4.0

_DAY = 86_400
_EVENING_HOUR = 18

# Sums are of whole numbers, so that the order in which threads add them changes nothing.
# Day 0 of the epoch was a Thursday.
_VISITS = f"""
SELECT person,
       max(seconds) AS newest,
       count(*) FILTER (event IN ('{VIEWED}', '{CLICKED}')) AS views,
       count(*) FILTER (event = '{ADDED}') AS carts,
       count(DISTINCT purchase) FILTER (event = '{ORDERED}') AS orders,
       count(DISTINCT purchase) FILTER (event = '{REFUNDED}') AS refunds,
       count(*) FILTER (event = '{SEARCHED}') AS searches,
       count(*) FILTER (lower(device) IN ('mobile', 'tablet', 'phone', 'smartphone')) AS mobile,
       count(device) AS devices,
       count(*) FILTER (seconds // 3600 % 24 >= {_EVENING_HOUR}) AS evening,
       count(*) FILTER ((seconds // {_DAY} + 3) % 7 >= 5) AS weekend,
       count(*) AS events
FROM visits WHERE personal AND person IS NOT NULL
GROUP BY person ORDER BY person
"""

_LINES = f"""
SELECT person,
       sum(price * quantity) FILTER (event = '{ORDERED}') AS spent,
       sum(quantity) FILTER (event = '{ORDERED}') AS units,
       sum(price) AS price_sum,
       count(price) AS prices,
       sum(list_price) AS list_sum,
       sum(price) FILTER (list_price IS NOT NULL) AS paid_sum
FROM (
    SELECT person, event, greatest(coalesce(line.quantity, 1), 0) AS quantity,
           greatest(coalesce(line.price_minor, i.price_minor), 0) AS price,
           CASE WHEN line.price_minor IS NOT NULL THEN nullif(i.price_minor, 0) END AS list_price
    FROM (SELECT person, event, unnest(lines) AS line FROM visits
          WHERE personal AND person IS NOT NULL AND event IN (SELECT unnest($names))) v
    LEFT JOIN items i ON i.item_id = line.item_id
) GROUP BY person ORDER BY person
"""


class Features(msgspec.Struct, frozen=True):
    """Visitors as numbers: what they are told by, and where they stand to each other.

    `scores` (visitors, features) float64: standard scores, 0 where unknown; features in which
    all visitors are alike are left out, so there may be none. `space` (visitors, dimensions)
    float64: where near visitors are alike.
    """

    names: tuple[str, ...]
    scores: NDArray[np.float64]
    space: NDArray[np.float64]


def visitor_features(
    connection: duckdb.DuckDBPyConnection,
    keys: NDArray[np.uint64],
    sessions: NDArray[np.int64],
) -> Features:
    """Return the features of the visitors `keys` (ascending), who had that many sessions.

    Reads the consenting events of `visits` (see `people.resolve_people`) and the view `items`.
    """
    names, habits = standardise(_habits(connection, keys, sessions), len(keys))
    tastes = visitor_tastes(connection, keys)
    named = {f"{PREFIX}{name}": tastes.shares[:, n] for n, name in enumerate(tastes.names) if name}
    taste_names, leanings = standardise(named, len(keys))
    return Features(
        names=(*names, *taste_names),
        scores=np.column_stack([habits, leanings]),
        space=grouping_space(habits, tastes.counts),
    )


def standardise(
    columns: dict[str, NDArray[np.float64]], count: int
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return names and standard scores of columns of `count` values; NaN becomes the mean."""
    kept: dict[str, NDArray[np.float64]] = {}
    for name, values in columns.items():
        known = np.isfinite(values)
        spread = float(values[known].std()) if known.any() else 0.0
        if spread > 1e-9:
            scores = np.where(known, (values - values[known].mean()) / spread, 0.0)
            kept[name] = np.clip(scores, -SCORE_BOUND, SCORE_BOUND)
    return tuple(kept), np.column_stack([np.zeros((count, 0)), *kept.values()])


def _habits(
    connection: duckdb.DuckDBPyConnection, keys: NDArray[np.uint64], sessions: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Return raw columns: counts and money on a log scale, shares as they are."""
    if not len(keys):
        return {}
    visits = _columns(connection.execute(_VISITS), keys)
    lines = _columns(connection.execute(_LINES, {"names": list(INTEREST)}), keys)
    orders = _or_nan(visits["orders"])
    return {
        "recency": np.log1p((visits["newest"].max() - visits["newest"]) / _DAY),
        "sessions": np.log1p(sessions),
        "views": np.log1p(visits["views"]),
        "carts": np.log1p(visits["carts"]),
        "orders": np.log1p(visits["orders"]),
        "value": np.log1p(np.nan_to_num(lines["spent"])),
        "basket": np.log1p(lines["spent"] / orders),
        "basket_units": np.log1p(lines["units"] / orders),
        "depth": np.log1p(visits["events"] / sessions),
        "searches": np.log1p(visits["searches"] / sessions),
        "price": np.log1p(lines["price_sum"] / _or_nan(lines["prices"])),
        "discount": 1 - lines["paid_sum"] / _or_nan(lines["list_sum"]),
        "returns": visits["refunds"] / orders,
        "mobile": visits["mobile"] / _or_nan(visits["devices"]),
        "evening": visits["evening"] / visits["events"],
        "weekend": visits["weekend"] / visits["events"],
    }


def _columns(
    result: duckdb.DuckDBPyConnection, keys: NDArray[np.uint64]
) -> dict[str, NDArray[np.float64]]:
    """Return the result's columns for `keys`, NaN where the result has no value."""
    table: dict[str, Any] = result.fetchnumpy()
    people = np.ma.getdata(table.pop("person"))
    place = np.minimum(np.searchsorted(people, keys), max(len(people) - 1, 0))
    found = people[place] == keys if len(people) else np.zeros(len(keys), dtype=bool)
    columns = {}
    for name, column in table.items():
        values = np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan)
        columns[name] = np.where(found, values[place], np.nan) if len(people) else values[:0]
    return columns


def _or_nan(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values > 0, values, np.nan)
