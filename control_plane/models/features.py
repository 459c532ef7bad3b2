"""What sets visitors apart, as numbers: how recent, often and dear, where and when, for what."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.collect.engine.duck import DuckEngine, Engine
from control_plane.models.habits import clock_changes, line_sums, visit_sums
from control_plane.models.scaling import Scaling, scale
from control_plane.models.space import grouping_space
from control_plane.models.tastes import PREFIX, visitor_tastes

_DAY = 86_400


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
    engine: Engine | None = None,
) -> Features:
    """Return the features of the visitors `keys` (ascending), who had that many sessions.

    Reads the consenting events of `visits` (see `people.resolve_people`) and the view `items`,
    which the engine sums; hours and weekdays are those of `timezone`.
    """
    engine = engine or DuckEngine(connection)
    habits = scale(_habits(engine, keys, sessions, timezone), len(keys), scaling)
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
    engine: Engine,
    keys: NDArray[np.uint64],
    sessions: NDArray[np.int64],
    timezone: str,
) -> dict[str, NDArray[np.float64]]:
    """Return raw columns: days, counts, money in minor units, shares; NaN where unknown."""
    if not len(keys):
        return {}
    ask = engine.connection.execute
    ((oldest, newest),) = ask("SELECT min(seconds), max(seconds) FROM visits").fetchall()
    told = engine.table(engine.visits)
    engine.show("visit_sums", visit_sums(told, clock_changes(oldest, newest, timezone)))
    engine.show("line_sums", line_sums(told, engine.table("items")))
    by_person = "SELECT * REPLACE (person::UBIGINT AS person) FROM {} ORDER BY person"
    visits = _columns(ask(by_person.format("visit_sums")), keys)
    lines = _columns(ask(by_person.format("line_sums")), keys)
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
