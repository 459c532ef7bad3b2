"""Turns identifiers of people into pseudonyms, a distinct value at a time."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pyarrow as pa

from control_plane.collect.columns import by_value
from control_plane.keyring import format_visitor_key, visitor_key

#: More identifiers than this are worked out again instead of remembered.
REMEMBERED = 100_000


class Pseudonyms:
    """Gives each identifier its visitor key, and a mark that outlives the key's rotation.

    Marks go into message ids: the same row is the same event under any visitor secret.
    """

    def __init__(self, secret: bytes, mark_secret: bytes) -> None:
        self.secret, self.mark_secret = secret, mark_secret
        self.known: dict[tuple[str, str], tuple[int, str]] = {}
        self.fresh: list[tuple[str, str, str]] = []

    def replace(self, column: Any, kind: str) -> tuple[Any, Any]:
        """Return a text column's visitor keys (uint64) and marks (text)."""
        keys = by_value(column, lambda raw: self._person(kind, raw)[0], pa.uint64())
        marks = by_value(column, lambda raw: self._person(kind, raw)[1])
        return keys, marks

    def take_fresh(self) -> pa.Table:
        """Return the people met since the last call: kind, key (16 hex digits), identifier."""
        rows, self.fresh = self.fresh, []
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        return pa.table(
            [pa.array(column, pa.string()) for column in columns],
            names=["kind", "key", "identifier"],
        )

    def _person(self, kind: str, raw: str) -> tuple[int, str]:
        person = self.known.get((kind, raw))
        if person is None:
            mark = hmac.digest(self.mark_secret, f"{kind}:{raw}".encode(), hashlib.sha256)[:8]
            person = (visitor_key(self.secret, kind, raw), mark.hex())
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            self.known[kind, raw] = person
            self.fresh.append((kind, format_visitor_key(person[0]), raw))
        return person
