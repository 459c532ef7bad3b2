"""The changes of overlays that there are: erased visitors, slots switched off and on."""

from __future__ import annotations

from collections.abc import Iterable

import msgpack
import numpy as np

from control_plane.compiler.overlays import erased_parts, read_erased_parts
from control_plane.deploy.head import ErasedOverlay, Head, OffOverlay, Overlay
from control_plane.deploy.overlays.move import Change
from control_plane.deploy.overlays.values import find, named, read_values
from control_plane.deploy.target import Target
from control_plane.envelope import unpack
from control_plane.errors import InputError, suggest


def erase(target: Target, head: Head, key_id: str, keys: Iterable[int]) -> Change:
    """Add visitors, by keys made with the secret of `key_id`, to the erased; none ever leaves."""
    others = [one for one in head.overlays if not _is_erased_of(one, key_id)]
    before = [one for one in find(head.overlays, ErasedOverlay) if one.key_id == key_id]
    known = [read_erased_parts(read_values(target, one)) for one in before]
    added = np.fromiter(keys, dtype=np.uint64)
    firsts, digests, values = named(erased_parts(np.concatenate([added, *known]), key_id))
    count = len(np.unique(np.concatenate([added, *known]) >> np.uint64(16)))
    erased = ErasedOverlay(key_id=key_id, count=count, firsts=firsts, digests=digests)
    return Change(in_order([*others, erased]), values)


def switch(target: Target, head: Head, slot: str, *, off: bool) -> Change:
    """Switch a slot off or on again; raise InputError when the live release has no such slot."""
    before = find(head.overlays, OffOverlay)
    names = set(before[0].slots) if before else set()
    known = {*_slots(target, head), *names}
    if slot not in known:
        raise InputError(
            f"the live release has no slot {slot!r}", remedy=suggest(slot, sorted(known))
        )
    names = names | {slot} if off else names - {slot}
    others = [one for one in head.overlays if not isinstance(one, OffOverlay)]
    return Change(in_order([*others, *([OffOverlay(tuple(sorted(names)))] if names else [])]), {})


def in_order(overlays: Iterable[Overlay]) -> tuple[Overlay, ...]:
    """Return overlays in the one order that equal ones have in every head."""
    return tuple(sorted(overlays, key=lambda one: (type(one).__name__, getattr(one, "key_id", ""))))


def _is_erased_of(overlay: Overlay, key_id: str) -> bool:
    return isinstance(overlay, ErasedOverlay) and overlay.key_id == key_id


def _slots(target: Target, head: Head) -> list[str]:
    """Return the slots that the live manifest names, which the worker verifies, not we."""
    value = target.get(head.live.manifest)
    if value is None:
        return []
    return list(msgpack.unpackb(unpack(value).body)["rules"]["slots"])
