"""Puts a release into a target: values, then the manifest, then the head.

Cut short at any point, the head still names a release that is wholly there; the next run writes
what is missing and finishes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

import msgspec

from control_plane.deploy.archive.archived import archive_release, lost_overlays
from control_plane.deploy.head import (
    Canary,
    Clock,
    Head,
    Overlay,
    StockOverlay,
    move_canary,
    move_head,
    read_head,
)
from control_plane.deploy.lock import Lock, deployment_lock
from control_plane.deploy.overlays.stock import change_stock, load_catalogue_stock
from control_plane.deploy.overlays.values import find, named_keys, write_values
from control_plane.deploy.phases import refuse_moves
from control_plane.deploy.plan import SAMPLE, Plan, make_plan
from control_plane.deploy.record import Record, append
from control_plane.deploy.release import Built, Release, Source
from control_plane.deploy.sweep import forget_replaced, spare
from control_plane.deploy.target import Pair, Target
from control_plane.deploy.trust import is_current
from control_plane.errors import InputError, PlatformError
from control_plane.settings import Project

#: Told the stage ("checking", "writing", "verifying", "archiving"), how many are done, of how many.
Progress = Callable[[str, int, int], None]


class PublishReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment did; of a dry run, what it would do stands in `plan` alone.

    `canary` is the share of the devices that see the release, None for everyone; `ended` a canary
    that went before it was live for all.
    """

    plan: Plan
    release: str
    target: str
    dry_run: bool
    written: int
    skipped: int
    bytes: int
    counter: int | None
    head_moved: bool
    seconds: float
    canary: float | None = None
    ended: str | None = None


class _Work(msgspec.Struct, frozen=True):
    """What every step of a deployment needs."""

    target: Target
    project: Project
    source: Source
    lock: Lock
    tell: Progress
    clock: Clock


def publish(
    target: Target,
    build: Path | Source,
    project: Project,
    *,
    dry_run: bool = False,
    draft: bool = False,
    canary: float | None = None,
    wait_seconds: float = 0.0,
    planned: Callable[[Plan], None] = lambda plan: None,
    progress: Progress | None = None,
    clock: Clock = time.time,
) -> PublishReport:
    """Make the release in a build folder, or of another source, live; write only what is lacking.

    A draft's values and manifest are written and the head stays, so that previews alone see it.
    `planned` is told what is about to be done, and may raise to stop it before anything is written.
    A `canary` is live for that share of the devices (over 0, below 1), else what is live stays.

    Raises InputError or TableError when the build or the target's head is not this project's,
    LockedError when another deployment runs, PlatformError when the target does not play along.
    """
    started = time.monotonic()
    ended = None
    held = deployment_lock(project, target.name, wait_seconds=wait_seconds)
    with nullcontext(Lock()) if dry_run else held as lock:
        tell = _keeping(lock, progress)
        source = (
            Built(build, project, lambda done, of: tell("checking", done, of))
            if isinstance(build, Path)
            else build
        )
        release = source.release
        head = read_head(target, project, clock)
        if head and not draft:
            refuse_moves(target, project, head.live, source)
        if canary is not None:
            _refuse_canary(target, release, head)
        current = is_current(head, target, project)
        plan = make_plan(target, release, head, current=current, canary=canary)
        if draft:
            plan = msgspec.structs.replace(plan, move_head=False)
        planned(plan)
        if not dry_run:
            _announce(target, project, release, plan, clock, draft=draft)
            before = head
            work = _Work(target, project, source, lock, tell, clock)
            head = _carry_out(work, plan, head, canary)
            ended = _ended(before, head, release)
    return PublishReport(
        plan=plan,
        release=release.release,
        target=target.name,
        dry_run=dry_run,
        written=0 if dry_run else len(plan.write) + plan.write_manifest,
        skipped=plan.skip,
        bytes=0 if dry_run else plan.bytes,
        counter=head.counter if head else None,
        head_moved=plan.move_head and not dry_run,
        seconds=round(time.monotonic() - started, 3),
        canary=canary,
        ended=ended,
    )


def _refuse_canary(target: Target, release: Release, head: Head | None) -> None:
    if head is None:
        raise InputError(
            f"nothing is live at {target.name} beside which a canary could be",
            field="--canary",
            remedy="Leave it out: the first release is for everyone.",
        )
    if head.live.manifest == release.manifest:
        raise InputError(
            f"release {release.release} is live for everyone at {target.name}",
            field="--canary",
            remedy="Change something and run 'frontshelf compile'; 'frontshelf rollback' ends a "
            "canary.",
        )


def _ended(before: Head | None, head: Head | None, release: Release) -> str | None:
    """Return the canary that a deployment ended before it was live for everyone."""
    gone = before.canary if before else None
    now = head.canary.manifest if head and head.canary else None
    return gone.release if gone and gone.manifest not in (now, release.manifest) else None


def _announce(
    target: Target, project: Project, release: Release, plan: Plan, clock: Clock, *, draft: bool
) -> None:
    """Record what is about to be written, so that `gc` leaves it alone from now on."""
    if plan.nothing_to_do and (not draft or plan.live == release.release):
        return
    spare(project, target.name, {*release.sizes, release.manifest})
    record = Record(
        release=release.release,
        manifest=release.manifest,
        digest=release.digest,
        counter=0,
        at=int(clock() * 1000),
        action="draft" if draft else "write",
        catalogue_at=release.catalogue_at,
    )
    append(project, target.name, record)


def _carry_out(work: _Work, plan: Plan, head: Head | None, canary: float | None) -> Head | None:
    if plan.nothing_to_do:
        return head
    target, project, release = work.target, work.project, work.source.release
    _write(work, plan.write, plan.write_manifest)
    if _wrong_keys(work):
        # The store's list named what it does not hold: trust nothing of it, write everything.
        _write(work, release.sizes, True)
        _refuse_wrong_keys(target, _wrong_keys(work))
    if not plan.move_head:
        return head
    archive_release(project, target, work.source, head, work.tell)
    if canary is not None and head:
        return move_canary(target, project, work.lock, _canary(release, canary), head, work.clock)
    overlays = _bring_up(work, head) if head else lost_overlays(target, project)
    moved = move_head(
        target, project, work.lock, release.live, head, "deploy", work.clock, overlays
    )
    if head and head.overlays != overlays:
        before, now = named_keys(head.overlays), named_keys(overlays)
        forget_replaced(target, project, before, now, work.clock)
    return moved


def _canary(release: Release, share: float) -> Canary:
    return Canary(**msgspec.structs.asdict(release.live), share=share)


def _bring_up(work: _Work, head: Head) -> tuple[Overlay, ...]:
    """Hold the stock overlay against the catalogue, which may say newer things by now."""
    if not find(head.overlays, StockOverlay):
        return head.overlays
    catalogue = load_catalogue_stock(work.project)
    change = change_stock(work.target, work.project, head, {}, catalogue, clock=work.clock)
    write_values(work.target, change.values)
    return change.overlays


def _write(work: _Work, keys: Iterable[str], manifest: bool) -> None:
    work.target.put_many(_pairs(work, list(keys)))
    if manifest:
        key = work.source.release.manifest
        work.target.put(key, work.source.read(key))


def _pairs(work: _Work, keys: list[str]) -> Iterator[Pair]:
    for number, key in enumerate(keys, start=1):
        yield key, work.source.read(key)
        work.tell("writing", number, len(keys))


def _wrong_keys(work: _Work) -> list[str]:
    """Read back the manifest and a sample of values, which a release's name fixes."""
    release = work.source.release
    keys = sorted(release.sizes)
    sample = random.Random(release.release).sample(keys, min(SAMPLE, len(keys)))
    wrong = []
    for number, key in enumerate([release.manifest, *sample], start=1):
        if work.target.get(key) != work.source.read(key):
            wrong.append(key)
        work.tell("verifying", number, len(sample) + 1)
    return wrong


def _refuse_wrong_keys(target: Target, wrong: list[str]) -> None:
    if wrong:
        raise PlatformError(
            f"{target!r}: {wrong[0]} does not read back as it was written "
            f"({len(wrong)} such). The head was not moved.\n"
            "  The store may be slow to show writes: wait a minute and run the command again."
        )


def _keeping(lock: Lock, progress: Progress | None) -> Progress:
    """Tell how far the work is, and renew the lock while it goes on."""

    def tell(stage: str, done: int, total: int) -> None:
        lock.keep()
        if progress:
            progress(stage, done, total)

    return tell
