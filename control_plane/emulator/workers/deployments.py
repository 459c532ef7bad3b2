"""Deployments: which one or two versions serve which percentage of visitors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from control_plane.emulator.call import Call
from control_plane.emulator.limits import Refusal
from control_plane.emulator.workers.limits import (
    DEPLOYABLE_VERSIONS,
    MESSAGE_BYTES,
    WORKER_NOT_FOUND,
    cut,
)
from control_plane.emulator.workers.records import Deployment, Share, Version, new_id

SECRETS_CHANGED = 10220


class NewDeployment(msgspec.Struct):
    """The body that makes a deployment."""

    strategy: Literal["percentage"]
    versions: Annotated[list[Share], msgspec.Meta(min_length=1, max_length=2)]
    annotations: dict[str, str | None] = {}


def everyone(version: Version, now: float, source: str, why: str) -> Deployment:
    """Return the deployment of one version to every visitor."""
    return Deployment(
        id=new_id(),
        created=now,
        source=source,
        versions=(Share(version.id, 100),),
        annotations={"workers/triggered_by": why},
    )


def read_deployment(
    call: Call, versions: Sequence[Version], live: Deployment | None, now: float
) -> Deployment:
    """Return the deployment that a body asks for; refuse what can't be deployed."""
    wanted = call.json(NewDeployment)
    shares = wanted.versions
    if abs(sum(share.percentage for share in shares) - 100) > 1e-6:
        raise Refusal("The percentages of a deployment's versions must sum to 100.")
    if any(not 0 < share.percentage <= 100 for share in shares):
        raise Refusal("A version's percentage must be over 0 and at most 100.")
    if len({share.version_id for share in shares}) != len(shares):
        raise Refusal("A deployment cannot hold a version twice.")
    for share in shares:
        version = version_of(versions[:DEPLOYABLE_VERSIONS], share.version_id)
        if live is not None and call.query.get("force") != "true":
            _refuse_old_secrets(version, versions, live)
    message = wanted.annotations.get("workers/message")
    annotations = {"workers/message": cut(message, MESSAGE_BYTES)} if message else {}
    return Deployment(
        id=new_id(),
        created=now,
        source=call.client,
        versions=tuple(shares),
        annotations={**annotations, "workers/triggered_by": "deployment"},
    )


def version_of(versions: Sequence[Version], id: str) -> Version:
    """Return a version by its id; refuse one that is not among `versions`."""
    for version in versions:
        if version.id == id:
            return version
    raise Refusal(
        f"Version {id} does not exist, or is not among the {DEPLOYABLE_VERSIONS} newest.",
        404,
        WORKER_NOT_FOUND,
    )


def _refuse_old_secrets(version: Version, versions: Sequence[Version], live: Deployment) -> None:
    """Refuse to bring an older version back whose secrets were changed since."""
    serving = {share.version_id for share in live.versions}
    newest = next(one for one in versions if one.id in serving)
    if version.id in serving or version.number > newest.number:
        return
    old, now = _secrets(version), _secrets(newest)
    changed = sorted(name for name in old.keys() | now.keys() if old.get(name) != now.get(name))
    if changed:
        raise Refusal(
            f"The following secrets have changed since version {version.id} was active: "
            f"{', '.join(changed)}.",
            code=SECRETS_CHANGED,
        )


def _secrets(version: Version) -> dict[str, str]:
    return {one["name"]: one["text"] for one in version.bindings if one["type"] == "secret_text"}
