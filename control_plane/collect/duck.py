"""DuckDB as Frontshelf opens it: bounded memory, UTC, no network."""

from __future__ import annotations

from pathlib import Path

import duckdb

MEMORY_LIMIT = "1GB"


def open_duck(spill: Path, memory_limit: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """Open a database in memory; beyond `memory_limit` it goes to files in `spill`."""
    duck = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory_limit,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    duck.execute("SET TimeZone = 'UTC'")
    # It would draw on standard output, which is for data.
    duck.execute("SET enable_progress_bar = false")
    return duck


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """Return a text as an SQL name."""
    return '"' + text.replace('"', '""') + '"'
