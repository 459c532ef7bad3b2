"""Where the event log's files stand, and how an ingest becomes part of it in one step.

data/events/day=YYYY-MM-DD/<ingest>.parquet   events of one day from one ingest
data/commits/<ingest>.json                    names the ingest's files; without it they are
                                              no part of the log
data/items.parquet                            the catalogue
data/rejects/<name>-<digest>.jsonl            rows that were not taken
data/staging/                                 what an ingest at work needs
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from control_plane.errors import WorkError

FORMAT = 1


class Commit(msgspec.Struct, frozen=True):
    """One ingest's part of the log; `files` are relative to the data directory."""

    format: int
    ingest: str
    source: str
    events: int
    files: tuple[str, ...]


class Store(msgspec.Struct, frozen=True):
    """The places below a project's data directory."""

    data: Path

    @property
    def events(self) -> Path:
        """Day directories of Parquet files."""
        return self.data / "events"

    @property
    def commits(self) -> Path:
        """One JSON file an ingest."""
        return self.data / "commits"

    @property
    def items(self) -> Path:
        """The catalogue."""
        return self.data / "items.parquet"

    @property
    def rejects(self) -> Path:
        """One file for each set of rejected rows."""
        return self.data / "rejects"

    @property
    def staging(self) -> Path:
        """Scratch space; nothing in it outlives an ingest."""
        return self.data / "staging"


def committed_files(store: Store) -> list[Path]:
    """Return the log's files; raise WorkError when a commit cannot be read."""
    files: list[Path] = []
    for file in sorted(store.commits.glob("*.json")):
        try:
            commit = msgspec.json.decode(file.read_bytes(), type=Commit)
        except msgspec.DecodeError as error:
            raise WorkError(
                f"{file}: cannot be read ({error}). Restore it from a backup, or remove it to "
                "drop this ingest from the log."
            ) from error
        if commit.format > FORMAT:
            raise WorkError(f"{file}: format {commit.format}. Install a newer frontshelf.")
        files += [store.data / name for name in commit.files]
    return files


def sweep(store: Store) -> None:
    """Remove what an ingest that did not end left behind."""
    if store.staging.exists():
        shutil.rmtree(store.staging)
    for partial in (*store.commits.glob("*.partial"), *store.data.glob("*.partial")):
        partial.unlink()
    known = set(committed_files(store))
    for file in store.events.glob("day=*/*.parquet"):
        if file not in known:
            file.unlink()
            if not any(file.parent.iterdir()):
                file.parent.rmdir()


def place_days(store: Store, written: Path, ingest: str) -> list[Path]:
    """Move day directories of new files into the log's place, safely on disk, not yet committed."""
    placed: list[Path] = []
    for folder in sorted(written.glob("day=*")):
        target = store.events / folder.name
        target.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(sorted(folder.glob("*.parquet"))):
            suffix = f"-{number}" if number else ""
            placed.append(target / f"{ingest}{suffix}.parquet")
            sync(file)
            file.rename(placed[-1])
        sync(target)
    sync(store.events)
    return placed


def commit(store: Store, ingest: str, source: str, events: int, files: Iterable[Path]) -> None:
    """Make files part of the log, all at once."""
    names = tuple(str(file.relative_to(store.data)) for file in files)
    text = msgspec.json.encode(Commit(FORMAT, ingest, source, events, names))
    write_whole(store.commits / f"{ingest}.json", text)


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none, and it survives a power cut."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.partial")
    partial.write_bytes(content)
    replace(partial, file)


def replace(partial: Path, file: Path) -> None:
    """Put a finished file in another's place, in one step and safely on disk."""
    sync(partial)
    partial.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """Have the system write a file or a directory to disk now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
