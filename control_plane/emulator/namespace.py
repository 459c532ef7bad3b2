"""A key-value namespace as Python tests hold it: the worker's own binding, with its limits."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

from control_plane.emulator import limits
from control_plane.emulator.store import Pair, Store

ValueType = Literal["text", "json", "bytes"]


class ValueWithMetadata(msgspec.Struct, frozen=True):
    """A value with its metadata; both are None when the key is missing."""

    value: Any
    metadata: Any


class ListedKey(msgspec.Struct, frozen=True):
    """A key in a list; `expiration` is in epoch seconds."""

    name: str
    expiration: int | None
    metadata: Any


class Listing(msgspec.Struct, frozen=True):
    """A page of keys; `cursor` leads to the next one unless `list_complete`."""

    keys: tuple[ListedKey, ...]
    list_complete: bool
    cursor: str | None


class KVNamespace:
    """Reads and writes one namespace; what breaks a limit raises PlatformError with its status."""

    def __init__(self, store: Store, id: str) -> None:
        self.id = id
        self._store = store

    def get(self, key: str, type: ValueType = "text") -> Any:
        """Return a value as text, parsed JSON or bytes; None when it is missing."""
        return self.get_with_metadata(key, type).value

    def get_with_metadata(self, key: str, type: ValueType = "text") -> ValueWithMetadata:
        """Return a value and its metadata."""
        limits.check_key(key)
        pair = self._store.get(self.id, key)
        if pair is None:
            return ValueWithMetadata(None, None)
        return ValueWithMetadata(_decoded(pair.value, type), _parsed(pair.metadata))

    def put(
        self,
        key: str,
        value: str | bytes,
        *,
        metadata: Any = None,
        expiration: int | None = None,
        expiration_ttl: int | None = None,
    ) -> None:
        """Write a value; `metadata` is anything JSON can hold, times are in seconds."""
        raw = value.encode() if isinstance(value, str) else value
        text = None if metadata is None else json.dumps(metadata, ensure_ascii=False)
        limits.check_key(key)
        limits.check_value(len(raw))
        limits.check_metadata(text)
        moment = limits.expiration_at(self._store.clock(), _text(expiration), _text(expiration_ttl))
        self._store.put(self.id, [Pair(key, raw, text, moment)])

    def delete(self, key: str) -> None:
        """Delete a key; nothing happens when it is missing."""
        limits.check_key(key)
        self._store.delete(self.id, [key])

    def list(self, prefix: str = "", limit: int = 1000, cursor: str | None = None) -> Listing:
        """Return keys in the order of their bytes, with their metadata."""
        page = self._store.list_keys(self.id, prefix, limits.list_limit(str(limit)), cursor or "")
        keys = tuple(ListedKey(k.name, k.expiration, _parsed(k.metadata)) for k in page.keys)
        return Listing(keys, page.cursor is None, page.cursor)


def _decoded(value: bytes, type: ValueType) -> Any:
    if type == "bytes":
        return value
    text = value.decode("utf-8", "replace")
    return json.loads(text) if type == "json" else text


def _parsed(metadata: str | None) -> Any:
    return None if metadata is None else json.loads(metadata)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
