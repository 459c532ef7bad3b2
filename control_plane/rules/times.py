"""Times as marketers write them, in the shop's time zone, as epoch milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from control_plane.errors import suggest
from control_plane.rules.problems import Place

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def read_timezone(place: Place) -> ZoneInfo:
    """Return the time zone named here; UTC where it is unknown, which is noted."""
    name = place.take(str, "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zones = sorted(available_timezones())
        remedy = suggest(name, zones)
        remedy = remedy if remedy.startswith("Did") else "Write a zone such as Europe/Paris."
        place.wrong(f"unknown time zone {name!r}", remedy)
        return ZoneInfo("UTC")


def read_time(place: Place, zone: ZoneInfo, *, last: bool) -> int | None:
    """Return a time in epoch milliseconds, or None where it is none, which is noted.

    A local time that occurs twice, when clocks go back, is the first one, or the `last`.
    """
    moment = _parse(place.node.raw)
    if moment is None:
        remedy = "Write it as 2026-11-27T00:00, in the time zone of the file."
        place.wrong(f"{place.node.raw!r} is not a time", remedy)
        return None
    if moment.tzinfo is None:
        moment = _place_in(moment, zone, place, last=last)
    if not _FIRST <= moment < _LAST:
        place.wrong(f"the year {moment.year} is out of range", "Years go from 2000 to 2199.")
        return None
    return int(moment.timestamp() * 1000)


def _parse(raw: str) -> datetime | None:
    try:
        return datetime.fromisoformat(raw.strip())
    except ValueError:
        return None


def _place_in(moment: datetime, zone: ZoneInfo, place: Place, *, last: bool) -> datetime:
    local = moment.replace(tzinfo=zone, fold=int(last))
    real = local.astimezone(UTC).astimezone(zone)
    if real.replace(tzinfo=None) != moment:
        remedy = f"Write {real:%Y-%m-%dT%H:%M}."
        place.wrong(f"{place.node.raw} does not exist in {zone.key}: clocks go forward", remedy)
    return local
