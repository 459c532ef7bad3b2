"""Reads the event log and the catalogue through DuckDB."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

import duckdb

from control_plane.collect import catalogue, events
from control_plane.collect.duck import literal, open_duck
from control_plane.collect.markets import base_items, items_elsewhere
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
        self.market = project.settings.shop.market

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open a connection with the views `events`, `items` and `items_elsewhere`.

        The caller closes it. Of each item and market, `items_elsewhere` has what differs from
        `items`.

        Memory is bounded; what needs more spills to the system's temporary directory.
        """
        # DuckDB makes the directory when it spills, and removes it when closed.
        spill = Path(tempfile.gettempdir()) / f"frontshelf-{os.getpid()}-{secrets.token_hex(4)}"
        duck = open_duck(spill)
        _show_events(duck, committed_files(self.store))
        _show_items(duck, self.store.items, self.market)
        return duck


# Where there is no file yet, a staging table has its columns and never a row.


def _show_events(duck: duckdb.DuckDBPyConnection, files: list[Path]) -> None:
    source = "stage"
    if files:
        listed = ", ".join(literal(str(file)) for file in files)
        source = f"read_parquet([{listed}], hive_partitioning = false)"
    else:
        duck.execute(events.STAGE)
    duck.execute(f"CREATE VIEW events AS SELECT {EVENT_COLUMNS} FROM {source}")


def _show_items(duck: duckdb.DuckDBPyConnection, file: Path, market: str) -> None:
    source = "(SELECT *, 0::BIGINT AS added_at FROM item_stage)"
    if file.is_file():
        source = catalogue.whole(duck, f"read_parquet({literal(str(file))})")
    else:
        duck.execute(catalogue.STAGE)
    base, elsewhere = base_items(source, market), items_elsewhere(source, market)
    duck.execute(f"CREATE VIEW items AS SELECT {catalogue.COLUMNS}, added_at FROM {base}")
    duck.execute(f"CREATE VIEW items_elsewhere AS SELECT * FROM {elsewhere}")
