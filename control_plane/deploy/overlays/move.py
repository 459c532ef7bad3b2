"""Changes a target's overlays: what is true of every release, seconds after it is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TypeVar

import msgspec

from control_plane.deploy.archive.archived import archive_values
from control_plane.deploy.head import STALE_SECONDS, Clock, Head, Overlay, read_head
from control_plane.deploy.lock import Lock, deployment_lock
from control_plane.deploy.moves import move_overlays
from control_plane.deploy.overlays.values import named_keys, overlay_counts, write_values
from control_plane.deploy.sweep import forget_replaced
from control_plane.deploy.target import Target
from control_plane.errors import InputError, LockedError, StaleError, WorkError
from control_plane.settings import Project

#: A key-value store takes one write a second to a key (Cloudflare answers 429 to more).
SECONDS_BETWEEN_HEADS = 1.0

#: The letter of the values that name erased visitors.
ERASED = "e"

#: How long a change waits for its turn; a store that shows no write after that is broken.
PATIENCE_SECONDS = STALE_SECONDS + 10

Result = TypeVar("Result")


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
    with nullcontext(Lock()) if dry_run else _patient_lock(project, target.name, sleep) as lock:
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
            archive_values(project, {key: new[key] for key in new if key[0] == ERASED})
            _wait_for_turn(head, clock, sleep)
            head = move_overlays(target, project, lock, change.overlays, head, clock)
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


@contextmanager
def _patient_lock(project: Project, target: str, sleep: Callable[[float], None]) -> Iterator[Lock]:
    with ExitStack() as stack:
        take = lambda: stack.enter_context(deployment_lock(project, target))  # noqa: E731
        yield _patiently(take, LockedError, sleep)


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
