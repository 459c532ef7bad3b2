"""Decides which staged events are new: one identity is one event, whatever file brings it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from control_plane.collect.duck import literal

#: Identities that are compared at once; more are compared in turns, by their hashes.
IDENTITIES_AT_ONCE = 1_000_000

# A repeated line's second occurrence has an identity of its own, so that it counts twice in one
# file, and files that overlap still count once.
_IDENTIFY = """
CREATE OR REPLACE TEMP TABLE part AS
    SELECT "row", file, given, message_id, "timestamp"::DATE AS day FROM stage WHERE {chosen};
CREATE OR REPLACE TEMP TABLE repeats AS
    SELECT file, message_id FROM part WHERE NOT given GROUP BY ALL HAVING count(*) > 1;
CREATE OR REPLACE TEMP TABLE numbered AS
    SELECT "row", row_number() OVER (PARTITION BY file, message_id ORDER BY "row") AS place
    FROM part SEMI JOIN repeats USING (file, message_id) WHERE NOT given;
CREATE OR REPLACE TEMP TABLE distinct_rows AS
    SELECT id, min("row") AS "row", arg_min(day, "row") AS day
    FROM (
        SELECT "row", day,
            CASE WHEN place > 1 THEN message_id || '-' || place ELSE message_id END AS id
        FROM part LEFT JOIN numbered USING ("row"))
    GROUP BY id;
"""
_KEEP = """
INSERT INTO kept SELECT "row", id, day FROM distinct_rows
WHERE NOT EXISTS (SELECT 1 FROM known WHERE known.message_id = distinct_rows.id)
"""


def keep_new(duck: duckdb.DuckDBPyConnection, logged: Sequence[Path]) -> None:
    """Make table `kept` (row, id, day) of the staged events that no file has brought before."""
    ((count, given),) = duck.execute(
        "SELECT count(*), coalesce(bool_or(given), false) FROM stage"
    ).fetchall()
    duck.execute('CREATE TABLE kept ("row" BIGINT, id VARCHAR, day DATE)')
    files = list(logged) if given else _of_staged_days(duck, logged)
    parts = max(1, -(-count // IDENTITIES_AT_ONCE))
    for part in range(parts):
        duck.execute(_IDENTIFY.format(chosen=_in_part("message_id", part, parts)))
        duck.execute(f"CREATE OR REPLACE TEMP TABLE known AS {_known(files)}")
        duck.execute(_KEEP)


def _known(files: Sequence[Path]) -> str:
    """Return the query for those of the part's identities that the log holds already."""
    if not files:
        return "SELECT NULL::VARCHAR AS message_id WHERE false"
    listed = ", ".join(literal(str(file)) for file in files)
    return f"""SELECT message_id FROM read_parquet([{listed}])
               WHERE message_id IN (SELECT id FROM distinct_rows)"""


def _in_part(sql: str, part: int, parts: int) -> str:
    return "true" if parts == 1 else f"hash({sql}) % {parts} = {part}"


def _of_staged_days(duck: duckdb.DuckDBPyConnection, logged: Sequence[Path]) -> list[Path]:
    """Return the log's files of the staged days: a row's own identity contains its time."""
    found = duck.execute('SELECT DISTINCT "timestamp"::DATE FROM stage').fetchall()
    days = {f"day={day}" for (day,) in found}
    return [file for file in logged if file.parent.name in days]
