"""The REST API's keys and values, one at a time."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.http import parse_options_header

from control_plane.emulator import limits
from control_plane.emulator.call import form_parts
from control_plane.emulator.limits import INVALID_CURSOR, MALFORMED_VALUE, Refusal
from control_plane.emulator.store import Pair, Store

SMALLEST_LIST = 10


def list_keys(store: Store, id: str, query: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """Return a page of keys, and the cursor to the next."""
    limit = limits.list_limit(query.get("limit"), SMALLEST_LIST)
    cursor = query.get("cursor", "")
    if len(cursor.encode()) > limits.KEY_BYTES:
        raise Refusal('invalid "list keys" cursor', code=INVALID_CURSOR)
    page = store.list_keys(id, query.get("prefix", ""), limit, cursor)
    keys = []
    for key in page.keys:
        shown: dict[str, Any] = {"name": key.name}
        if key.expiration is not None:
            shown["expiration"] = key.expiration
        if key.metadata is not None:
            shown["metadata"] = json.loads(key.metadata)
        keys.append(shown)
    return keys, {"count": len(keys), "cursor": page.cursor or ""}


def put_value(
    store: Store, id: str, key: str, query: dict[str, str], content_type: str, body: bytes
) -> None:
    """Write a value: the raw body, or the parts `value` and `metadata` of a form."""
    value, metadata = body, None
    kind, options = parse_options_header(content_type)
    if kind == "multipart/form-data":
        form = form_parts(body, options.get("boundary", ""), MALFORMED_VALUE)
        parts = {part.name: part.content for part in form}
        if "value" not in parts:
            raise Refusal("the form has no part 'value'", code=MALFORMED_VALUE)
        value = parts["value"]
        metadata = parts["metadata"].decode("utf-8", "replace") if "metadata" in parts else None
    limits.check_key(key)
    limits.check_value(len(value))
    limits.check_metadata(metadata)
    expiration = limits.expiration_at(
        store.clock(), query.get("expiration"), query.get("expiration_ttl")
    )
    store.put(id, [Pair(key, value, metadata, expiration)])


def delete_value(store: Store, id: str, key: str) -> None:
    """Delete a key; a missing one is no error."""
    limits.check_key(key)
    store.delete(id, [key])
