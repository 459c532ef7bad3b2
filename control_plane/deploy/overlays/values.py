"""The values that a head's overlays name, and how these are written and read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from control_plane.compiler.overlays import Parts
from control_plane.deploy.head import ErasedOverlay, OffOverlay, Overlay, StockOverlay
from control_plane.deploy.target import Target
from control_plane.errors import PlatformError
from control_plane.tables import value_key

Kind = TypeVar("Kind", StockOverlay, ErasedOverlay, OffOverlay)


def overlay_counts(overlays: Iterable[Overlay]) -> dict[str, Any]:
    """Return how many items and visitors overlays name, and which slots are off."""
    overlays = tuple(overlays)
    return {
        "stock": sum(one.count for one in find(overlays, StockOverlay)),
        "erased": sum(one.count for one in find(overlays, ErasedOverlay)),
        "off": tuple(slot for one in find(overlays, OffOverlay) for slot in one.slots),
    }


def find(overlays: Iterable[Overlay], kind: type[Kind]) -> list[Kind]:
    """Return the overlays of a kind."""
    return [one for one in overlays if isinstance(one, kind)]


def value_keys(overlay: StockOverlay | ErasedOverlay) -> list[str]:
    """Return the keys of an overlay's values, in their order."""
    prefix = "s" if isinstance(overlay, StockOverlay) else "e"
    digests = overlay.digests.hex()
    return [f"{prefix}-{digests[at : at + 32]}" for at in range(0, len(digests), 32)]


def read_values(target: Target, overlay: StockOverlay | ErasedOverlay) -> list[bytes]:
    """Return an overlay's values; raise PlatformError when one is missing or changed."""
    found = []
    for key in value_keys(overlay):
        value = target.get(key)
        if value is None or value_key(key[0], value) != key:
            raise PlatformError(
                f"{target!r}: the overlay's value {key} is missing or changed; nothing was done.\n"
                "  Run the command again. 'frontshelf overlay stock FILE --replace' writes a stock "
                "overlay anew; values of erased visitors (e-…) must be restored from a backup."
            )
        found.append(value)
    return found


def named(parts: Parts) -> tuple[bytes, bytes, dict[str, bytes]]:
    """Return firsts and digests as the head holds them, and the values by key."""
    digests = b"".join(value.digest for value in parts.values)
    firsts = np.asarray(parts.firsts).astype("<u4").tobytes()
    return firsts, digests, {value.key: value.data for value in parts.values}


def named_keys(overlays: Iterable[Overlay]) -> set[str]:
    """Return the keys of all values that overlays name."""
    return {key for one in overlays if not isinstance(one, OffOverlay) for key in value_keys(one)}


def write_values(target: Target, values: dict[str, bytes]) -> None:
    """Write values and read them back; raise PlatformError when the store shows others."""
    target.put_many(values.items())
    for key, value in values.items():
        if target.get(key) != value:
            raise PlatformError(
                f"{target!r}: {key} does not read back as it was written; the head was not moved.\n"
                "  The store may be slow to show writes: run the command again."
            )
