"""One key-value store on disk, shared by every process of a project: SQLite in WAL mode."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from control_plane.errors import PlatformError

BUSY_SECONDS = 15.0

# Values come last in a row, so that listing keys never reads a value's pages.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS namespaces (
  id TEXT PRIMARY KEY, title TEXT NOT NULL UNIQUE, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS pairs (
  namespace TEXT NOT NULL, key BLOB NOT NULL, expiration INTEGER, metadata TEXT,
  value BLOB NOT NULL, PRIMARY KEY (namespace, key));
CREATE INDEX IF NOT EXISTS pairs_expiring ON pairs (expiration) WHERE expiration IS NOT NULL;
"""
_ALIVE = "(expiration IS NULL OR expiration > ?)"
_REMEDIES = {
    "SQLITE_FULL": "the disk is full. Free some space and try again; nothing was half written.",
    "SQLITE_CORRUPT": "it is damaged. Delete it, with its -wal and -shm files, and deploy again.",
    "SQLITE_NOTADB": "it is damaged. Delete it, with its -wal and -shm files, and deploy again.",
    "SQLITE_BUSY": "another process keeps it locked. End that process and try again.",
    "SQLITE_READONLY": "it may not be written. Give yourself the right to write there.",
    "SQLITE_CANTOPEN": "it cannot be opened. Check that its folder exists and may be written.",
    "SQLITE_IOERR": "the disk fails or is full. Free some space and try again.",
}


class Namespace(msgspec.Struct, frozen=True):
    """A key-value namespace."""

    id: str
    title: str


class Pair(msgspec.Struct, frozen=True):
    """A key with its value; `metadata` is JSON text, `expiration` epoch seconds."""

    key: str
    value: bytes
    metadata: str | None = None
    expiration: int | None = None


class KeyInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key as lists show it; `metadata` is JSON text."""

    name: str
    expiration: int | None = None
    metadata: str | None = None


class KeyPage(msgspec.Struct, frozen=True):
    """Some keys in the order of their bytes, and the last of them when more follow."""

    keys: tuple[KeyInfo, ...]
    cursor: str | None


class Store:
    """Namespaces and their pairs in `file`; threads and processes may use it at once.

    Every method raises PlatformError with a remedy when the disk refuses.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self.file, self.clock = file, clock
        # Two connections: under WAL a long write never holds up the readers.
        self._read_lock, self._write_lock = threading.Lock(), threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        try:
            with self._explained():
                file.parent.mkdir(parents=True, exist_ok=True)
                self._writer = self._connect()
                self._writer.executescript(_SCHEMA)
                self._reader = self._connect()
            self._drop_expired()
        except PlatformError:
            self.close()
            raise

    def close(self) -> None:
        """Close the store; it cannot be used afterwards."""
        with self._read_lock, self._write_lock:
            for connection in reversed(self._connections):
                connection.close()

    def namespaces(self) -> list[Namespace]:
        """Return all namespaces, oldest first."""
        rows = self.query("SELECT id, title FROM namespaces ORDER BY created, rowid")
        return [Namespace(*row) for row in rows]

    def add_namespace(self, namespace: Namespace) -> bool:
        """Make a namespace; return False when its id or title is taken."""
        with self.writing() as cursor:
            cursor.execute(
                "INSERT OR IGNORE INTO namespaces VALUES (?, ?, ?)",
                (namespace.id, namespace.title, self.clock()),
            )
            return cursor.rowcount == 1

    def delete_namespace(self, id: str) -> bool:
        """Delete a namespace with all its pairs; return False when there is none."""
        with self.writing() as cursor:
            cursor.execute("DELETE FROM pairs WHERE namespace = ?", (id,))
            cursor.execute("DELETE FROM namespaces WHERE id = ?", (id,))
            return cursor.rowcount == 1

    def get(self, namespace: str, key: str) -> Pair | None:
        """Return a pair, or None when it is missing or expired."""
        return self.get_many(namespace, [key]).get(key)

    def get_many(self, namespace: str, keys: Sequence[str]) -> dict[str, Pair]:
        """Return those of `keys` that exist, read at one moment."""
        marks = ", ".join("?" * len(keys))
        rows = self.query(
            "SELECT key, value, metadata, expiration FROM pairs"
            f" WHERE namespace = ? AND key IN ({marks}) AND {_ALIVE}",
            (namespace, *(key.encode() for key in keys), self.clock()),
        )
        return {row[0].decode(): Pair(row[0].decode(), *row[1:]) for row in rows}

    def put(self, namespace: str, pairs: Iterable[Pair]) -> None:
        """Write all pairs or none."""
        rows = ((namespace, p.key.encode(), p.expiration, p.metadata, p.value) for p in pairs)
        with self.writing() as cursor:
            cursor.executemany("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?, ?, ?)", rows)

    def delete(self, namespace: str, keys: Iterable[str]) -> None:
        """Delete all of `keys` that exist, at once."""
        rows = ((namespace, key.encode()) for key in keys)
        with self.writing() as cursor:
            cursor.executemany("DELETE FROM pairs WHERE namespace = ? AND key = ?", rows)

    def list_keys(
        self, namespace: str, prefix: str = "", limit: int = 1000, after: str = ""
    ) -> KeyPage:
        """Return up to `limit` keys that start with `prefix` and come after `after`."""
        first = prefix.encode()
        # No UTF-8 text holds the byte 0xFF, so adding one to the last byte ends the range.
        end = first[:-1] + bytes([first[-1] + 1]) if first else b"\xff"
        rows = self.query(
            "SELECT key, expiration, metadata FROM pairs WHERE namespace = ? AND key >= ?"
            f" AND key < ? AND key > ? AND {_ALIVE} ORDER BY key LIMIT ?",
            (namespace, first, end, after.encode(), self.clock(), limit + 1),
        )
        keys = tuple(KeyInfo(row[0].decode(), row[1], row[2]) for row in rows[:limit])
        return KeyPage(keys, keys[-1].name if len(rows) > limit else None)

    def define(self, schema: str) -> None:
        """Make tables that another part of the platform keeps in this file, unless they exist."""
        with self._explained(), self._write_lock:
            self._writer.executescript(schema)

    def query(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT, of this store's tables or of others in its file."""
        with self._explained(), self._read_lock:
            return self._reader.execute(sql, arguments).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """Give a cursor inside a transaction: all of what it does is kept, or nothing."""
        with self._explained(), self._write_lock:
            cursor = self._writer.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                # A full disk has already rolled back.
                if self._writer.in_transaction:
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def _drop_expired(self) -> None:
        with self.writing() as cursor:
            cursor.execute("DELETE FROM pairs WHERE expiration <= ?", (self.clock(),))

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._connections.append(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            known = [text for prefix, text in _REMEDIES.items() if name.startswith(prefix)]
            raise PlatformError(
                f"the local key-value store {self.file}: {known[0] if known else error}"
            ) from error
        except OSError as error:
            raise PlatformError(
                f"the local key-value store {self.file}: {error.strerror}.\n"
                "  Check that its folder may be written and the disk is not full."
            ) from error
