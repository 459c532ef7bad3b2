"""Looks a target over, and says what is wrong and what to do about it.

It changes nothing, and one thing that is broken hides no other: every check stands by itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial

from control_plane.deploy.archive.archived import is_archived
from control_plane.deploy.archive.bucket import open_bucket
from control_plane.deploy.archive.lease import holder_of
from control_plane.deploy.doctor.findings import Finding, checked, finding
from control_plane.deploy.gc import collect_garbage
from control_plane.deploy.head import Clock, Head, Live, read_head
from control_plane.deploy.kept import visitors_until
from control_plane.deploy.lock import lease_key
from control_plane.deploy.named import names_of
from control_plane.deploy.overlays.values import named_keys, overlay_counts
from control_plane.deploy.plan import SAMPLE
from control_plane.deploy.record import OF_OVERLAYS, highest_counter, records
from control_plane.deploy.target import Target
from control_plane.keyring import least_counter
from control_plane.settings import Project
from control_plane.tables import digest, value_key


def examine_target(
    target: Target, project: Project, *, every: bool = False, clock: Clock = time.time
) -> Iterator[Finding]:
    """Yield what there is to say of a target; `every` reads all values, else a sample."""
    heads: list[Head | None] = []

    def head() -> Iterator[Finding]:
        heads.append(read_head(target, project, clock))
        yield from _head(heads[0], project, target)

    yield from checked("head", head)
    if not heads or heads[0] is None:
        return
    live = heads[0]
    yield from checked("lease", lambda: _leases(project, target))
    yield from checked("archive", lambda: _archived(live, project, target))
    yield from checked("records", lambda: _records(live, project, target))
    yield from checked("live release", lambda: examine_release(live, target, project, every=every))
    yield from checked("rollback", lambda: _rollback(live, target, project, clock))
    yield from checked("overlays", lambda: _overlays(live, target))
    yield from checked("clean-up", lambda: _clean_up(target, project, clock))


def _leases(project: Project, target: Target) -> Iterator[Finding]:
    bucket = open_bucket(project)
    holder = holder_of(bucket, lease_key(project, target.name)) if bucket else None
    if holder:
        yield finding("lease", "warning", f"{holder} is deploying", "Wait for it to end.")


def _archived(head: Head, project: Project, target: Target) -> Iterator[Finding]:
    if is_archived(project, head.live.release) is False:
        yield finding(
            "archive",
            "warning",
            f"release {head.live.release}, which is live, is not in the archive",
            "The next release is; a stateless machine can't bring this one back.",
        )


def _head(head: Head | None, project: Project, target: Target) -> Iterator[Finding]:
    if head is None:
        yield finding(
            "head",
            "warning",
            "nothing is deployed: pages show the shop's own content",
            f"Run 'frontshelf deploy --target {target.name}'.",
        )
        return
    least = least_counter(project)
    if head.counter < least:
        yield finding(
            "head",
            "problem",
            f"its counter {head.counter} is below {least}, the least: the edge refuses it",
            f"Run 'frontshelf deploy --target {target.name}', which goes on from there.",
        )
    else:
        yield finding(
            "head", "ok", f"genuine, counter {head.counter}, release {head.live.release} is live"
        )


def _records(head: Head, project: Project, target: Target) -> Iterator[Finding]:
    known = [one for one in records(project, target.name) if one.action not in OF_OVERLAYS]
    shown = [one.manifest for one in (head.live, head.canary) if one]
    if head.counter > highest_counter(project, target.name):
        yield finding(
            "records",
            "warning",
            f"the head (counter {head.counter}) was written from another machine",
            "Deploy from one machine or CI job: releases and counters are recorded there.",
        )
    elif known and known[-1].action in ("write", "start") and known[-1].manifest not in shown:
        yield finding(
            "records",
            "warning",
            f"a deployment of release {known[-1].release} began and did not end",
            f"Run 'frontshelf deploy --target {target.name}': it finishes, or cleans up.",
        )
    else:
        yield finding("records", "ok", f"{len(known)} actions, none of them unfinished")


def examine_release(
    head: Head, target: Target, project: Project, *, every: bool = False
) -> Iterator[Finding]:
    """Yield whether a target holds all that the live release and the canary are made of."""
    keys = {key.partition("-")[2]: key for key in target.keys("")}
    named: list[tuple[str, Live | None]] = [("live release", head.live), ("canary", head.canary)]
    for check, live in named:
        if live:
            yield from checked(check, partial(_whole, check, live, target, project, keys, every))


def _whole(
    check: str, live: Live, target: Target, project: Project, keys: dict[str, str], every: bool
) -> Iterator[Finding]:
    again = f"Run 'frontshelf deploy --target {target.name}', or roll back."
    manifest = target.get(live.manifest)
    if manifest is None or digest(manifest) != live.digest:
        yield finding(check, "problem", "its manifest is missing or changed", again)
        return
    names = names_of(target, project, live.manifest)
    wanted = names.values | names.visitors
    missing = sorted(names.values - keys.keys())
    there = sorted(wanted & keys.keys())
    read = there if every else random.Random(0).sample(there, min(SAMPLE, len(there)))
    changed = [keys[name] for name in read if not _genuine(target, keys[name])]
    gone = len(names.visitors - keys.keys())
    if missing or changed:
        yield finding(
            check,
            "problem",
            f"{len(missing)} of {len(wanted)} values are missing, "
            f"{len(changed)} of {len(read)} that were read are changed",
            again,
        )
    elif gone:
        yield finding(
            check,
            "warning",
            f"{gone} of {len(names.visitors)} values of visitors' rows are not there: these see "
            "session, segment and popular items",
            "No rollback and no archive brings them back; the next release has new ones.",
        )
    else:
        yield finding(check, "ok", f"{len(wanted)} values there, {len(read)} read and genuine")


def _rollback(head: Head, target: Target, project: Project, clock: Clock) -> Iterator[Finding]:
    if head.previous:
        until = visitors_until(head.previous.manifest, head, records(project, target.name))
        rows = "with" if clock() * 1000 < until else "without"
        yield finding(
            "rollback", "ok", f"would go to release {head.previous.release}, {rows} visitors' rows"
        )


def _overlays(head: Head, target: Target) -> Iterator[Finding]:
    missing = sorted(key for key in named_keys(head.overlays) if not _genuine(target, key))
    if missing:
        yield finding(
            "overlays",
            "problem",
            f"{', '.join(missing)} missing or changed: the edge leaves out whom or what they name",
            "s-…: run 'frontshelf overlay stock FILE --replace'. e-…: put them back from a backup; "
            "until then nobody's row is used.",
        )
        return
    counts = {name: count for name, count in overlay_counts(head.overlays).items() if count}
    said = ", ".join(f"{name} {count}" for name, count in counts.items())
    yield finding("overlays", "ok", said or "none")


def _clean_up(target: Target, project: Project, clock: Clock) -> Iterator[Finding]:
    due = collect_garbage(target, project, dry_run=True, clock=clock).removed
    if due.get("visitors"):
        yield finding(
            "clean-up",
            "warning",
            f"{due['visitors']} values of visitors should be gone by now",
            f"Run 'frontshelf gc --target {target.name}', daily.",
        )
    else:
        yield finding("clean-up", "ok", f"{sum(due.values())} values could go")


def _genuine(target: Target, key: str) -> bool:
    value = target.get(key)
    return value is not None and value_key(key[0], value) == key
