"""Looks a project and a target over, and says what is wrong and what to do about it.

It changes nothing, and one thing that is broken hides no other: every check stands by itself.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from control_plane.deploy.gc import collect_garbage
from control_plane.deploy.head import Clock, Head, read_head
from control_plane.deploy.kept import visitors_until
from control_plane.deploy.lock import deployer
from control_plane.deploy.named import names_of
from control_plane.deploy.overlay import named_keys, overlay_counts
from control_plane.deploy.plan import SAMPLE
from control_plane.deploy.record import OF_OVERLAYS, highest_counter, records
from control_plane.deploy.release import load_release
from control_plane.deploy.target import Target
from control_plane.errors import FrontshelfError, StaleError
from control_plane.keyring import (
    least_counter,
    load_signing_key,
    load_text,
    load_visitor_secrets,
    trusted_keys,
)
from control_plane.settings import Project
from control_plane.tables import digest, value_key

#: A deployment writes records, a build a second copy of the tables: less room than this is little.
LEAST_FREE_BYTES = 500_000_000

Level = Literal["ok", "warning", "problem"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found; unless all is well, `remedy` or the end of `says` tells what to do."""

    check: str
    level: Level
    says: str
    remedy: str = ""


def of_error(check: str, error: FrontshelfError, level: Level = "problem") -> Finding:
    """Return an error that a check met as what it found."""
    says, _, remedy = str(error).partition("\n")
    return Finding(check=check, level=level, says=says, remedy=" ".join(remedy.split()))


def examine_project(project: Project) -> Iterator[Finding]:
    """Yield what there is to say of the project on this machine."""
    yield from _checked("keys", lambda: _keys(project))
    yield from _checked("build", lambda: _build(project))
    yield from _checked("lock", lambda: _lock(project))
    yield from _checked("disk", lambda: _disk(project))


def examine_target(
    target: Target, project: Project, *, every: bool = False, clock: Clock = time.time
) -> Iterator[Finding]:
    """Yield what there is to say of a target; `every` reads all values, else a sample."""
    heads: list[Head | None] = []

    def head() -> Iterator[Finding]:
        heads.append(read_head(target, project, clock))
        yield from _head(heads[0], project, target)

    yield from _checked("head", head)
    if not heads or heads[0] is None:
        return
    live = heads[0]
    yield from _checked("records", lambda: _records(live, project, target))
    yield from _checked("live release", lambda: _release(live, target, project, every, clock))
    yield from _checked("overlays", lambda: _overlays(live, target))
    yield from _checked("clean-up", lambda: _clean_up(target, project, clock))


def _checked(check: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what a check finds; an error that it meets is what it found."""
    try:
        yield from look()
    except StaleError as error:
        yield of_error(check, error, "warning")
    except FrontshelfError as error:
        yield of_error(check, error)


def _keys(project: Project) -> Iterator[Finding]:
    for name in ("release", "head"):
        load_signing_key(project.keys, name)
    for name in ("cookie.secret", "api.token"):
        load_text(project.keys, name)
    current = load_visitor_secrets(project.keys).current
    files = [project.keys, *sorted(project.keys.iterdir())]
    seen = [file.name for file in files if file.stat().st_mode & 0o077]
    if seen:
        yield _finding(
            "keys",
            "problem",
            f"other users of this machine can read {', '.join(seen)}",
            f"chmod -R go= {project.keys}",
        )
    else:
        yield _finding("keys", "ok", f"all there and private; visitor keys are of {current}")
    for name in ("release", "head"):
        if len(trusted_keys(project.keys, name)) > 1:
            yield _finding(
                "keys",
                "warning",
                f"the edge believes more than one {name} key",
                "End the rotation: 'frontshelf keys list' says how far it is.",
            )


def _build(project: Project) -> Iterator[Finding]:
    folder = project.build / "current"
    if not (folder / "release.json").exists():
        yield _finding("build", "warning", "nothing is compiled", "Run 'frontshelf compile'.")
        return
    release = load_release(folder.resolve(), project)
    yield _finding(
        "build", "ok", f"release {release.release} is compiled, {len(release.sizes)} values"
    )


def _lock(project: Project) -> Iterator[Finding]:
    busy = deployer(project)
    if busy:
        yield _finding("lock", "warning", f"{busy} is deploying", "Wait for it to end.")
    else:
        yield _finding("lock", "ok", "nobody is deploying from this machine")


def _disk(project: Project) -> Iterator[Finding]:
    free = shutil.disk_usage(project.root).free
    level: Level = "ok" if free >= LEAST_FREE_BYTES else "warning"
    remedy = "" if level == "ok" else "Make room: a compile and its records need some."
    yield _finding("disk", level, f"{free / 1e9:,.1f} GB free", remedy)


def _head(head: Head | None, project: Project, target: Target) -> Iterator[Finding]:
    if head is None:
        yield _finding(
            "head",
            "warning",
            "nothing is deployed: pages show the shop's own content",
            f"Run 'frontshelf deploy --target {target.name}'.",
        )
        return
    least = least_counter(project)
    if head.counter < least:
        yield _finding(
            "head",
            "problem",
            f"its counter {head.counter} is below {least}, the least: the edge refuses it",
            f"Run 'frontshelf deploy --target {target.name}', which goes on from there.",
        )
    else:
        yield _finding(
            "head", "ok", f"genuine, counter {head.counter}, release {head.live.release} is live"
        )


def _records(head: Head, project: Project, target: Target) -> Iterator[Finding]:
    known = [one for one in records(project, target.name) if one.action not in OF_OVERLAYS]
    shown = [one.manifest for one in (head.live, head.canary) if one]
    if head.counter > highest_counter(project, target.name):
        yield _finding(
            "records",
            "warning",
            f"the head (counter {head.counter}) was written from another machine",
            "Deploy from one machine or CI job: releases and counters are recorded there.",
        )
    elif known and known[-1].action in ("write", "start") and known[-1].manifest not in shown:
        yield _finding(
            "records",
            "warning",
            f"a deployment of release {known[-1].release} began and did not end",
            f"Run 'frontshelf deploy --target {target.name}': it finishes, or cleans up.",
        )
    else:
        yield _finding("records", "ok", f"{len(known)} actions, none of them unfinished")


def _release(
    head: Head, target: Target, project: Project, every: bool, clock: Clock
) -> Iterator[Finding]:
    again = f"Run 'frontshelf deploy --target {target.name}', or roll back."
    manifest = target.get(head.live.manifest)
    if manifest is None or digest(manifest) != head.live.digest:
        yield _finding("live release", "problem", "its manifest is missing or changed", again)
        return
    names = names_of(target, project, head.live.manifest)
    listed = set(target.keys())
    keys = {key.partition("-")[2]: key for key in listed}
    wanted = names.values | names.visitors
    missing = sorted(wanted - keys.keys())
    there = sorted(wanted & keys.keys())
    read = there if every else random.Random(0).sample(there, min(SAMPLE, len(there)))
    changed = [keys[name] for name in read if not _genuine(target, keys[name])]
    if missing or changed:
        yield _finding(
            "live release",
            "problem",
            f"{len(missing)} of {len(wanted)} values are missing, "
            f"{len(changed)} of {len(read)} that were read are changed",
            again,
        )
    else:
        yield _finding(
            "live release", "ok", f"{len(wanted)} values there, {len(read)} read and genuine"
        )
    if head.previous:
        until = visitors_until(head.previous.manifest, head, records(project, target.name))
        rows = "with" if clock() * 1000 < until else "without"
        yield _finding(
            "rollback", "ok", f"would go to release {head.previous.release}, {rows} visitors' rows"
        )


def _overlays(head: Head, target: Target) -> Iterator[Finding]:
    missing = sorted(key for key in named_keys(head.overlays) if not _genuine(target, key))
    if missing:
        yield _finding(
            "overlays",
            "problem",
            f"{', '.join(missing)} missing or changed: the edge leaves out whom or what they name",
            "s-…: run 'frontshelf overlay stock FILE --replace'. e-…: put them back from a backup; "
            "until then nobody's row is used.",
        )
        return
    counts = {name: count for name, count in overlay_counts(head.overlays).items() if count}
    said = ", ".join(f"{name} {count}" for name, count in counts.items())
    yield _finding("overlays", "ok", said or "none")


def _clean_up(target: Target, project: Project, clock: Clock) -> Iterator[Finding]:
    due = collect_garbage(target, project, dry_run=True, clock=clock).removed
    if due.get("visitors"):
        yield _finding(
            "clean-up",
            "warning",
            f"{due['visitors']} values of visitors should be gone by now",
            f"Run 'frontshelf gc --target {target.name}', daily.",
        )
    else:
        yield _finding("clean-up", "ok", f"{sum(due.values())} values could go")


def _genuine(target: Target, key: str) -> bool:
    value = target.get(key)
    return value is not None and value_key(key[0], value) == key


def _finding(check: str, level: Level, says: str, remedy: str = "") -> Finding:
    return Finding(check=check, level=level, says=says, remedy=remedy)
