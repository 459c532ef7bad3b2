"""What visitors did, summed by person: the part of the features that grows with the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

from control_plane.schema import ADDED, CLICKED, INTEREST, ORDERED, REFUNDED, SEARCHED, VIEWED

_DAY, _HOUR = 86_400, 3_600
_NOON, _EVENING = 12, 18
_SATURDAY = 5

#: Clocks change once in so many days at most, and so many changes are told apart.
_STEP_DAYS, _MOST_CHANGES = 7, 100


def visit_sums(visits: ir.Table, changes: list[tuple[int, int]]) -> ir.Table:
    """Return counts of each consenting person's events, and the newest's time.

    `changes` are clock_changes of the shop's zone. Sums are of whole numbers, so that the order in
    which they are added changes nothing.
    """
    mine = _consenting(visits)
    local = mine.seconds + _offset(mine.seconds, changes)
    hour = local % _DAY // _HOUR
    weekday = (local // _DAY + 3) % 7  # the epoch was a Thursday
    device = mine.device.lower()
    return mine.group_by("person").agg(
        newest=mine.seconds.max(),
        views=mine.count(where=mine.event.isin([VIEWED, CLICKED])),
        carts=mine.count(where=mine.event == ADDED),
        orders=mine.purchase.nunique(where=mine.event == ORDERED),
        refunds=mine.purchase.nunique(where=mine.event == REFUNDED),
        searches=mine.count(where=mine.event == SEARCHED),
        mobile=mine.count(where=device.isin(["mobile", "phone", "smartphone"])),
        tablet=mine.count(where=device == "tablet"),
        devices=mine.device.count(),
        morning=mine.count(where=hour < _NOON),
        evening=mine.count(where=hour >= _EVENING),
        weekend=mine.count(where=weekday >= _SATURDAY),
        events=mine.count(),
    )


def line_sums(visits: ir.Table, items: ir.Table) -> ir.Table:
    """Return sums of each consenting person's lines: pieces, and prices in minor units."""
    mine = _consenting(visits)
    mine = mine.filter(mine.event.isin(list(INTEREST)))
    lines = mine.select("person", "event", line=mine.lines.unnest())
    lines = lines.select(
        "person",
        "event",
        item_id=lines.line["item_id"],
        quantity=lines.line["quantity"],
        paid=lines.line["price_minor"],
    )
    lines = lines.left_join(items.select("item_id", "price_minor"), "item_id")
    quantity = ibis.greatest(lines.quantity.fill_null(1), 0)
    price = ibis.coalesce(lines.paid, lines.price_minor)
    price = ibis.cases((price < 0, 0), else_=price)
    listed = ibis.cases((lines.paid.notnull(), lines.price_minor.nullif(0)))
    lines = lines.select("person", "event", quantity=quantity, price=price, listed=listed)
    ordered = lines.event == ORDERED
    return lines.group_by("person").agg(
        spent=(lines.price * lines.quantity).sum(where=ordered),
        units=lines.quantity.sum(where=ordered),
        price_sum=lines.price.sum(),
        prices=lines.price.count(),
        list_sum=lines.listed.sum(),
        paid_sum=lines.price.sum(where=lines.listed.notnull()),
    )


def clock_changes(oldest: int, newest: int, timezone: str) -> list[tuple[int, int]]:
    """Return (epoch seconds since when, seconds ahead of UTC) of a zone's clock, ascending.

    The first holds for all time before, too; only the newest hundred are told apart.
    """
    zone = ZoneInfo(timezone)
    changes = [(newest, _ahead(newest, zone))]
    while changes[0][0] > oldest and len(changes) < _MOST_CHANGES:
        since, ahead = changes[0]
        before = max(since - _STEP_DAYS * _DAY, oldest)
        if _ahead(before, zone) == ahead:
            changes[0] = before, ahead
        else:
            changes[0] = _first(before, since, ahead, zone), ahead
            changes.insert(0, (changes[0][0] - 1, _ahead(changes[0][0] - 1, zone)))
    return changes


def _first(before: int, after: int, ahead: int, zone: ZoneInfo) -> int:
    """Return the first second of the clock that `after` has and `before` has not."""
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _ahead(middle, zone) == ahead else (middle, after)
    return after


def _ahead(seconds: int, zone: ZoneInfo) -> int:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    offset = instant.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _offset(seconds: ir.IntegerColumn, changes: list[tuple[int, int]]) -> ir.IntegerValue:
    newest_first = changes[:0:-1]
    if not newest_first:
        return ibis.literal(changes[0][1])
    cases = [(seconds >= since, ahead) for since, ahead in newest_first]
    return ibis.cases(*cases, else_=changes[0][1])


def _consenting(visits: ir.Table) -> ir.Table:
    return visits.filter(visits.personal & visits.person.notnull())
