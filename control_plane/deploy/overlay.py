"""Changes a target's overlays: what is true of every release, seconds after it is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, TypeVar

import msgspec
import numpy as np

from control_plane.compiler.overlays import Parts
from control_plane.deploy.head import (
    STALE_SECONDS,
    Clock,
    ErasedOverlay,
    Head,
    OffOverlay,
    Overlay,
    StockOverlay,
    move_overlays,
    read_head,
)
from control_plane.deploy.lock import deployment_lock
from control_plane.deploy.sweep import forget_replaced
from control_plane.deploy.target import Target
from control_plane.errors import InputError, LockedError, PlatformError, StaleError, WorkError
from control_plane.settings import Project
from control_plane.tables import value_key

#: A key-value store takes one write a second to a key (Cloudflare answers 429 to more).
SECONDS_BETWEEN_HEADS = 1.0

#: How long a change waits for its turn; a store that shows no write after that is broken.
PATIENCE_SECONDS = STALE_SECONDS + 10

Result = TypeVar("Result")
Kind = TypeVar("Kind", StockOverlay, ErasedOverlay, OffOverlay)


class Change(msgspec.Struct, frozen=True):
    """What an overlay becomes: the head's entries, and the values that these name."""

    overlays: tuple[Overlay, ...]
    values: dict[str, bytes]


class OverlayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a change of overlays did, or would do, and what they hold after it."""

    target: str
    dry_run: bool
    changed: bool
    written: int
    bytes: int
    counter: int
    stock: int
    erased: int
    off: tuple[str, ...]
    seconds: float


def change_overlays(
    target: Target,
    project: Project,
    make: Callable[[Target, Head], Change],
    *,
    dry_run: bool = False,
    clock: Clock = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> OverlayReport:
    """Write what `make` says is new: its values, then the head; nothing when nothing changes.

    Overlays change every few seconds, by feeds that nobody watches: so this waits while another
    process deploys, and while the store does not show the head that was written last. Raises
    InputError when nothing was deployed yet, LockedError or StaleError when waiting does not help.
    """
    started = time.monotonic()
    with nullcontext() if dry_run else _patient_lock(project, sleep):
        head = _patiently(lambda: read_head(target, project, clock), StaleError, sleep)
        if head is None:
            raise InputError(
                f"{target!r} has no head",
                remedy="Nothing was deployed there yet; run 'frontshelf deploy'.",
            )
        change = make(target, head)
        before = named_keys(head.overlays)
        new = {key: value for key, value in change.values.items() if key not in before}
        changed = change.overlays != head.overlays
        if changed and not dry_run:
            write_values(target, new)
            _wait_for_turn(head, clock, sleep)
            head = move_overlays(target, project, change.overlays, head, clock)
            forget_replaced(target, project, before, named_keys(head.overlays), clock)
    return OverlayReport(
        target=target.name,
        dry_run=dry_run,
        changed=changed,
        written=len(new),
        bytes=sum(map(len, new.values())),
        counter=head.counter,
        **overlay_counts(change.overlays),
        seconds=round(time.monotonic() - started, 3),
    )


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


@contextmanager
def _patient_lock(project: Project, sleep: Callable[[float], None]) -> Iterator[None]:
    with ExitStack() as stack:
        _patiently(lambda: stack.enter_context(deployment_lock(project)), LockedError, sleep)
        yield


def _patiently(
    work: Callable[[], Result], passing: type[WorkError], sleep: Callable[[float], None]
) -> Result:
    """Do the work again every second while it raises an error that passes by itself."""
    for _ in range(PATIENCE_SECONDS):
        try:
            return work()
        except passing:
            sleep(1.0)
    return work()


def _wait_for_turn(head: Head, clock: Clock, sleep: Callable[[float], None]) -> None:
    wait = SECONDS_BETWEEN_HEADS - (clock() - head.issued_at / 1000)
    if wait > 0:
        sleep(min(wait, SECONDS_BETWEEN_HEADS))
