"""EdgeKV's access tokens: what an EdgeWorker reads a namespace with."""

from __future__ import annotations

import json
import secrets
import uuid
from typing import Any

import msgspec

from control_plane.emulator.akamai_api.problems import edgekv_problem
from control_plane.emulator.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS edgekv_tokens (
  name TEXT PRIMARY KEY, uuid TEXT NOT NULL, value TEXT NOT NULL, details TEXT NOT NULL);
"""


class NewToken(msgspec.Struct, frozen=True):
    """The body that makes a token; permissions of a namespace are `r`, `w` and `d`."""

    name: str
    namespacePermissions: dict[str, list[str]]
    allowOnStaging: bool = False
    allowOnProduction: bool = False
    restrictToEdgeWorkerIds: list[str] | None = None
    expiry: str | None = None


class Tokens:
    """Makes tokens, shows them, and knows what each opens."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.define(_SCHEMA)

    def create(self, body: bytes) -> dict[str, Any]:
        """Make a token and return it with its value."""
        try:
            new = msgspec.json.decode(body, type=NewToken)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise edgekv_problem(400, f"The body is malformed: {error}", "EKV_2000") from error
        details = json.dumps(msgspec.to_builtins(new))
        with self._store.writing() as cursor:
            cursor.execute(
                "INSERT OR IGNORE INTO edgekv_tokens VALUES (?, ?, ?, ?)",
                (new.name, str(uuid.uuid4()), secrets.token_urlsafe(32), details),
            )
            if cursor.rowcount == 0:
                said = f"Token with name {new.name} is already stored."
                raise edgekv_problem(409, said, "EKV_3000")
        return self.show(new.name)

    def show(self, name: str) -> dict[str, Any]:
        """Return a token with its value."""
        sql = "SELECT uuid, value, details FROM edgekv_tokens WHERE name = ?"
        rows = self._store.query(sql, (name,))
        if not rows:
            raise edgekv_problem(404, "The requested token was not found.")
        [(id, value, details)] = rows
        return {**json.loads(details), "uuid": id, "value": value}

    def list(self) -> list[dict[str, str]]:
        """Return all tokens by name, without their values."""
        rows = self._store.query("SELECT name, uuid FROM edgekv_tokens ORDER BY name")
        return [{"name": name, "uuid": id} for name, id in rows]

    def revoke(self, name: str) -> dict[str, str]:
        """Forget a token."""
        shown = self.show(name)
        with self._store.writing() as cursor:
            cursor.execute("DELETE FROM edgekv_tokens WHERE name = ?", (name,))
        return {"name": name, "uuid": shown["uuid"]}

    def may(
        self, value: str | None, reference: str | None, network: str, namespace: str, letter: str
    ) -> bool:
        """Whether a token, by its value or its reference, opens a namespace."""
        sql = "SELECT details FROM edgekv_tokens WHERE value = ? OR uuid = ?"
        for (details,) in self._store.query(sql, (value, reference)):
            said = json.loads(details)
            allowed = said[f"allowOn{network.title()}"]
            return bool(allowed and letter in said["namespacePermissions"].get(namespace, []))
        return False
