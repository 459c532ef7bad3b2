"""Moves the head: a release goes live, a canary begins or ends, overlays change. One write each."""

from __future__ import annotations

import time

import msgspec

from control_plane.deploy.archive.bucket import open_bucket
from control_plane.deploy.head import (
    KEY,
    Canary,
    Clock,
    Head,
    Live,
    Overlay,
    archived_head_key,
    read_head,
    sign,
)
from control_plane.deploy.lock import Lock
from control_plane.deploy.record import GOES_LIVE, Action, Record, append, highest_counter
from control_plane.deploy.target import Target
from control_plane.errors import PlatformError, WorkError
from control_plane.keyring import least_counter, load_signing_key
from control_plane.settings import Project
from control_plane.tables import MAX_VALUE_BYTES


def move_head(
    target: Target,
    project: Project,
    lock: Lock,
    live: Live,
    seen: Head | None,
    action: Action,
    clock: Clock = time.time,
    overlays: tuple[Overlay, ...] | None = None,
) -> Head:
    """Make `live` the live release; raise PlatformError when the head is no longer `seen`.

    The overlays stay those of `seen` unless others are given. A canary ends.
    """
    at = int(clock() * 1000)
    head = Head(
        shop=project.settings.shop.name,
        environment=project.settings.shop.environment,
        counter=_next_counter(target, project, seen),
        issued_at=at,
        live=msgspec.structs.replace(live, since=at),
        previous=_before(seen, live) if seen else None,
        overlays=(seen.overlays if seen else ()) if overlays is None else overlays,
    )
    return _write(target, project, lock, head, seen, _record(head, head.live, action), clock)


def move_canary(
    target: Target,
    project: Project,
    lock: Lock,
    canary: Canary | None,
    seen: Head,
    clock: Clock = time.time,
) -> Head:
    """Begin, change or end (None) a canary.

    Raises PlatformError when the head is no longer `seen`.
    """
    at = int(clock() * 1000)
    if canary is not None:
        goes_on = seen.canary is not None and seen.canary.manifest == canary.manifest
        since = seen.canary.since if goes_on and seen.canary else at
        canary = msgspec.structs.replace(canary, since=since)
    head = msgspec.structs.replace(
        seen, counter=_next_counter(target, project, seen), issued_at=at, canary=canary
    )
    action: Action = "canary" if canary else "end"
    about = canary or seen.canary or seen.live
    return _write(target, project, lock, head, seen, _record(head, about, action), clock)


def _before(seen: Head, live: Live) -> Live | None:
    """Return what a rollback goes to; a release that is live already comes after no other."""
    return seen.previous if seen.live.manifest == live.manifest else seen.live


def move_overlays(
    target: Target,
    project: Project,
    lock: Lock,
    overlays: tuple[Overlay, ...],
    seen: Head,
    clock: Clock = time.time,
) -> Head:
    """Name other overlays; raise PlatformError when the head is no longer `seen`."""
    head = msgspec.structs.replace(
        seen,
        counter=_next_counter(target, project, seen),
        issued_at=int(clock() * 1000),
        overlays=overlays,
    )
    return _write(target, project, lock, head, seen, _record(head, head.live, "overlay"), clock)


def _write(
    target: Target,
    project: Project,
    lock: Lock,
    head: Head,
    seen: Head | None,
    record: Record,
    clock: Clock,
) -> Head:
    value = sign(head, load_signing_key(project.keys, "head"))
    if len(value) > MAX_VALUE_BYTES:
        raise WorkError(f"the head would take {len(value):,} bytes, {MAX_VALUE_BYTES:,} fit.")
    if read_head(target, project, clock) != seen:
        raise PlatformError(
            f"{target!r}: somebody else moved the head meanwhile; nothing was made live. "
            "Look with 'frontshelf releases', then run the command again."
        )
    # Reserved before it is used: a counter that may have been seen is never given out again.
    reserved: Action = "start" if record.action in GOES_LIVE else "reserve"
    append(project, target.name, msgspec.structs.replace(record, action=reserved))
    lock.confirm()
    bucket = open_bucket(project)
    if bucket:
        # Before the target's own: what this head says of the erased must outlive the target.
        bucket.put(archived_head_key(project, target.name), value)
    target.put(KEY, value)
    append(project, target.name, record)
    return head


def _next_counter(target: Target, project: Project, seen: Head | None) -> int:
    known = highest_counter(project, target.name)
    least = least_counter(project) - 1
    return max(known, least, seen.counter if seen else 0) + 1


def _record(head: Head, about: Live, action: Action) -> Record:
    return Record(
        release=about.release,
        manifest=about.manifest,
        digest=about.digest.hex(),
        counter=head.counter,
        at=head.issued_at,
        action=action,
        catalogue_at=about.catalogue_at,
    )
