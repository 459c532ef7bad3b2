"""The manifest: what a release is made of, in one signed value with the rules."""

from __future__ import annotations

from typing import Any

import msgpack
import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from control_plane.compiler.locator import LocatorPart
from control_plane.compiler.values import Value, make_value
from control_plane.envelope import MANIFEST, seal
from control_plane.errors import InputError
from control_plane.tables import FORMAT, MAX_VALUE_BYTES, pack

#: Locators up to this size travel in the manifest; larger ones are values, one more read.
INLINE_LOCATOR_BYTES = 44_000

#: How the worker sums a session's rows (facts measured on four public sets; see docs/models.md).
SERVING = {"items": 10, "decay": 1.2, "reminder": 1.2, "reminder_decay": 8.0}


class Parts(msgspec.Struct, frozen=True):
    """Everything a manifest names."""

    model_time: str
    item_cuts: NDArray[np.int64]
    item_digests: list[bytes]
    locator: list[LocatorPart]
    visitor_firsts: NDArray[np.uint32]
    visitor_digests: list[bytes]
    visitor_count: int
    key_id: str
    popular: bytes
    reminder_scale: float
    segments: list[tuple[str, str]]
    rules: dict[str, Any]
    templates: dict[str, Any]


def make_manifest(
    parts: Parts, shop: str, environment: str, key: Ed25519PrivateKey
) -> tuple[Value, list[Value]]:
    """Return the sealed manifest, and the locator's values where it does not fit inside."""
    locator, extra = _locator(parts.locator)
    body = msgpack.packb(
        {
            "format": FORMAT,
            "kind": "manifest",
            "shop": shop,
            "environment": environment,
            "model_time": parts.model_time,
            "items": {
                "cuts": parts.item_cuts.astype("<u4").tobytes(),
                "digests": b"".join(parts.item_digests),
                "locator": locator,
            },
            "visitors": {
                "count": parts.visitor_count,
                "key_id": parts.key_id,
                "firsts": parts.visitor_firsts.astype("<u4").tobytes(),
                "digests": b"".join(parts.visitor_digests),
            },
            "popular": parts.popular,
            "serving": {**SERVING, "reminder_scale": parts.reminder_scale},
            "segments": [list(segment) for segment in parts.segments],
            "rules": parts.rules,
            "templates": parts.templates,
        }
    )
    value = seal(MANIFEST, shop, environment, body, key)
    if len(value) > MAX_VALUE_BYTES:
        raise InputError(
            f"the manifest takes {len(value):,} bytes, {MAX_VALUE_BYTES:,} fit a value",
            file="rules.yaml",
            remedy="Shorten the content: let pages carry large markup and slots choose small ones.",
        )
    return make_value("manifest", "m", value), extra


def _locator(parts: list[LocatorPart]) -> tuple[list[dict[str, Any]], list[Value]]:
    inline = sum(len(part.cells) for part in parts) <= INLINE_LOCATOR_BYTES
    entries, values = [], []
    for part in parts:
        entry: dict[str, Any] = {"seed": part.seed, "third": part.third, "bits": part.bits}
        if inline:
            entry["cells"] = part.cells
        else:
            value = make_value("locator", "l", pack("locator", {}, {"cells": part.cells}))
            entry["digest"] = value.digest
            values.append(value)
        entries.append(entry)
    return entries, values
