"""Damages a known few calls, as real exports are damaged."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from control_plane.demo.calls import Call
from control_plane.schema import ADDED, VIEWED

#: Shares of lines followed by a damaged copy, and by the very same line once more.
DIRTY_SHARE, TWICE_SHARE = 0.002, 0.001


def _bad_date(call: Call) -> bytes:
    return msgspec.json.encode(call | {"timestamp": "2026-02-31T25:61:00Z"})


def _ancient(call: Call) -> bytes:
    return msgspec.json.encode(call | {"timestamp": "0200-01-01T00:00:00Z"})


def _no_item(call: Call) -> bytes:
    properties = {"category": "tents", "price": 1.0}
    return msgspec.json.encode(call | {"type": "track", "event": VIEWED, "properties": properties})


def _no_one(call: Call) -> bytes:
    kept = {key: value for key, value in call.items() if key not in ("anonymousId", "userId")}
    return msgspec.json.encode(kept)


def _no_quantity(call: Call) -> bytes:
    properties = {"product_id": "10001-x", "quantity": "a few", "price": 12.5}
    return msgspec.json.encode(call | {"type": "track", "event": ADDED, "properties": properties})


def _cut_off(call: Call) -> bytes:
    whole = msgspec.json.encode(call)
    return whole[: len(whole) * 2 // 3]


#: Every kind of damage; each makes a row that no reader can take.
DAMAGES: dict[str, Callable[[Call], bytes]] = {
    "bad date": _bad_date,
    "year 200": _ancient,
    "no item": _no_item,
    "no one": _no_one,
    "quantity is no number": _no_quantity,
    "line cut off": _cut_off,
}


def damage(call: Call, turn: int, message_id: str) -> tuple[str, bytes]:
    """Return the kind of the `turn`-th damage and a damaged copy of `call` as a line."""
    kind = list(DAMAGES)[turn % len(DAMAGES)]
    return kind, DAMAGES[kind](call | {"messageId": message_id})
