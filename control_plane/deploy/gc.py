"""Removes from a target what no kept release names, and visitor values whose time is over.

Manifests go before the values that they name, so that what can be rolled back to is whole however
the work ends; and what is noted as removable before the first is removed, goes in the next run.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext

import msgspec

from control_plane.deploy.archive.bucket import open_bucket
from control_plane.deploy.archive.clean import ArchiveReport, clean_archive
from control_plane.deploy.head import Clock, Head, read_head
from control_plane.deploy.kept import Kept, kept_releases, visitors_until
from control_plane.deploy.lock import Lock, deployment_lock
from control_plane.deploy.named import Names, names_of
from control_plane.deploy.overlays.values import named_keys
from control_plane.deploy.record import Record, records
from control_plane.deploy.sweep import read_unnamed, write_unnamed
from control_plane.deploy.target import Target
from control_plane.errors import InputError, PlatformError, TableError
from control_plane.settings import Project

log = logging.getLogger(__name__)

#: Letters of keys, and the kinds of values under them. Other keys are not ours to remove.
KINDS = {
    "m": "manifest",
    "i": "items",
    "c": "cards",
    "k": "market",
    "r": "related",
    "u": "visitors",
    "p": "popular",
    "l": "locator",
    "w": "weights",
    "x": "index",
    "s": "stock",
    "e": "erased",
}
OURS = re.compile(rf"[{''.join(KINDS)}]-[0-9a-f]{{32}}")


class GcReport(msgspec.Struct, frozen=True, kw_only=True):
    """What stays and why, and what goes, or would in a dry run: values by kind.

    `archive` says the same of the archive, None without one.
    `waiting` may go from `next_at` on (epoch ms); None when nothing waits. The targets' listings
    tell no sizes, so bytes are not known.
    """

    target: str
    dry_run: bool
    kept: tuple[Kept, ...]
    removed: dict[str, int]
    waiting: dict[str, int]
    next_at: int | None
    archive: ArchiveReport | None
    seconds: float


class _Plan(msgspec.Struct, frozen=True):
    """`unnamed` is since when (epoch seconds), by key; `due` are those of them that go now."""

    head: Head
    kept: list[Kept]
    unnamed: dict[str, float]
    due: set[str]


class _Found(msgspec.Struct, frozen=True):
    """What a run goes by: the target with its head, the records, and the time (epoch ms)."""

    target: Target
    project: Project
    head: Head
    known: list[Record]
    now: int


class _Digests(msgspec.Struct, frozen=True):
    """Digests of values that stay, and of those whose origin and end are known: they go at once."""

    stay: set[str]
    over: set[str]


def collect_garbage(
    target: Target,
    project: Project,
    *,
    keep: int | None = None,
    dry_run: bool = False,
    clock: Clock = time.time,
) -> GcReport:
    """Remove what is no longer needed; `keep` goes over `deploy.keep_releases`.

    Raises InputError where nothing was deployed, TableError when a kept release cannot be read:
    nothing is removed then.
    """
    started = time.monotonic()
    grace = project.settings.deploy.grace_hours * 3600
    bucket = open_bucket(project)
    with nullcontext(Lock()) if dry_run else deployment_lock(project, target.name) as lock:
        plan = _plan(target, project, keep or project.settings.deploy.keep_releases, grace, clock)
        lock.confirm()
        if not dry_run:
            _carry_out(plan, target, project, grace, clock)
        archive = clean_archive(bucket, project, dry_run=dry_run) if bucket else None
    waiting = {key: at for key, at in plan.unnamed.items() if key not in plan.due}
    # Values that are old enough wait for the manifest that names them.
    ends = [at + grace for at in waiting.values() if at + grace > clock()]
    return GcReport(
        target=target.name,
        dry_run=dry_run,
        kept=tuple(plan.kept),
        removed=_by_kind(plan.due),
        waiting=_by_kind(waiting),
        next_at=int(min(ends) * 1000) if ends else None,
        archive=archive,
        seconds=round(time.monotonic() - started, 3),
    )


def _plan(target: Target, project: Project, keep: int, grace: float, clock: Clock) -> _Plan:
    head = read_head(target, project, clock)
    if head is None:
        raise InputError(
            f"{target!r} has no head; nothing was removed",
            remedy="Nothing was deployed there yet; run 'frontshelf deploy'.",
        )
    now = clock()
    found = _Found(target, project, head, records(project, target.name), int(now * 1000))
    there = [key for key in target.keys("") if OURS.fullmatch(key)]
    kept = kept_releases(
        head, found.known, there, keep=keep, grace_ms=int(grace * 1000), now=found.now
    )
    held = _of_kept(found, kept)
    named = named_keys(head.overlays) | {one.manifest for one in kept}
    unnamed = [key for key in there if key not in named and key[2:] not in held.stay]
    before = read_unnamed(project, target.name)
    since = {key: before.get(key, now) for key in unnamed}
    old = {key for key, at in since.items() if now - at >= grace}
    return _Plan(head, kept, since, _due(found, unnamed, old, held.over))


def _of_kept(found: _Found, kept: Iterable[Kept]) -> _Digests:
    held = _Digests(set(), set())
    for one in kept:
        try:
            names = names_of(found.target, found.project, one.manifest)
        except TableError as error:
            raise TableError(
                f"the kept release {one.release} ({one.why}) cannot be read, so nothing was "
                f"removed: {error}\n  Deploy that release again, or another one in its place."
            ) from error
        held.stay.update(names.values)
        ended = one.visitors_until is not None and one.visitors_until <= found.now
        (held.over if ended else held.stay).update(names.visitors)
    return held


def _due(found: _Found, unnamed: list[str], old: set[str], over: set[str]) -> set[str]:
    """Return the keys that go now: old ones, and those of releases that are known to be over."""
    recorded = {record.manifest for record in found.known}
    manifests = [key for key in unnamed if key[0] == "m"]
    leaving = {key for key in manifests if key in old or key in recorded}
    dropped = _of_dropped(found, manifests, leaving, recorded)
    gone = over | dropped.over
    due = {key for key in unnamed if key in old or key[2:] in gone}
    return {key for key in due | leaving if key[2:] not in dropped.stay}


def _of_dropped(
    found: _Found, manifests: list[str], leaving: set[str], recorded: set[str]
) -> _Digests:
    """Return digests of values that stay with an unrecorded manifest, and those that go now."""
    dropped = _Digests(set(), set())
    for manifest in manifests:
        names = _names_if_genuine(found.target, found.project, manifest)
        if manifest not in leaving:
            dropped.stay.update(names.values | names.visitors)
        elif manifest in recorded:
            dropped.over.update(names.values)
            if visitors_until(manifest, found.head, found.known) <= found.now:
                dropped.over.update(names.visitors)
    return dropped


def _names_if_genuine(target: Target, project: Project, manifest: str) -> Names:
    try:
        return names_of(target, project, manifest)
    except TableError as error:
        # No edge would show it, and no rollback go back to it: it protects nothing.
        log.warning("a manifest of no kept release is not read: %s", error)
        return Names(frozenset(), frozenset())


def _carry_out(plan: _Plan, target: Target, project: Project, grace: float, clock: Clock) -> None:
    # Cut short, the next run finds manifests gone that told where values came from.
    over = dict.fromkeys(plan.due, clock() - grace)
    write_unnamed(project, target.name, plan.unnamed | over)
    if read_head(target, project, clock) != plan.head:
        raise PlatformError(
            f"{target!r}: somebody else moved the head meanwhile; nothing was removed. "
            "Run the command again."
        )
    manifests = sorted(key for key in plan.due if key[0] == "m")
    if manifests:
        target.delete_many(manifests)
    values = sorted(plan.due - set(manifests))
    if values:
        target.delete_many(values)
    left = {key: at for key, at in plan.unnamed.items() if key not in plan.due}
    write_unnamed(project, target.name, left)


def _by_kind(keys: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(KINDS[key[0]] for key in keys).items()))
