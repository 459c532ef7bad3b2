"""Deletes the values of overlays that were replaced long enough ago for nobody to ask for them."""

from __future__ import annotations

import json

from control_plane.collect.store import write_whole
from control_plane.deploy.head import Clock
from control_plane.deploy.target import Target
from control_plane.settings import Project

#: Heads spread in minutes; a location that shows one of an hour ago is broken anyway.
GRACE_SECONDS = 3600


def forget_replaced(
    target: Target, project: Project, before: set[str], now: set[str], clock: Clock
) -> None:
    """Note the values that the head no longer names; delete those noted an hour ago."""
    file = project.local / f"overlays-{target.name}.json"
    replaced: dict[str, float] = json.loads(file.read_bytes()) if file.is_file() else {}
    replaced = {key: at for key, at in replaced.items() if key not in now}
    replaced |= dict.fromkeys(before - now, clock())
    old = [key for key, at in replaced.items() if clock() - at > GRACE_SECONDS]
    if old:
        target.delete_many(old)
    kept = {key: at for key, at in replaced.items() if key not in old}
    write_whole(file, json.dumps(kept).encode())
