"""Puts a release into a target: values, then the manifest, then the head.

Cut short at any point, the head still names a release that is wholly there; the next run writes
what is missing and finishes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import msgspec

from control_plane.deploy.carry_out import Progress, Work, carry_out
from control_plane.deploy.head import Clock, Head, read_head
from control_plane.deploy.lock import Lock, deployment_lock
from control_plane.deploy.phases import refuse_moves
from control_plane.deploy.plan import Plan, make_plan
from control_plane.deploy.record import Record, append
from control_plane.deploy.release import Built, Release, Source
from control_plane.deploy.sweep import spare
from control_plane.deploy.target import Target
from control_plane.deploy.trust import is_current
from control_plane.errors import InputError
from control_plane.settings import Project


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
            work = Work(target, project, source, lock, tell, clock)
            head = carry_out(work, plan, head, canary)
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


def _keeping(lock: Lock, progress: Progress | None) -> Progress:
    """Tell how far the work is, and renew the lock while it goes on."""

    def tell(stage: str, done: int, total: int) -> None:
        lock.keep()
        if progress:
            progress(stage, done, total)

    return tell
