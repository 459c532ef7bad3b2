"""Looks over a project on this machine: keys, build, lock, archive, disk. Changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from control_plane.deploy.archive.archived import archived_releases
from control_plane.deploy.archive.bucket import open_bucket
from control_plane.deploy.doctor.findings import Finding, Level, checked, finding
from control_plane.deploy.lock import deployer
from control_plane.deploy.release import load_release
from control_plane.keyring import load_signing_key, load_text, load_visitor_secrets, trusted_keys
from control_plane.settings import Project

#: A deployment writes records, a build a second copy of the tables: less room than this is little.
LEAST_FREE_BYTES = 500_000_000


def examine_project(project: Project) -> Iterator[Finding]:
    """Yield what there is to say of the project on this machine."""
    yield from checked("keys", lambda: _keys(project))
    yield from checked("build", lambda: _build(project))
    yield from checked("lock", lambda: _lock(project))
    yield from checked("archive", lambda: _archive(project))
    yield from checked("disk", lambda: _disk(project))


def _keys(project: Project) -> Iterator[Finding]:
    for name in ("release", "head"):
        load_signing_key(project.keys, name)
    for name in ("cookie.secret", "api.token"):
        load_text(project.keys, name)
    current = load_visitor_secrets(project.keys).current
    files = [project.keys, *sorted(project.keys.iterdir())]
    seen = [file.name for file in files if file.stat().st_mode & 0o077]
    if seen:
        yield finding(
            "keys",
            "problem",
            f"other users of this machine can read {', '.join(seen)}",
            f"chmod -R go= {project.keys}",
        )
    else:
        yield finding("keys", "ok", f"all there and private; visitor keys are of {current}")
    for name in ("release", "head"):
        if len(trusted_keys(project.keys, name)) > 1:
            yield finding(
                "keys",
                "warning",
                f"the edge believes more than one {name} key",
                "End the rotation: 'frontshelf keys list' says how far it is.",
            )


def _build(project: Project) -> Iterator[Finding]:
    folder = project.build / "current"
    if not (folder / "release.json").exists():
        yield finding("build", "warning", "nothing is compiled", "Run 'frontshelf compile'.")
        return
    release = load_release(folder.resolve(), project)
    yield finding(
        "build", "ok", f"release {release.release} is compiled, {len(release.sizes)} values"
    )


def _lock(project: Project) -> Iterator[Finding]:
    busy = deployer(project)
    if busy:
        yield finding("lock", "warning", f"{busy} is deploying", "Wait for it to end.")
    else:
        yield finding("lock", "ok", "nobody is deploying from this machine")


def _archive(project: Project) -> Iterator[Finding]:
    bucket = open_bucket(project)
    if bucket is None:
        yield finding(
            "archive",
            "ok",
            "none is set: this machine alone can deploy a release again, and locks out no other",
        )
        return
    found = archived_releases(bucket)
    yield finding(
        "archive",
        "ok",
        f"{bucket!r} answers and holds {len(found)} release{'s' * (len(found) != 1)}",
    )


def _disk(project: Project) -> Iterator[Finding]:
    free = shutil.disk_usage(project.root).free
    level: Level = "ok" if free >= LEAST_FREE_BYTES else "warning"
    remedy = "" if level == "ok" else "Make room: a compile and its records need some."
    yield finding("disk", level, f"{free / 1e9:,.1f} GB free", remedy)
