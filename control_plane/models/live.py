"""Sessions as the edge sees them while they last: what a visitor without a row is known by.

The states are those of `session.*`, `country`, `device`, `utm.source`, `hour` and `weekday`
(edge_bundle/core/attributes.js) after a session's first, second, fourth, eighth and last event.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.words import Words, word_numbers
from control_plane.profiles.interest import CART, ORDER, Interest
from control_plane.schema import INTEREST, VIEWED

#: The newest events whose items' categories the edge counts as the session's.
RECENT = 10
AFTER = (1, 2, 4, 8)
#: Values that conditions may name, the most frequent ones.
MOST_CATEGORIES, MOST_COUNTRIES, MOST_SOURCES = 80, 10, 8
DEVICES = ("desktop", "mobile", "tablet")

_ALIKE = {"phone": "mobile", "smartphone": "mobile", "pc": "desktop", "computer": "desktop"}
_QUARTER = 900

_CONTEXT = """
SELECT place, lower(device) AS device, utm_source FROM (
    SELECT place, device, utm_source, unnest(lines).item_id AS item_id,
           generate_subscripts(lines, 1) AS position
    FROM visits WHERE event IN (SELECT unnest($names))
) JOIN item_numbers USING (item_id) ORDER BY place, position
"""

_CATEGORIES = """
SELECT coalesce(category, '') AS category
FROM item_numbers LEFT JOIN items USING (item_id) ORDER BY item
"""


class Column(msgspec.Struct, frozen=True):
    """One number of a state: a count or an hour, or whether an attribute is one of `values`.

    Of a list it says whether it holds one of them.
    """

    attribute: str
    values: tuple[str, ...] = ()


class States(msgspec.Struct, frozen=True):
    """States of sessions: values (n, columns) float32; person (n,) index into Interest.people.

    `weight` (n,) makes all sessions count alike; `last` (n,) marks the end of a person's newest;
    `events` (n,) is how many items' events the session had by then, `sessions` (n,) how many
    sessions the person had in all.
    """

    columns: tuple[Column, ...]
    values: NDArray[np.float32]
    person: NDArray[np.int32]
    weight: NDArray[np.float64]
    last: NDArray[np.bool_]
    events: NDArray[np.int64]
    sessions: NDArray[np.int64]


def session_states(
    connection: duckdb.DuckDBPyConnection,
    interest: Interest,
    timezone: str,
    rows: NDArray[np.bool_],
) -> States:
    """Return the states of the sessions among the interest events that `rows` (n,) marks."""
    chosen = np.flatnonzero(rows)
    order = chosen[np.argsort(interest.session[chosen], kind="stable")]
    session = interest.session[order]
    starts = np.flatnonzero(np.r_[True, session[1:] != session[:-1]][: len(session)])
    ends = np.append(starts[1:], len(session))[: len(starts)]
    start, end, weight = _points(starts, ends)
    context = connection.execute(_CONTEXT, {"names": list(INTEREST)}).fetchnumpy()
    device, source = (np.ma.filled(context[name], "")[order].astype(str) for name in _NAMES)
    place = np.ma.getdata(context["place"])[order]
    columns, blocks = [], []
    for made in (
        _counts(interest, order, place, start, end),
        _category_flags(connection, interest, order, start, end),
        _flags(
            "country", np.array(interest.countries)[interest.country[order]], end, MOST_COUNTRIES
        ),
        _device_flags(device, end),
        _flags("utm.source", source, end, MOST_SOURCES),
        _times(interest.seconds[order], end, timezone),
    ):
        columns += made[0]
        blocks.append(made[1])
    person = interest.person[order][start]
    visits = np.bincount(interest.person[order][starts], minlength=len(interest.people))
    return States(
        columns=tuple(columns),
        values=np.column_stack([np.zeros((len(start), 0), np.float32), *blocks]),
        person=person,
        weight=weight,
        last=_newest(person, interest.seconds[order][end - 1], end),
        events=end - start,
        sessions=visits[person],
    )


_NAMES = ("device", "utm_source")
Made = tuple[list[Column], NDArray[np.float32]]


def _points(
    starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return where states start and end, and their weights: one over their session's states."""
    lengths = ends - starts
    taken = [(starts, ends)]
    taken += [(starts[lengths > n], starts[lengths > n] + n) for n in AFTER]
    start, end = (np.concatenate([pair[side] for pair in taken]) for side in (0, 1))
    _, session, count = np.unique(start, return_inverse=True, return_counts=True)
    return start, end, 1.0 / count[session]


def _counts(
    interest: Interest,
    order: NDArray[np.int64],
    place: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
) -> Made:
    # An order of three lines is one order.
    first = np.r_[True, place[1:] != place[:-1]][: len(place)]
    kind, event = interest.kind[order], interest.event[order]
    viewed = event == list(INTEREST).index(VIEWED)
    wanted = {"views": viewed, "carts": kind == CART, "orders": kind == ORDER}
    sums = [np.append(0, np.cumsum(first & which)) for which in wanted.values()]
    values = np.column_stack([total[end] - total[start] for total in sums]).astype(np.float32)
    return [Column(f"session.{name}") for name in wanted], values


def _category_flags(
    connection: duckdb.DuckDBPyConnection,
    interest: Interest,
    order: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
) -> Made:
    names = connection.execute(_CATEGORIES).fetchnumpy()["category"]
    of_item = np.ma.filled(names, "").astype(str)
    words, number = word_numbers(of_item[interest.item[order]], MOST_CATEGORIES)
    values = np.zeros((len(end), len(words)), dtype=np.float32)
    for back in range(1, RECENT + 1):
        there = np.flatnonzero(end - back >= start)
        category = number[end[there] - back]
        known = category >= 0
        values[there[known], category[known]] = 1
    return [Column("session.categories", (word,)) for word in words], values


def _flags(attribute: str, texts: Words, end: NDArray[np.int64], most: int) -> Made:
    words, number = word_numbers(texts, most)
    values = (number[end - 1][:, None] == np.arange(len(words))[None, :]).astype(np.float32)
    return [Column(attribute, (word,)) for word in words], values


def _device_flags(device: Words, end: NDArray[np.int64]) -> Made:
    alike = np.array([_ALIKE.get(name, name) for name in device.tolist()], dtype=str)
    known = np.where(np.isin(alike, DEVICES), alike, "")
    return _flags("device", known, end, len(DEVICES))


def _times(seconds: NDArray[np.int64], end: NDArray[np.int64], timezone: str) -> Made:
    quarters, place = np.unique(seconds[end - 1] // _QUARTER, return_inverse=True)
    zone = ZoneInfo(timezone)
    local = [datetime.fromtimestamp(int(quarter) * _QUARTER, zone) for quarter in quarters]
    times = np.array([[moment.hour, moment.isoweekday()] for moment in local], dtype=np.float32)
    return [Column("hour"), Column("weekday")], times.reshape(-1, 2)[place]


def _newest(
    person: NDArray[np.int32], seconds: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.bool_]:
    order = np.lexsort((end, seconds, person))
    last = np.r_[person[order][1:] != person[order][:-1], True][: len(order)]
    out = np.zeros(len(person), dtype=bool)
    out[order[last]] = True
    return out
