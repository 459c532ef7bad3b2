"""Reads the event log and the catalogue through DuckDB."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

import duckdb

from control_plane.collect import catalogue, events
from control_plane.collect.duck import literal, open_duck
from control_plane.collect.store import Store, committed_files
from control_plane.settings import Project

EVENT_COLUMNS = (
    'message_id, event, device_id, "user", session_id, "timestamp", received_at, consent, is_bot, '
    "context, lines, order_id, query, decision, sequence"
)


class EventLog:
    """All events and items that were committed; others' ingests at work are not seen."""

    def __init__(self, project: Project) -> None:
        self.store = Store(project.data)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open a connection with the views `events` and `items`; the caller closes it.

        Memory is bounded; what needs more spills to the system's temporary directory.
        """
        # DuckDB makes the directory when it spills, and removes it when closed.
        spill = Path(tempfile.gettempdir()) / f"frontshelf-{os.getpid()}-{secrets.token_hex(4)}"
        duck = open_duck(spill)
        duck.execute(_view("events", EVENT_COLUMNS, events.STAGE, committed_files(self.store)))
        there = [self.store.items] if self.store.items.is_file() else []
        duck.execute(_view("items", catalogue.COLUMNS, catalogue.STAGE, there))
        return duck


def _view(name: str, columns: str, stage: str, files: list[Path]) -> str:
    if files:
        listed = ", ".join(literal(str(file)) for file in files)
        source = f"read_parquet([{listed}], hive_partitioning = false)"
        return f"CREATE VIEW {name} AS SELECT {columns} FROM {source}"
    # The staging table has the log's columns and never a row here.
    table = "stage" if name == "events" else "item_stage"
    return f"{stage} CREATE VIEW {name} AS SELECT {columns} FROM {table}"
