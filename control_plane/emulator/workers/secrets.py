"""Secrets: written, listed by name, deleted, and never read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from control_plane.emulator.call import Call, no_endpoint
from control_plane.emulator.limits import Refusal
from control_plane.emulator.workers.limits import (
    VERSION_NOT_DEPLOYED,
    WORKER_NOT_FOUND,
    check_bindings,
)
from control_plane.emulator.workers.records import Deployment, Version, new_id
from control_plane.emulator.workers.shown import secret_names

NOT_DEPLOYED = (
    "Secret edit failed. You attempted to modify a secret, but the latest version of your Worker "
    "isn't currently deployed. Please ensure that the latest version of your Worker is fully "
    "deployed before modifying secrets."
)


class NewSecret(msgspec.Struct):
    """The body that sets a secret."""

    name: str
    text: str
    type: Literal["secret_text"] = "secret_text"


def change_secrets(
    newest: Version, made: Sequence[Deployment], call: Call, now: float, plan: str
) -> tuple[Version, Any]:
    """Return the version that a change of a secret makes, and what the API answers.

    The newest version must serve every visitor, since the change is live at once.
    """
    match call.method, call.path[1:]:
        case "PUT", ():
            secret = call.json(NewSecret)
            added = {"name": secret.name, "type": "secret_text", "text": secret.text}
            gone, result = secret.name, {"name": secret.name, "type": "secret_text"}
            bindings = (*_without(newest, gone), added)
        case "DELETE", (name,):
            secret_named(newest, name)
            bindings, result = _without(newest, name), {}
        case _:
            raise no_endpoint()
    refuse_undeployed(newest, made, VERSION_NOT_DEPLOYED)
    check_bindings(bindings, plan)
    version = msgspec.structs.replace(
        newest,
        id=new_id(),
        number=newest.number + 1,
        created=now,
        source=call.client,
        bindings=bindings,
        annotations={"workers/triggered_by": "secret"},
    )
    return version, result


def refuse_undeployed(newest: Version, made: Sequence[Deployment], code: int) -> None:
    """Refuse a change that is live at once while the newest version does not serve everyone."""
    if made and [share.version_id for share in made[0].versions] != [newest.id]:
        raise Refusal(NOT_DEPLOYED, code=code)


def secret_named(version: Version, name: str) -> dict[str, str]:
    """Return a secret's name and type; refuse a missing one."""
    for secret in secret_names(version.bindings):
        if secret["name"] == name:
            return secret
    raise Refusal(f"Binding '{name}' does not exist.", 404, WORKER_NOT_FOUND)


def _without(version: Version, name: str) -> tuple[dict[str, Any], ...]:
    return tuple(
        one for one in version.bindings if (one["name"], one["type"]) != (name, "secret_text")
    )
