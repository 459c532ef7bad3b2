"""Since when values are named by nothing, so that they go only when nobody asks for them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from control_plane.collect.store import write_whole
from control_plane.deploy.head import Clock
from control_plane.deploy.target import Target
from control_plane.errors import WorkError
from control_plane.settings import Project

#: Heads spread in minutes; a location that shows one of an hour ago is broken anyway.
OVERLAY_SECONDS = 3600

#: Letters of the kinds of values that overlays name.
OVERLAYS = ("s", "e")


def read_unnamed(project: Project, target: str) -> dict[str, float]:
    """Return when each value was first seen unnamed (epoch seconds), by key."""
    file = _file(project, target)
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, float])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise WorkError(
            f"{file}: cannot be read ({error}). Delete it: unnamed values wait anew then."
        ) from error


def write_unnamed(project: Project, target: str, seen: dict[str, float]) -> None:
    """Keep when values were first seen unnamed."""
    write_whole(_file(project, target), msgspec.json.encode(seen))


def spare(project: Project, target: str, keys: Collection[str]) -> None:
    """Count values as named: a deployment is about to need them."""
    seen = read_unnamed(project, target)
    left = {key: at for key, at in seen.items() if key not in keys}
    if left != seen:
        write_unnamed(project, target, left)


def forget_replaced(
    target: Target, project: Project, before: set[str], now: set[str], clock: Clock
) -> None:
    """Note the values of overlays that the head no longer names; delete those of an hour ago."""
    seen = read_unnamed(project, target.name)
    seen = {key: at for key, at in seen.items() if key not in now}
    seen |= dict.fromkeys(before - now, clock())
    old = [key for key, at in seen.items() if key[0] in OVERLAYS and clock() - at > OVERLAY_SECONDS]
    if old:
        target.delete_many(old)
    write_unnamed(project, target.name, {key: at for key, at in seen.items() if key not in old})


def _file(project: Project, target: str) -> Path:
    return project.local / f"unnamed-{target}.json"
