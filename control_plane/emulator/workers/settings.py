"""A worker's settings: those of its newest version, and those that belong to none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from control_plane.emulator.call import Call
from control_plane.emulator.limits import Refusal
from control_plane.emulator.workers import shown
from control_plane.emulator.workers.limits import INVALID_UPLOAD
from control_plane.emulator.workers.records import Deployment, Version, Worker, new_id
from control_plane.emulator.workers.secrets import refuse_undeployed
from control_plane.emulator.workers.upload import SETTINGS, Metadata, bindings_of

#: What a change of settings is refused with while the newest version does not serve everyone.
NOT_DEPLOYED = 10214


class ChangedSettings(msgspec.Struct):
    """What a change names of a version; the rest stays."""

    bindings: list[dict[str, Any]] | None = None
    compatibility_date: str | None = None
    compatibility_flags: list[str] | None = None


def all_settings(worker: Worker, newest: Version) -> dict[str, Any]:
    """Return both kinds of settings."""
    return {
        **script_settings(worker),
        "bindings": shown.bindings(newest.bindings),
        "compatibility_date": newest.compatibility_date,
        "compatibility_flags": list(newest.compatibility_flags),
        "usage_model": "standard",
        "placement": {},
    }


def script_settings(worker: Worker) -> dict[str, Any]:
    """Return the settings that belong to no version."""
    defaults = {"logpush": False, "observability": {"enabled": False}, "tags": []}
    return {**defaults, "tail_consumers": None, **worker.settings}


def with_settings(worker: Worker, given: dict[str, Any]) -> Worker:
    """Return a worker with settings changed that belong to no version."""
    known = {name: value for name, value in given.items() if name in SETTINGS}
    return msgspec.structs.replace(worker, settings={**worker.settings, **known})


def change_settings(
    worker: Worker, newest: Version, made: Sequence[Deployment], call: Call, now: float, plan: str
) -> tuple[Worker, Version]:
    """Return a worker as the part `settings` of a form makes it, and the version that this makes.

    The newest version must serve every visitor, since the change is live at once.
    """
    refuse_undeployed(newest, made, NOT_DEPLOYED)
    parts = [part.content for part in call.parts() if part.name == "settings"]
    if not parts:
        raise Refusal("the form has no part 'settings'", code=INVALID_UPLOAD)
    try:
        given = msgspec.json.decode(parts[0], type=dict[str, Any])
        wanted = msgspec.convert(given, ChangedSettings)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"invalid settings: {error}", code=INVALID_UPLOAD) from error
    bindings = newest.bindings
    if wanted.bindings is not None:
        metadata = Metadata(bindings=wanted.bindings, keep_bindings=[])
        bindings = bindings_of(metadata, newest.bindings, plan, strict=True)
    flags = wanted.compatibility_flags
    version = msgspec.structs.replace(
        newest,
        id=new_id(),
        number=newest.number + 1,
        created=now,
        source=call.client,
        bindings=bindings,
        compatibility_date=wanted.compatibility_date or newest.compatibility_date,
        compatibility_flags=newest.compatibility_flags if flags is None else tuple(flags),
        annotations={"workers/triggered_by": "settings"},
    )
    return with_settings(worker, given), version
