"""Workers, their versions and deployments, in the store's own file."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from control_plane.deploy.modules import Module
from control_plane.emulator.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS workers (name TEXT PRIMARY KEY, about BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS worker_versions (
  worker TEXT NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, about BLOB NOT NULL,
  modules BLOB NOT NULL, PRIMARY KEY (worker, number));
CREATE TABLE IF NOT EXISTS worker_deployments (
  worker TEXT NOT NULL, number INTEGER NOT NULL, about BLOB NOT NULL,
  PRIMARY KEY (worker, number));
CREATE TABLE IF NOT EXISTS zones (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS worker_routes (
  zone TEXT NOT NULL, id TEXT NOT NULL, pattern TEXT NOT NULL, script TEXT,
  PRIMARY KEY (zone, pattern));
"""
_TABLES_OF_A_WORKER = ("worker_versions", "worker_deployments")


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker; `settings` belong to no version. Times are epoch seconds."""

    name: str
    tag: str
    created: float
    modified: float
    source: str
    settings: dict[str, Any] = {}
    on_subdomain: bool = False
    previews: bool = False


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """What was uploaded once, without its modules; secrets stand in `bindings`."""

    id: str
    number: int
    created: float
    source: str
    main_module: str
    compatibility_date: str
    compatibility_flags: tuple[str, ...]
    bindings: tuple[dict[str, Any], ...]
    annotations: dict[str, str]
    etag: str


class Share(msgspec.Struct, frozen=True):
    """A version and the percentage of visitors it serves."""

    version_id: str
    percentage: float


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions serve, from `created` (epoch seconds) until the next deployment."""

    id: str
    created: float
    source: str
    versions: tuple[Share, ...]
    annotations: dict[str, str]


class Route(msgspec.Struct, frozen=True):
    """Which worker answers for URLs of a zone; None: none does."""

    id: str
    pattern: str
    script: str | None


class Records:
    """Reads and writes all of it; each write is kept whole or not at all."""

    def __init__(self, store: Store) -> None:
        self.store = store
        store.define(_SCHEMA)

    def workers(self) -> list[Worker]:
        """Return all workers by name."""
        rows = self.store.query("SELECT about FROM workers ORDER BY name")
        return [msgspec.json.decode(row[0], type=Worker) for row in rows]

    def worker(self, name: str) -> Worker | None:
        """Return a worker, or None when there is none of that name."""
        rows = self.store.query("SELECT about FROM workers WHERE name = ?", (name,))
        return msgspec.json.decode(rows[0][0], type=Worker) if rows else None

    def versions(self, worker: str) -> list[Version]:
        """Return a worker's versions, the newest first."""
        rows = self.store.query(
            "SELECT about FROM worker_versions WHERE worker = ? ORDER BY number DESC", (worker,)
        )
        return [msgspec.json.decode(row[0], type=Version) for row in rows]

    def modules(self, worker: str, version_id: str) -> tuple[Module, ...]:
        """Return a version's modules, the main one first."""
        [[blob]] = self.store.query(
            "SELECT modules FROM worker_versions WHERE worker = ? AND id = ?", (worker, version_id)
        )
        return msgspec.msgpack.decode(blob, type=tuple[Module, ...])

    def deployments(self, worker: str) -> list[Deployment]:
        """Return a worker's deployments, the newest first."""
        rows = self.store.query(
            "SELECT about FROM worker_deployments WHERE worker = ? ORDER BY number DESC", (worker,)
        )
        return [msgspec.json.decode(row[0], type=Deployment) for row in rows]

    def save(
        self,
        worker: Worker,
        version: Version | None = None,
        modules: tuple[Module, ...] = (),
        deployment: Deployment | None = None,
    ) -> None:
        """Write a worker, and with it a new version, a new deployment, or both."""
        with self.store.writing() as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO workers VALUES (?, ?)",
                (worker.name, msgspec.json.encode(worker)),
            )
            if version is not None:
                about, blob = msgspec.json.encode(version), msgspec.msgpack.encode(modules)
                cursor.execute(
                    "INSERT INTO worker_versions VALUES (?, ?, ?, ?, ?)",
                    (worker.name, version.number, version.id, about, blob),
                )
            if deployment is not None:
                cursor.execute(
                    "INSERT INTO worker_deployments SELECT ?, COALESCE(MAX(number), 0) + 1, ?"
                    " FROM worker_deployments WHERE worker = ?",
                    (worker.name, msgspec.json.encode(deployment), worker.name),
                )

    def delete(self, worker: str) -> None:
        """Delete a worker with all that is its own, routes too."""
        with self.store.writing() as cursor:
            for table in _TABLES_OF_A_WORKER:
                cursor.execute(f"DELETE FROM {table} WHERE worker = ?", (worker,))
            cursor.execute("DELETE FROM worker_routes WHERE script = ?", (worker,))
            cursor.execute("DELETE FROM workers WHERE name = ?", (worker,))

    def zones(self) -> list[tuple[str, str]]:
        """Return ids and names of all zones, by name."""
        rows = self.store.query("SELECT id, name FROM zones ORDER BY name")
        return [(id, name) for id, name in rows]

    def add_zone(self, id: str, name: str) -> bool:
        """Make a zone; return False when there is one of that name."""
        with self.store.writing() as cursor:
            cursor.execute("INSERT OR IGNORE INTO zones VALUES (?, ?)", (id, name))
            return cursor.rowcount == 1

    def routes(self, zone: str) -> list[Route]:
        """Return a zone's routes by pattern."""
        rows = self.store.query(
            "SELECT id, pattern, script FROM worker_routes WHERE zone = ? ORDER BY pattern", (zone,)
        )
        return [Route(*row) for row in rows]

    def put_routes(self, zone: str, routes: list[Route], gone: list[str]) -> None:
        """Write routes and delete those whose ids are `gone`."""
        with self.store.writing() as cursor:
            for id in gone:
                cursor.execute("DELETE FROM worker_routes WHERE zone = ? AND id = ?", (zone, id))
            for route in routes:
                cursor.execute(
                    "INSERT OR REPLACE INTO worker_routes VALUES (?, ?, ?, ?)",
                    (zone, route.id, route.pattern, route.script),
                )


def new_id() -> str:
    """Return an id as versions and deployments have them."""
    return str(uuid.uuid4())
