"""What EdgeWorkers keeps: ids, their versions, and what was asked to run on either network."""

from __future__ import annotations

from typing import Literal

import msgspec

from control_plane.emulator.store import Store

Action = Literal["activation", "deactivation"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS edgeworkers (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, group_id INTEGER NOT NULL, tier INTEGER NOT NULL,
  created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS edgeworker_versions (
  id INTEGER NOT NULL, version TEXT NOT NULL, number INTEGER NOT NULL, checksum TEXT NOT NULL,
  created REAL NOT NULL, deleted INTEGER NOT NULL, bundle BLOB NOT NULL,
  PRIMARY KEY (id, version));
CREATE TABLE IF NOT EXISTS edgeworker_moves (
  number INTEGER PRIMARY KEY, id INTEGER NOT NULL, action TEXT NOT NULL, network TEXT NOT NULL,
  version TEXT NOT NULL, created REAL NOT NULL, ended TEXT NOT NULL);
"""


class EdgeWorker(msgspec.Struct, frozen=True):
    """An EdgeWorker id."""

    id: int
    name: str
    group_id: int
    tier: int
    created: float


class Version(msgspec.Struct, frozen=True):
    """A version of one; its bundle is read when it is needed."""

    version: str
    number: int
    checksum: str
    created: float


class Move(msgspec.Struct, frozen=True):
    """An activation or deactivation; `ended` is how it ended other than by completion."""

    number: int
    action: Action
    network: str
    version: str
    created: float
    ended: str


class Records:
    """Reads and writes them in the local store's file."""

    def __init__(self, store: Store) -> None:
        self.store = store
        store.define(_SCHEMA)

    def edgeworkers(self) -> list[EdgeWorker]:
        """Return all ids, oldest first."""
        rows = self.store.query("SELECT id, name, group_id, tier, created FROM edgeworkers")
        return [EdgeWorker(*row) for row in rows]

    def add(self, name: str, group_id: int, tier: int) -> EdgeWorker:
        """Make an id."""
        now = self.store.clock()
        with self.store.writing() as cursor:
            cursor.execute(
                "INSERT INTO edgeworkers (name, group_id, tier, created) VALUES (?, ?, ?, ?)",
                (name, group_id, tier, now),
            )
            return EdgeWorker(cursor.lastrowid or 0, name, group_id, tier, now)

    def ensure(self, id: int, name: str) -> None:
        """Make a certain id unless it is there."""
        with self.store.writing() as cursor:
            cursor.execute(
                "INSERT OR IGNORE INTO edgeworkers VALUES (?, ?, 1, 200, ?)",
                (id, name, self.store.clock()),
            )

    def versions(self, id: int) -> list[Version]:
        """Return the versions of an id, oldest first."""
        rows = self.store.query(
            "SELECT version, number, checksum, created FROM edgeworker_versions"
            " WHERE id = ? AND NOT deleted ORDER BY number",
            (id,),
        )
        return [Version(*row) for row in rows]

    def bundle(self, id: int, version: str) -> bytes:
        """Return a version's tgz."""
        rows = self.store.query(
            "SELECT bundle FROM edgeworker_versions WHERE id = ? AND version = ? AND NOT deleted",
            (id, version),
        )
        return bytes(rows[0][0])

    def add_version(self, id: int, version: str, checksum: str, bundle: bytes) -> bool:
        """Keep a version; return False when there is, or ever was, one of that name."""
        with self.store.writing() as cursor:
            cursor.execute(
                "INSERT OR IGNORE INTO edgeworker_versions SELECT ?, ?,"
                " (SELECT COUNT(*) + 1 FROM edgeworker_versions WHERE id = ?), ?, ?, 0, ?",
                (id, version, id, checksum, self.store.clock(), bundle),
            )
            return cursor.rowcount == 1

    def delete_version(self, id: int, version: str) -> None:
        """Forget a version's bundle; its name stays taken."""
        with self.store.writing() as cursor:
            cursor.execute(
                "UPDATE edgeworker_versions SET deleted = 1, bundle = x'' "
                "WHERE id = ? AND version = ?",
                (id, version),
            )

    def moves(self, id: int) -> list[Move]:
        """Return what was asked to run or to stop, newest first."""
        rows = self.store.query(
            "SELECT number, action, network, version, created, ended FROM edgeworker_moves"
            " WHERE id = ? ORDER BY number DESC",
            (id,),
        )
        return [Move(*row) for row in rows]

    def add_move(self, id: int, action: Action, network: str, version: str) -> Move:
        """Keep one, as of now."""
        now = self.store.clock()
        with self.store.writing() as cursor:
            cursor.execute(
                "INSERT INTO edgeworker_moves (id, action, network, version, created, ended)"
                " VALUES (?, ?, ?, ?, ?, '')",
                (id, action, network, version, now),
            )
            return Move(cursor.lastrowid or 0, action, network, version, now, "")

    def end_move(self, number: int, status: str) -> None:
        """Let one end otherwise than by completion."""
        with self.store.writing() as cursor:
            cursor.execute(
                "UPDATE edgeworker_moves SET ended = ? WHERE number = ?", (status, number)
            )
