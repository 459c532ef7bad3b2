"""What sets visitors apart, as numbers: how recent, often and dear, where and when, for what."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.scaling import Scaling, scale
from control_plane.models.space import grouping_space
from control_plane.models.tastes import PREFIX, visitor_tastes
from control_plane.schema import ADDED, CLICKED, INTEREST, ORDERED, REFUNDED, SEARCHED, VIEWED

_DAY = 86_400
_NOON, _EVENING = 12, 18

# Sums are of whole numbers, so that the order in which threads add them changes nothing.
_VISITS = f"""
SELECT person,
       max(seconds) AS newest,
       count(*) FILTER (event IN ('{VIEWED}', '{CLICKED}')) AS views,
       count(*) FILTER (event = '{ADDED}') AS carts,
       count(DISTINCT purchase) FILTER (event = '{ORDERED}') AS orders,
       count(DISTINCT purchase) FILTER (event = '{REFUNDED}') AS refunds,
       count(*) FILTER (event = '{SEARCHED}') AS searches,
       count(*) FILTER (lower(device) IN ('mobile', 'phone', 'smartphone')) AS mobile,
       count(*) FILTER (lower(device) = 'tablet') AS tablet,
       count(device) AS devices,
       count(*) FILTER (hour(local) < {_NOON}) AS morning,
       count(*) FILTER (hour(local) >= {_EVENING}) AS evening,
       count(*) FILTER (isodow(local) >= 6) AS weekend,
       count(*) AS events
FROM (SELECT *, timezone($zone, to_timestamp(seconds)) AS local FROM visits
      WHERE personal AND person IS NOT NULL)
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
    float64: where near visitors are alike. `logged` names the features on a log scale.
    """

    names: tuple[str, ...]
    scores: NDArray[np.float64]
    space: NDArray[np.float64]
    logged: tuple[str, ...] = ()


def visitor_features(
    connection: duckdb.DuckDBPyConnection,
    keys: NDArray[np.uint64],
    sessions: NDArray[np.int64],
    scaling: Scaling = "zscore",
    timezone: str = "UTC",
) -> Features:
    """Return the features of the visitors `keys` (ascending), who had that many sessions.

    Reads the consenting events of `visits` (see `people.resolve_people`) and the view `items`;
    hours and weekdays are those of `timezone`.
    """
    habits = scale(_habits(connection, keys, sessions, timezone), len(keys), scaling)
    tastes = visitor_tastes(connection, keys)
    named = {f"{PREFIX}{name}": tastes.shares[:, n] for n, name in enumerate(tastes.names) if name}
    leanings = scale(named, len(keys), scaling)
    return Features(
        names=(*habits.names, *leanings.names),
        scores=np.column_stack([habits.scores, leanings.scores]),
        space=grouping_space(habits.places, tastes.counts),
        logged=habits.logged,
    )


def _habits(
    connection: duckdb.DuckDBPyConnection,
    keys: NDArray[np.uint64],
    sessions: NDArray[np.int64],
    timezone: str,
) -> dict[str, NDArray[np.float64]]:
    """Return raw columns: days, counts, money in minor units, shares; NaN where unknown."""
    if not len(keys):
        return {}
    visits = _columns(connection.execute(_VISITS, {"zone": timezone}), keys)
    lines = _columns(connection.execute(_LINES, {"names": list(INTEREST)}), keys)
    orders = _or_nan(visits["orders"])
    devices = _or_nan(visits["devices"])
    return {
        "recency": (visits["newest"].max() - visits["newest"]) / _DAY,
        "sessions": sessions.astype(np.float64),
        "views": visits["views"],
        "carts": visits["carts"],
        "orders": visits["orders"],
        "value": np.nan_to_num(lines["spent"]),
        "basket": lines["spent"] / orders,
        "basket_units": lines["units"] / orders,
        "depth": visits["events"] / sessions,
        "searches": visits["searches"] / sessions,
        "price": lines["price_sum"] / _or_nan(lines["prices"]),
        "discount": 1 - lines["paid_sum"] / _or_nan(lines["list_sum"]),
        "returns": visits["refunds"] / orders,
        "mobile": visits["mobile"] / devices,
        "tablet": visits["tablet"] / devices,
        "morning": visits["morning"] / visits["events"],
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
