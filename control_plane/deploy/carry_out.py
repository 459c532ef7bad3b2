"""The work of a deployment: what is lacking is written and read back; then the head moves."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import msgspec

from control_plane.deploy.archive.archived import archive_release, lost_overlays
from control_plane.deploy.head import Canary, Clock, Head, Overlay, StockOverlay
from control_plane.deploy.lock import Lock
from control_plane.deploy.moves import move_canary, move_head
from control_plane.deploy.overlays.stock import change_stock, load_catalogue_stock
from control_plane.deploy.overlays.values import find, named_keys, write_values
from control_plane.deploy.plan import SAMPLE, Plan
from control_plane.deploy.release import Release, Source
from control_plane.deploy.sweep import forget_replaced
from control_plane.deploy.target import Pair, Target
from control_plane.errors import PlatformError
from control_plane.settings import Project

#: Told the stage ("checking", "writing", "verifying", "archiving"), how many are done, of how many.
Progress = Callable[[str, int, int], None]


class Work(msgspec.Struct, frozen=True):
    """What every step of a deployment needs."""

    target: Target
    project: Project
    source: Source
    lock: Lock
    tell: Progress
    clock: Clock


def carry_out(work: Work, plan: Plan, head: Head | None, canary: float | None) -> Head | None:
    """Do what a plan says; return the head that the target has then."""
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


def _bring_up(work: Work, head: Head) -> tuple[Overlay, ...]:
    """Hold the stock overlay against the catalogue, which may say newer things by now."""
    if not find(head.overlays, StockOverlay):
        return head.overlays
    catalogue = load_catalogue_stock(work.project)
    change = change_stock(work.target, work.project, head, {}, catalogue, clock=work.clock)
    write_values(work.target, change.values)
    return change.overlays


def _write(work: Work, keys: Iterable[str], manifest: bool) -> None:
    work.target.put_many(_pairs(work, list(keys)))
    if manifest:
        key = work.source.release.manifest
        work.target.put(key, work.source.read(key))


def _pairs(work: Work, keys: list[str]) -> Iterator[Pair]:
    for number, key in enumerate(keys, start=1):
        yield key, work.source.read(key)
        work.tell("writing", number, len(keys))


def _wrong_keys(work: Work) -> list[str]:
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
