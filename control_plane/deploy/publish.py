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
from control_plane.deploy.lock import deployment_lock
from control_plane.deploy.overlay import find, named_keys, write_values
from control_plane.deploy.phases import refuse_moves
from control_plane.deploy.plan import SAMPLE, Plan, make_plan
from control_plane.deploy.record import Record, append
from control_plane.deploy.release import Release, load_release, read_value
from control_plane.deploy.stock import change_stock, load_catalogue_stock
from control_plane.deploy.sweep import forget_replaced, spare
from control_plane.deploy.target import Pair, Target
from control_plane.deploy.trust import is_current
from control_plane.errors import InputError, PlatformError
from control_plane.settings import Project

#: Told the stage ("checking", "writing", "verifying"), how many are done, and of how many.
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


def publish(
    target: Target,
    build_folder: Path,
    project: Project,
    *,
    dry_run: bool = False,
    draft: bool = False,
    canary: float | None = None,
    progress: Progress | None = None,
    clock: Clock = time.time,
) -> PublishReport:
    """Make the release in `build_folder` live; write only what the target lacks.

    A draft's values and manifest are written and the head stays, so that previews alone see it.
    A `canary` is live for that share of the devices (over 0, below 1), else what is live stays.

    Raises InputError or TableError when the build or the target's head is not this project's,
    LockedError when another deployment runs, PlatformError when the target does not play along.
    """
    tell = progress or (lambda stage, done, total: None)
    started = time.monotonic()
    ended = None
    folder = build_folder.resolve()  # `current` may be pointed elsewhere meanwhile
    with nullcontext() if dry_run else deployment_lock(project):
        release = load_release(folder, project, lambda done, of: tell("checking", done, of))
        head = read_head(target, project, clock)
        if head and not draft:
            refuse_moves(target, project, head.live, folder, release)
        if canary is not None:
            _refuse_canary(target, release, head)
        current = is_current(head, target, project)
        plan = make_plan(target, release, head, current=current, canary=canary)
        if draft:
            plan = msgspec.structs.replace(plan, move_head=False)
        if not dry_run:
            _announce(target, project, release, plan, clock, draft=draft)
            before = head
            head = _carry_out(plan, target, release, folder, project, head, tell, clock, canary)
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


def _carry_out(
    plan: Plan,
    target: Target,
    release: Release,
    folder: Path,
    project: Project,
    head: Head | None,
    tell: Progress,
    clock: Clock,
    canary: float | None,
) -> Head | None:
    if plan.nothing_to_do:
        return head
    _write(target, release, folder, plan.write, plan.write_manifest, tell)
    if _wrong_keys(target, release, folder, tell):
        # The store's list named what it does not hold: trust nothing of it, write everything.
        _write(target, release, folder, release.sizes, True, tell)
        _refuse_wrong_keys(target, _wrong_keys(target, release, folder, tell))
    if not plan.move_head:
        return head
    if canary is not None and head:
        named = release.live
        wanted = Canary(
            named.manifest,
            named.digest,
            named.release,
            named.since,
            named.catalogue_at,
            share=canary,
        )
        return move_canary(target, project, wanted, head, clock)
    overlays = _bring_up(target, project, head, clock) if head else ()
    moved = move_head(target, project, release.live, head, "deploy", clock, overlays)
    if head and head.overlays != overlays:
        before, now = named_keys(head.overlays), named_keys(overlays)
        forget_replaced(target, project, before, now, clock)
    return moved


def _bring_up(target: Target, project: Project, head: Head, clock: Clock) -> tuple[Overlay, ...]:
    """Hold the stock overlay against the catalogue, which may say newer things by now."""
    if not find(head.overlays, StockOverlay):
        return head.overlays
    catalogue = load_catalogue_stock(project)
    change = change_stock(target, project, head, {}, catalogue, clock=clock)
    write_values(target, change.values)
    return change.overlays


def _write(
    target: Target,
    release: Release,
    folder: Path,
    keys: Iterable[str],
    manifest: bool,
    tell: Progress,
) -> None:
    keys = list(keys)
    target.put_many(_pairs(folder, keys, tell))
    if manifest:
        target.put(release.manifest, read_value(folder, release.manifest))


def _pairs(folder: Path, keys: list[str], tell: Progress) -> Iterator[Pair]:
    for number, key in enumerate(keys, start=1):
        yield key, read_value(folder, key)
        tell("writing", number, len(keys))


def _wrong_keys(target: Target, release: Release, folder: Path, tell: Progress) -> list[str]:
    """Read back the manifest and a sample of values, which a release's name fixes."""
    keys = sorted(release.sizes)
    sample = random.Random(release.release).sample(keys, min(SAMPLE, len(keys)))
    wrong = []
    for number, key in enumerate([release.manifest, *sample], start=1):
        if target.get(key) != read_value(folder, key):
            wrong.append(key)
        tell("verifying", number, len(sample) + 1)
    return wrong


def _refuse_wrong_keys(target: Target, wrong: list[str]) -> None:
    if wrong:
        raise PlatformError(
            f"{target!r}: {wrong[0]} does not read back as it was written "
            f"({len(wrong)} such). The head was not moved.\n"
            "  The store may be slow to show writes: wait a minute and run the command again."
        )
