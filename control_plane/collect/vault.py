"""The one file that knows who is behind a pseudonym: data/vault.sqlite."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "vault.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS person (
    kind TEXT NOT NULL,        -- 'u' a user's identifier, 'a' a device's
    key TEXT NOT NULL,         -- visitor key, 16 hexadecimal digits
    key_id TEXT NOT NULL,      -- which visitor secret made it
    identifier TEXT NOT NULL,
    PRIMARY KEY (kind, key, key_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


def mark_secret(folder: Path) -> bytes:
    """Return the secret behind message ids, made with the vault."""
    with _open(folder) as vault:
        fresh = ("mark", secrets.token_bytes(32))
        vault.execute("INSERT OR IGNORE INTO secret VALUES (?, ?)", fresh)
        (value,) = vault.execute("SELECT value FROM secret WHERE name = 'mark'").fetchone()
    return bytes(value)


def remember(folder: Path, key_id: str, people: Iterable[tuple[str, str, str]]) -> None:
    """Keep (kind, key, identifier) of people, all or none."""
    with _open(folder) as vault:
        vault.executemany(
            "INSERT OR IGNORE INTO person (kind, key, key_id, identifier) VALUES (?, ?, ?, ?)",
            ((kind, key, key_id, identifier) for kind, key, identifier in people),
        )


@contextmanager
def _open(folder: Path) -> Iterator[sqlite3.Connection]:
    file = folder / FILE
    folder.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    vault = sqlite3.connect(file)
    try:
        # Python before 3.12 begins no transaction for DDL; one script is one commit here.
        vault.executescript(_SCHEMA)
        with vault:
            yield vault
    finally:
        vault.close()
