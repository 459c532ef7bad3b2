"""The manifest: what a release is made of, in one signed value with the rules."""

from __future__ import annotations

from collections.abc import Sequence
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
from control_plane.models.recipe import Serving
from control_plane.tables import FORMAT, MAX_VALUE_BYTES, pack

#: What moves from the manifest into values of its own, until it fits: each costs some visitors a
#: read. The list of visitor values is read for known visitors alone, the locator for a session's
#: items, and along with it, once, the lists of item values.
MOVES = (
    (),
    ("visitors",),
    ("locator",),
    ("visitors", "locator"),
    ("visitors", "locator", "items"),
)

#: Entries of a list of values (a 32-bit number and 16 bytes of digest each) in one page.
PAGE_ENTRIES = 3_500

#: Of the manifest's bytes, what is left to its envelope.
SEAL_BYTES = 512


class Parts(msgspec.Struct, frozen=True):
    """Everything a manifest names."""

    model_time: str
    item_cuts: NDArray[np.int64]
    item_digests: list[bytes]
    card_cuts: NDArray[np.int64]
    card_digests: list[bytes]
    locator: list[LocatorPart]
    visitor_firsts: NDArray[np.uint32]
    visitor_digests: list[bytes]
    visitor_count: int
    key_id: str
    popular: bytes
    latest: bytes | None
    related: dict[str, tuple[NDArray[np.int64], list[bytes]]]
    markets: dict[str, tuple[NDArray[np.int64], list[bytes]]]
    countries: dict[str, str]
    reminder_scale: float
    serving: Serving
    segments: list[tuple[str, str, dict[str, Any] | None]]
    rules: dict[str, Any]
    templates: dict[str, Any]


def make_manifest(
    parts: Parts, shop: str, environment: str, key: Ed25519PrivateKey
) -> tuple[Value, list[Value]]:
    """Return the sealed manifest, and values of what does not fit inside."""
    for moved in MOVES:
        extra: list[Value] = []
        body = msgpack.packb(_body(parts, shop, environment, moved, extra))
        if len(body) + SEAL_BYTES <= MAX_VALUE_BYTES:
            break
    value = seal(MANIFEST, shop, environment, body, key)
    if len(value) > MAX_VALUE_BYTES:
        raise InputError(
            f"the manifest takes {len(value):,} bytes, {MAX_VALUE_BYTES:,} fit a value",
            file="rules.yaml",
            remedy="Shorten the content: let pages carry large markup and slots choose small ones.",
        )
    return make_value("manifest", "m", value), extra


def _body(
    parts: Parts, shop: str, environment: str, moved: Sequence[str], extra: list[Value]
) -> dict[str, Any]:
    """Return the manifest; values of what is `moved` out are added to `extra`."""
    pages = extra if "items" in moved else None
    return {
        "format": FORMAT,
        "kind": "manifest",
        "shop": shop,
        "environment": environment,
        "model_time": parts.model_time,
        "items": {
            **_list(parts.item_cuts[:-1], parts.item_digests, pages),
            "count": int(parts.item_cuts[-1]),
            "locator": _locator(parts.locator, extra if "locator" in moved else None),
        },
        "cards": _list(parts.card_cuts[:-1], parts.card_digests, pages),
        "visitors": {
            "count": parts.visitor_count,
            "key_id": parts.key_id,
            **_list(
                parts.visitor_firsts,
                parts.visitor_digests,
                extra if "visitors" in moved else None,
            ),
        },
        "popular": parts.popular,
        "latest": parts.latest,
        "related": {
            kind: _list(firsts, digests, pages) for kind, (firsts, digests) in parts.related.items()
        },
        "markets": {
            name: _list(firsts, digests, pages) for name, (firsts, digests) in parts.markets.items()
        },
        "countries": parts.countries,
        "serving": {**msgspec.to_builtins(parts.serving), "reminder_scale": parts.reminder_scale},
        "segments": [list(segment) for segment in parts.segments],
        "rules": parts.rules,
        "templates": parts.templates,
    }


def _list(firsts: NDArray[Any], digests: list[bytes], extra: list[Value] | None) -> dict[str, Any]:
    """Return a list of values by the first number each holds, or, with `extra`, a list of pages."""
    if extra is None or not digests:
        return {"firsts": firsts.astype("<u4").tobytes(), "digests": b"".join(digests)}
    places = range(0, len(digests), PAGE_ENTRIES)
    pages = [
        make_value(
            "index",
            "x",
            pack(
                "index",
                {},
                {
                    "firsts": firsts[at : at + PAGE_ENTRIES].astype("<u4").tobytes(),
                    "digests": b"".join(digests[at : at + PAGE_ENTRIES]),
                },
            ),
        )
        for at in places
    ]
    extra += pages
    return {
        "paged": True,
        "firsts": firsts[list(places)].astype("<u4").tobytes(),
        "digests": b"".join(page.digest for page in pages),
    }


def _locator(parts: list[LocatorPart], extra: list[Value] | None) -> list[dict[str, Any]]:
    entries = []
    for part in parts:
        entry: dict[str, Any] = {"seed": part.seed, "third": part.third, "bits": part.bits}
        if extra is None:
            entry["cells"] = part.cells
        else:
            value = make_value("locator", "l", pack("locator", {}, {"cells": part.cells}))
            entry["digest"] = value.digest
            extra.append(value)
        entries.append(entry)
    return entries
