"""A toy event log: the views that people, sessions and models read, made of plain rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from control_plane.collect.markets import NOTHING_ELSEWHERE
from control_plane.profiles.sessions import Sessions
from control_plane.schema import PERSONALIZATION, VIEWED

START = datetime(2026, 3, 2, 10)  # a Monday

_LINE = pa.struct(
    [
        ("item_id", pa.string()),
        ("quantity", pa.int64()),
        ("price_minor", pa.int64()),
        ("currency", pa.string()),
        ("position", pa.int32()),
    ]
)
_EVENT = pa.schema(
    [
        ("message_id", pa.string()),
        ("event", pa.string()),
        ("device_id", pa.uint64()),
        ("user", pa.uint64()),
        ("session_id", pa.string()),
        ("timestamp", pa.timestamp("us")),
        ("consent", pa.list_(pa.string())),
        ("is_bot", pa.bool_()),
        ("context", pa.map_(pa.string(), pa.string())),
        ("lines", pa.list_(_LINE)),
        ("order_id", pa.string()),
        ("sequence", pa.int64()),
    ]
)
_ITEM = pa.schema(
    [
        ("item_id", pa.string()),
        ("title", pa.string()),
        ("url", pa.string()),
        ("image", pa.string()),
        ("price_minor", pa.int64()),
        ("currency", pa.string()),
        ("category", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("available", pa.bool_()),
        ("group_id", pa.string()),
        ("brand", pa.string()),
        ("added_at", pa.int64()),
    ]
)


def event(
    *items: str,
    at: float = 0,
    name: str = VIEWED,
    device: int | None = None,
    user: int | None = None,
    session: str | None = None,
    consent: tuple[str, ...] = (PERSONALIZATION,),
    bot: bool = False,
    price: int | None = None,
    quantity: int = 1,
    order: str | None = None,
    **context: str,
) -> dict[str, Any]:
    """Return an event about `items`, `at` minutes after START."""
    return {
        "event": name,
        "device_id": device,
        "user": user,
        "session_id": session,
        "timestamp": START + timedelta(minutes=at),
        "consent": list(consent),
        "is_bot": bot,
        "context": list(context.items()),
        "order_id": order,
        "lines": [
            {"item_id": item, "quantity": quantity, "price_minor": price, "currency": "EUR"}
            for item in items
        ],
    }


def item(
    item_id: str, category: str | None = None, price: int | None = None, **told: Any
) -> dict[str, Any]:
    """Return a row of the catalogue."""
    row = {"item_id": item_id, "category": category, "price_minor": price, "available": True}
    return row | told


def open_log(
    events: Iterable[dict[str, Any]], items: Iterable[dict[str, Any]] = ()
) -> duckdb.DuckDBPyConnection:
    """Return a connection with the views `events` and `items`; events keep the order given."""
    numbered = [
        row | {"message_id": f"m{number}", "sequence": number} for number, row in enumerate(events)
    ]
    connection = duckdb.connect()
    for name, rows, schema in (("events", numbered, _EVENT), ("items", list(items), _ITEM)):
        connection.register(f"{name}_rows", pa.Table.from_pylist(rows, schema=schema))
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_rows")
        connection.unregister(f"{name}_rows")
    connection.execute(NOTHING_ELSEWHERE)
    return connection


def made_sessions(lists: list[list[int]], seconds_apart: int = 0) -> Sessions:
    """Return sessions of strangers who viewed these item numbers, one after the other."""
    items = np.array([item for one in lists for item in one], dtype=np.int32)
    return Sessions(
        indptr=np.append(0, np.cumsum([len(one) for one in lists])),
        items=items,
        kinds=np.zeros(len(items), dtype=np.int8),
        ends=seconds_apart * np.arange(len(lists)),
        owners=np.arange(len(lists)),
    )
