"""The REST API's bulk calls: write, delete and read many pairs at once."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import msgspec

from control_plane.emulator import limits
from control_plane.emulator.call import decoded
from control_plane.emulator.limits import MALFORMED_VALUE, Refusal
from control_plane.emulator.store import Pair, Store
from control_plane.emulator.wire import BulkGet, bulk_value


class NewPair(msgspec.Struct, frozen=True, kw_only=True):
    """One pair of a bulk write; `base64` says that the value is encoded so."""

    key: str
    value: str
    base64: bool = False
    expiration: int | None = None
    expiration_ttl: int | None = None
    metadata: Any = None


def put_pairs(store: Store, id: str, body: bytes) -> dict[str, Any]:
    """Write up to 10,000 pairs, all or none."""
    pairs = decoded(body, list[NewPair])
    limits.check_bulk_write(len(pairs))
    now = store.clock()
    store.put(id, [_pair(pair, now) for pair in pairs])
    return _done(len(pairs))


def delete_pairs(store: Store, id: str, body: bytes) -> dict[str, Any]:
    """Delete up to 10,000 keys, all or none."""
    keys = decoded(body, list[str])
    limits.check_bulk_write(len(keys))
    for key in keys:
        limits.check_key(key)
    store.delete(id, keys)
    return _done(len(keys))


def get_pairs(store: Store, id: str, body: bytes) -> dict[str, Any]:
    """Return up to 100 values, null where there is none."""
    wanted = decoded(body, BulkGet)
    limits.check_bulk_get(wanted.keys)
    found = store.get_many(id, wanted.keys)
    limits.check_value(sum(len(pair.value) for pair in found.values()))
    values = {}
    for key in wanted.keys:
        pair = found.get(key)
        values[key] = bulk_value(pair, wanted.type, wanted.with_metadata)
        if pair is not None and wanted.with_metadata:
            values[key]["expiration"] = pair.expiration
    return {"values": values}


def _pair(pair: NewPair, now: float) -> Pair:
    limits.check_key(pair.key)
    value = _from_base64(pair) if pair.base64 else pair.value.encode()
    limits.check_value(len(value))
    metadata = None if pair.metadata is None else json.dumps(pair.metadata, ensure_ascii=False)
    limits.check_metadata(metadata)
    expiration = limits.expiration_at(now, _text(pair.expiration), _text(pair.expiration_ttl))
    return Pair(pair.key, value, metadata, expiration)


def _from_base64(pair: NewPair) -> bytes:
    try:
        return base64.b64decode(pair.value, validate=True)
    except binascii.Error as error:
        words = f"the value of {pair.key!r} is not base64: {error}"
        raise Refusal(words, code=MALFORMED_VALUE) from error


def _done(count: int) -> dict[str, Any]:
    return {"successful_key_count": count, "unsuccessful_keys": []}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
