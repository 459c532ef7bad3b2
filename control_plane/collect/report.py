"""What `ingest` tells its caller: while it works and when it is done."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was not taken: where it stands, which field failed, and why.

    `value` is shortened, and never an identifier of a person.
    """

    file: str
    line: int
    reason: str
    field: str | None = None
    value: str | None = None


class UnknownColumn(msgspec.Struct, frozen=True):
    """A column that means nothing here, and what may have been meant."""

    name: str
    suggestion: str | None = None


class IngestReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one ingest.

    `rows` = stored + items_updated + duplicates + ignored + rejected. Catalogue rows that say
    nothing new count as duplicates. `events` counts what was stored, by event name.
    """

    file: str
    rows: int
    stored: int
    duplicates: int
    ignored: int
    rejected: int
    reasons: dict[str, int]
    rejects_file: str | None
    days: int
    visitors: int
    events: dict[str, int]
    items_updated: int
    unknown_columns: tuple[UnknownColumn, ...]
    consent_note: str | None
    seconds: float


#: Called with how much is done and of how much, in bytes of the files.
ProgressCallback = Callable[[int, int | None], None]
