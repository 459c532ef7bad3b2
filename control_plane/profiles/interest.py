"""Interest events: who viewed, carted or ordered which item, when, where, with what consent."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.profiles.keys import distinct
from control_plane.profiles.sessions import Sessions, number_sessions, session_table
from control_plane.schema import INTEREST

VIEW, CART, ORDER = 0, 1, 2
KINDS = ("view", "cart", "order")

_ITEMS = """
CREATE OR REPLACE TEMP TABLE item_numbers AS
SELECT item_id, (row_number() OVER (ORDER BY item_id) - 1)::INTEGER AS item
FROM (
    SELECT unnest(lines).item_id AS item_id FROM visits
    UNION SELECT item_id FROM items
) WHERE item_id IS NOT NULL
"""

_EVENTS = """
SELECT coalesce(person, 0)::UBIGINT AS person, coalesce(session, 0)::UBIGINT AS session, seconds
FROM visits ORDER BY place
"""

_INTEREST = """
SELECT place, position, event, item, personal,
       coalesce(CASE WHEN length(country) = 2 THEN upper(country) ELSE country END, '') AS country
FROM (
    SELECT place, list_position($names, event) - 1 AS event, personal, country,
           unnest(lines).item_id AS item_id, generate_subscripts(lines, 1) AS position
    FROM visits WHERE event IN (SELECT unnest($names))
) JOIN item_numbers USING (item_id)
"""


class Interest(msgspec.Struct, frozen=True):
    """Interest events in time order, one row an item; all arrays have one length.

    `item` int32 item number; `person` int32 index into `people`, -1 for nobody; `session` int64;
    `kind` int8 VIEW, CART or ORDER; `event` int8 place of its name in `schema.INTEREST`;
    `seconds` int64 epoch; `personal` bool: may feed what is learned about the person;
    `country` int32 index into `countries`, whose first is '' for unknown.
    `people` are visitor keys, ascending; `countries` and `item_ids` are sorted.
    """

    item_ids: list[str]
    people: NDArray[np.uint64]
    countries: list[str]
    item: NDArray[np.int32]
    person: NDArray[np.int32]
    session: NDArray[np.int64]
    kind: NDArray[np.int8]
    event: NDArray[np.int8]
    seconds: NDArray[np.int64]
    personal: NDArray[np.bool_]
    country: NDArray[np.int32]

    def sessions(self) -> Sessions:
        """Return the items of each session, whoever's it was."""
        return session_table(
            self.session, self.person, self.item, self.event, self.kind, self.seconds
        )


def load_interest(connection: duckdb.DuckDBPyConnection, gap_seconds: int) -> Interest:
    """Read the interest events of `visits` (see `people.resolve_people`) and number their items."""
    connection.execute(_ITEMS)
    ids = connection.execute("SELECT item_id FROM item_numbers ORDER BY item").fetchall()
    events = _fetch(connection.execute(_EVENTS))
    sessions = number_sessions(events["person"], events["session"], events["seconds"], gap_seconds)
    rows = _fetch(connection.execute(_INTEREST, {"names": list(INTEREST)}))
    order = np.lexsort((rows["position"], rows["place"]))
    place = rows["place"][order]
    name = rows["event"][order]
    owner = events["person"][place]
    people = distinct(owner)
    people = people[people != 0]
    person = np.where(owner == 0, -1, np.searchsorted(people, owner))
    countries, country = _number_names(rows["country"][order])
    kinds = np.array([KINDS.index(kind) for kind in INTEREST.values()], dtype=np.int8)
    return Interest(
        item_ids=[row[0] for row in ids],
        people=people,
        countries=countries,
        item=rows["item"][order].astype(np.int32),
        person=person.astype(np.int32),
        session=sessions[place],
        kind=kinds[name],
        event=name.astype(np.int8),
        seconds=events["seconds"][place],
        personal=rows["personal"][order] & (owner != 0),
        country=country,
    )


def newest_time(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the newest event's time in ISO 8601 (UTC), None when the log is empty."""
    (newest,) = connection.execute("SELECT max(timestamp) FROM events").fetchone() or (None,)
    return None if newest is None else f"{newest.isoformat()}Z"


def _number_names(names: NDArray[Any]) -> tuple[list[str], NDArray[np.int32]]:
    known, numbers = np.unique(np.append(names, "").astype(str), return_inverse=True)
    return [str(name) for name in known], numbers[:-1].astype(np.int32)


def _fetch(result: duckdb.DuckDBPyConnection) -> dict[str, NDArray[Any]]:
    return {name: np.ma.getdata(column) for name, column in result.fetchnumpy().items()}
