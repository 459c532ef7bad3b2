"""Stores what an intake brought: new events, the catalogue, the vault; then commits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date
from itertools import chain
from pathlib import Path

import duckdb
import msgspec

from control_plane.collect import catalogue, vault
from control_plane.collect.duck import literal
from control_plane.collect.identity import keep_new
from control_plane.collect.intake import Intake
from control_plane.collect.log import EVENT_COLUMNS
from control_plane.collect.scratch import Scratch
from control_plane.collect.store import Store, commit, committed_files, place_days, replace
from control_plane.schema import PURPOSES

PEOPLE_AT_ONCE = 10_000
#: DuckDB holds the rows of unfinished days in memory; more days than this are written in turns.
ROWS_AT_ONCE = 250_000


class Stored(msgspec.Struct, frozen=True):
    """What has become of the staged rows."""

    staged: int
    stored: int
    days: int
    visitors: int
    events: dict[str, int]
    items_staged: int
    items_updated: int


def store_all(
    intake: Intake, scratch: Scratch, store: Store, consent: str, key_id: str, source: str
) -> Stored:
    """Store what is new and commit it; the last step alone makes the events part of the log.

    `consent` is what files without a word on it count as: granted or refused.
    """
    duck, ingest = scratch.duck, scratch.folder.name
    keep_new(duck, committed_files(store))
    partial = store.items.with_name(f"{store.items.name}.partial")
    _view_fresh(duck)
    told_at = int(intake.options.now.replace(tzinfo=UTC).timestamp() * 1000)
    stored = _summary(duck, catalogue.merge(duck, store.items, partial, told_at))
    files: list[Path] = []
    if stored.stored:
        _write_days(duck, scratch.folder / "days", intake.without_consent, consent)
        files = place_days(store, scratch.folder / "days", ingest)
        _remember_people(duck, store.data, key_id)
    if stored.items_updated:
        replace(partial, store.items)
    if files:
        commit(store, ingest, source, stored.stored, files)
    return stored


def _view_fresh(duck: duckdb.DuckDBPyConnection) -> None:
    """Make view `fresh` of the staged events that are new; often that is all of them."""
    staged, kept = _row(duck, "SELECT (SELECT count(*) FROM stage), (SELECT count(*) FROM kept)")
    only = "" if staged == kept else 'SEMI JOIN kept USING ("row")'
    duck.execute(f"CREATE TEMP VIEW fresh AS SELECT * FROM stage {only}")


def _summary(duck: duckdb.DuckDBPyConnection, items_updated: int) -> Stored:
    staged, stored, days, visitors = _row(
        duck,
        """SELECT (SELECT count(*) FROM stage), count(*), count(DISTINCT "timestamp"::DATE),
                  count(DISTINCT ("user" IS NULL, coalesce("user", device_id)))
                      FILTER (coalesce("user", device_id) IS NOT NULL)
           FROM fresh""",
    )
    (items_staged,) = _row(duck, "SELECT count(*) FROM item_stage")
    names = duck.execute(
        "SELECT event, count(*) FROM fresh GROUP BY event ORDER BY 2 DESC, 1 LIMIT 50"
    ).fetchall()
    return Stored(
        staged=staged,
        stored=stored,
        days=days,
        visitors=visitors,
        events=dict(names),
        items_staged=items_staged,
        items_updated=items_updated,
    )


def _row(duck: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    (found,) = duck.execute(query).fetchall()
    return tuple(found)


def _write_days(
    duck: duckdb.DuckDBPyConnection, folder: Path, without_consent: list[int], consent: str
) -> None:
    """Write the kept events below `folder`, a directory a day, in order of time."""
    granted = ", ".join(map(literal, PURPOSES)) if consent == "granted" else ""
    unsaid = f"file IN ({', '.join(map(str, without_consent))})" if without_consent else "false"
    duck.execute(f"SET partitioned_write_flush_threshold = {ROWS_AT_ONCE // 2}")
    for first, last in _spans(duck):
        # The condition on the time lets DuckDB pass over the rest of the staged rows.
        duck.execute(f"""
            COPY (
                SELECT {EVENT_COLUMNS}, day
                FROM (SELECT * REPLACE (
                          id AS message_id,
                          coalesce(consent, CASE WHEN {unsaid} THEN [{granted}] ELSE [] END)
                              ::VARCHAR[] AS consent)
                      FROM (SELECT * FROM stage WHERE "timestamp" >= DATE '{first}'
                            AND "timestamp" < DATE '{last}' + INTERVAL 1 DAY)
                      JOIN (SELECT * FROM kept WHERE day BETWEEN DATE '{first}' AND DATE '{last}')
                      USING ("row"))
                ORDER BY "timestamp", "row")
            TO {literal(str(folder))} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day),
                                       OVERWRITE_OR_IGNORE)""")


def _spans(duck: duckdb.DuckDBPyConnection) -> Iterator[tuple[date, date]]:
    """Yield first and last days of spans that hold few enough events to write at once."""
    days = duck.execute("SELECT day, count(*) FROM kept GROUP BY day ORDER BY day").fetchall()
    first, last, held = days[0][0], days[0][0], 0
    for day, count in days:
        if held and held + count > ROWS_AT_ONCE:
            yield first, last
            first, held = day, 0
        last, held = day, held + count
    yield first, last


def _remember_people(duck: duckdb.DuckDBPyConnection, folder: Path, key_id: str) -> None:
    """Put the identifiers of the people of the kept events into the vault."""
    found = duck.execute("""
        WITH met AS (
            SELECT 'u' AS kind, format('{:016x}', "user") AS key
            FROM fresh WHERE "user" IS NOT NULL
            UNION
            SELECT 'a', format('{:016x}', device_id)
            FROM fresh WHERE device_id IS NOT NULL)
        SELECT DISTINCT kind, key, identifier FROM people SEMI JOIN met USING (kind, key)""")
    vault.remember(folder, key_id, chain.from_iterable(_chunks(found)))


def _chunks(found: duckdb.DuckDBPyConnection) -> Iterator[list[tuple[str, str, str]]]:
    while rows := found.fetchmany(PEOPLE_AT_ONCE):
        yield rows
