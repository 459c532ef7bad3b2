"""Decides which staged events are new: one identity is one event, whatever file brings it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from control_plane.collect.duck import literal

_NUMBER_REPEATS = """
CREATE TABLE repeats AS
    SELECT file, message_id FROM stage WHERE NOT given GROUP BY ALL HAVING count(*) > 1;
CREATE TABLE numbered AS
    SELECT "row", row_number() OVER (PARTITION BY file, message_id ORDER BY "row") AS place
    FROM stage SEMI JOIN repeats USING (file, message_id) WHERE NOT given;
CREATE TABLE identified AS
    SELECT "row",
        CASE WHEN place > 1 THEN message_id || '-' || place ELSE message_id END AS id,
        "timestamp"::DATE AS day
    FROM stage LEFT JOIN numbered USING ("row");
"""


def keep_new(duck: duckdb.DuckDBPyConnection, logged: Sequence[Path]) -> None:
    """Make table `kept` (row, id, day) of the staged events that no file has brought before.

    A line that stands twice in one file is two events: its second occurrence has an identity of
    its own, so that files that overlap still count once.
    """
    duck.execute(_NUMBER_REPEATS)
    duck.execute("""
        CREATE TABLE distinct_rows AS
        SELECT id, min("row") AS "row", arg_min(day, "row") AS day FROM identified GROUP BY id""")
    known = "SELECT NULL::VARCHAR AS message_id WHERE false"
    files = _files_to_search(duck, logged)
    if files:
        listed = ", ".join(literal(str(file)) for file in files)
        known = f"""SELECT message_id FROM read_parquet([{listed}])
                    WHERE message_id IN (SELECT id FROM distinct_rows)"""
    duck.execute(f"CREATE TABLE known AS {known}")
    duck.execute("""
        CREATE TABLE kept AS SELECT "row", id, day FROM distinct_rows
        WHERE NOT EXISTS (SELECT 1 FROM known WHERE known.message_id = distinct_rows.id)""")


def _files_to_search(duck: duckdb.DuckDBPyConnection, logged: Sequence[Path]) -> list[Path]:
    """Return the log's files that can hold a staged identity.

    A row's own identity contains its time, so it stands in its own day; a given one may not.
    """
    ((given,),) = duck.execute("SELECT coalesce(bool_or(given), false) FROM stage").fetchall()
    if given:
        return list(logged)
    found = duck.execute("SELECT DISTINCT day FROM identified").fetchall()
    days = {f"day={day}" for (day,) in found}
    return [file for file in logged if file.parent.name in days]
