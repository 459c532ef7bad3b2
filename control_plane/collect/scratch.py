"""An ingest's scratch space: a staging database and files, gone when the ingest ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from control_plane.collect import catalogue, events
from control_plane.collect.duck import open_duck
from control_plane.collect.macros import MACROS


class Scratch(msgspec.Struct, frozen=True):
    """A staging database with its tables and macros, and the directory it lives in."""

    folder: Path
    duck: duckdb.DuckDBPyConnection


@contextmanager
def open_scratch(folder: Path, memory_limit: str) -> Iterator[Scratch]:
    """Make the scratch space `folder`, and remove it at the end."""
    folder.mkdir(parents=True)
    try:
        # In memory, and what does not fit goes to files in `spill`.
        duck = open_duck(folder / "spill", memory_limit)
        try:
            # Compressed, the staged rows need half the room.
            duck.execute("ATTACH ':memory:' AS staging (COMPRESS); USE staging")
            duck.execute(MACROS + events.STAGE + catalogue.STAGE)
            yield Scratch(folder, duck)
        finally:
            duck.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
