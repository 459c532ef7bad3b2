"""Which releases a target holds, and going back to one of them."""

from __future__ import annotations

import time
from typing import Literal

import msgspec

from control_plane.deploy.archive.archived import archived_releases, is_archived
from control_plane.deploy.archive.bucket import open_bucket
from control_plane.deploy.head import Clock, Head, Live, read_head
from control_plane.deploy.lock import deployment_lock
from control_plane.deploy.moves import move_canary, move_head
from control_plane.deploy.record import OF_CANARIES, OF_OVERLAYS, WRITES, records
from control_plane.deploy.target import Target
from control_plane.envelope import MANIFEST, unseal
from control_plane.errors import InputError, PlatformError, TableError, suggest
from control_plane.keyring import trusted_keys
from control_plane.settings import Project
from control_plane.tables import digest

State = Literal["live", "canary", "previous", "archived", ""]


class ReleaseEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A release whose manifest the target holds, or that is archived alone (without digest).

    `at` (epoch ms) and `counter` are of when it last went live, None when only another machine
    knows.
    """

    release: str
    manifest: str
    digest: str
    counter: int | None
    at: int | None
    state: State
    catalogue_at: int = 0


class RollbackReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollback or a promotion did; `moved` is False when the release was live already.

    `ended` is a canary that this ended, None when there was none or it went live.
    """

    release: str
    before: str
    counter: int
    moved: bool
    ended: str | None = None


def releases(target: Target, project: Project, *, clock: Clock = time.time) -> list[ReleaseEntry]:
    """Return the releases that can be made live, the newest to go live first."""
    return _entries(target, project, read_head(target, project, clock))


def only_archived(project: Project, held: list[ReleaseEntry]) -> list[ReleaseEntry]:
    """Return the archived releases that the target does not hold, the newest first."""
    bucket = open_bucket(project)
    there = {entry.release for entry in held}
    return [
        ReleaseEntry(
            release=one.release, manifest="", digest="", counter=None, at=one.at, state="archived"
        )
        for one in (archived_releases(bucket) if bucket else ())
        if one.release not in there
    ]


def rollback(
    target: Target,
    project: Project,
    release: str | None = None,
    *,
    judged: Head | None = None,
    clock: Clock = time.time,
) -> RollbackReport:
    """Make a release live again: the named one, or the one that was live before.

    A canary ends. While there is one and no release is named, that is all. Raises InputError for a
    release that the target does not hold, TableError when its manifest there is not what was
    written, PlatformError when another canary or release is there than in the head that was
    `judged`.
    """
    with deployment_lock(project, target.name) as lock:
        head = _head_of(target, project, clock)
        _refuse_unjudged(target, head, judged)
        ended = head.canary.release if head.canary else None
        entry = _chosen(
            project, _entries(target, project, head), release or (ended and head.live.release)
        )
        moved = entry.manifest != head.live.manifest
        now = head
        if moved:
            live = _verified(target, entry, project)
            now = move_head(target, project, lock, live, head, "rollback", clock)
        elif head.canary:
            now = move_canary(target, project, lock, None, head, clock)
    return RollbackReport(
        release=entry.release,
        before=head.live.release,
        counter=now.counter,
        moved=moved,
        ended=ended if ended != entry.release else None,
    )


def promote(
    target: Target, project: Project, *, judged: Head | None = None, clock: Clock = time.time
) -> RollbackReport:
    """Make the canary live for everyone.

    Raises InputError where there is none, TableError when its manifest is not what was written,
    PlatformError when another is there than in the head that was `judged`.
    """
    with deployment_lock(project, target.name) as lock:
        head = _head_of(target, project, clock)
        _refuse_unjudged(target, head, judged)
        if head.canary is None:
            raise InputError(
                f"{target!r} has no canary",
                remedy="'frontshelf deploy --canary 5%' begins one.",
            )
        entry = _entry(head.canary.live, None, None, head)
        live = _verified(target, entry, project)
        now = move_head(target, project, lock, live, head, "promote", clock)
    return RollbackReport(
        release=live.release, before=head.live.release, counter=now.counter, moved=True
    )


def _refuse_unjudged(target: Target, head: Head, judged: Head | None) -> None:
    """Refuse to act on what somebody changed since it was judged; overlays may have moved."""
    if judged and (head.live, _began(head)) != (judged.live, _began(judged)):
        raise PlatformError(
            f"{target!r}: another canary or release is there than the one that was judged; nothing "
            "was changed. Look with 'frontshelf status', then run the command again."
        )


def _began(head: Head) -> tuple[str, int] | None:
    return (head.canary.manifest, head.canary.since) if head.canary else None


def _head_of(target: Target, project: Project, clock: Clock) -> Head:
    head = read_head(target, project, clock)
    if head is None:
        raise InputError(
            f"{target!r} has no head",
            remedy="Nothing was deployed there yet; run 'frontshelf deploy'.",
        )
    return head


def _entries(target: Target, project: Project, head: Head | None) -> list[ReleaseEntry]:
    entries: dict[str, ReleaseEntry] = {}
    if head and head.previous:
        entries[head.previous.manifest] = _entry(head.previous, None, None, head)
    if head and head.canary:
        entries[head.canary.manifest] = _entry(head.canary.live, None, head.canary.since, head)
    if head:
        entries[head.live.manifest] = _entry(head.live, head.counter, head.issued_at, head)
    # A start counts too: a deployment killed after it moved the head left no other trace.
    for record in records(project, target.name):
        if record.action in (*OF_OVERLAYS, *OF_CANARIES, *WRITES):
            continue
        live = Live(
            record.manifest,
            bytes.fromhex(record.digest),
            record.release,
            catalogue_at=record.catalogue_at,
        )
        entries[live.manifest] = _entry(live, record.counter, record.at, head)
    there = set(target.keys("m-"))
    kept = (entry for entry in entries.values() if entry.manifest in there)
    return sorted(kept, key=lambda entry: (entry.state == "live", entry.counter or 0), reverse=True)


def _entry(live: Live, counter: int | None, at: int | None, head: Head | None) -> ReleaseEntry:
    return ReleaseEntry(
        release=live.release,
        manifest=live.manifest,
        digest=live.digest.hex(),
        counter=counter,
        at=at,
        state=_state(live, head),
        catalogue_at=live.catalogue_at,
    )


def _state(live: Live, head: Head | None) -> State:
    if head and live.manifest == head.live.manifest:
        return "live"
    if head and head.canary and live.manifest == head.canary.manifest:
        return "canary"
    if head and head.previous and live.manifest == head.previous.manifest:
        return "previous"
    return ""


def _chosen(project: Project, entries: list[ReleaseEntry], release: str | None) -> ReleaseEntry:
    if release is not None:
        named = {entry.release: entry for entry in entries}
        if release not in named:
            remedy = suggest(release, list(named))
            if is_archived(project, release):
                remedy = f"The archive holds it: 'frontshelf deploy --release {release}'."
            raise InputError(f"no release {release!r} in this target", remedy=remedy)
        return named[release]
    before = [entry for entry in entries if entry.state == "previous"]
    if not before:
        raise InputError(
            "the target holds no release from before the live one",
            remedy="'frontshelf releases' lists those there are; name one of them.",
        )
    return before[0]


def _verified(target: Target, entry: ReleaseEntry, project: Project) -> Live:
    value = target.get(entry.manifest)
    if value is None or digest(value).hex() != entry.digest:
        raise TableError(
            f"{target!r}: the manifest of release {entry.release} is missing or changed; "
            "the head was not moved. Deploy that release again, or choose another."
        )
    shop = project.settings.shop
    try:
        unseal(MANIFEST, shop.name, shop.environment, value, trusted_keys(project.keys, "release"))
    except TableError as error:
        raise TableError(
            f"{target!r}: the edge would refuse release {entry.release}: {error}\n"
            "  Choose a release that a key of today signed, or compile and deploy."
        ) from error
    return Live(
        entry.manifest,
        bytes.fromhex(entry.digest),
        entry.release,
        catalogue_at=entry.catalogue_at,
    )
