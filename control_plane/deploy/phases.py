"""Refuses a release that would move people between the variations of what is live.

`compile` says so first, and with the line; but where it runs on a fresh machine, as builds do,
it has no release before to compare with.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from control_plane.deploy.head import Live
from control_plane.deploy.release import Source
from control_plane.deploy.target import Target
from control_plane.envelope import MANIFEST, unseal
from control_plane.errors import InputError, TableError
from control_plane.keyring import trusted_keys
from control_plane.rules.phases import Past, moves, past_of
from control_plane.settings import Project

log = logging.getLogger(__name__)


def refuse_moves(target: Target, project: Project, live: Live, source: Source) -> None:
    """Raise InputError when an experiment of the live release changed and kept its phase."""
    release = source.release
    value = target.get(live.manifest) if live.manifest != release.manifest else None
    if value is None:
        return
    try:
        before = _experiments(project, value)
    except TableError as error:
        # What cannot be read is the more reason to deploy another.
        log.warning("experiments are not compared with the live release: %s", error)
        return
    now = _experiments(project, source.read(release.manifest))
    for key, experiment in now.items():
        for name, problem, remedy in moves(key, experiment, before.get(key)):
            raise InputError(
                f"{problem}, against the live release {live.release}",
                file=project.rules,
                field=f"experiment.{name}",
                remedy=remedy,
            )


def _experiments(project: Project, manifest: bytes) -> dict[str, Past]:
    shop = project.settings.shop
    keys = trusted_keys(project.keys, "release")
    body: dict[str, Any] = msgspec.msgpack.decode(
        unseal(MANIFEST, shop.name, shop.environment, manifest, keys)
    )
    return past_of(body["rules"])
