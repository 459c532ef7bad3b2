"""Who signed what a target shows, and whether those who read it still believe that key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from control_plane.deploy.head import KEY, Head, read_head
from control_plane.deploy.target import Target
from control_plane.envelope import fingerprint, unpack
from control_plane.errors import InputError, TableError
from control_plane.keyring import has_private_key, least_counter, load_signing_key, public_key_text
from control_plane.settings import Project


def head_signer(target: Target) -> str | None:
    """Return the id of the key that signed the target's head, unproven; None without a head."""
    value = target.get(KEY)
    return None if value is None else unpack(value).key


def is_current(head: Head | None, target: Target, project: Project) -> bool:
    """Return whether the edge goes on believing a head once the key that signs now is alone."""
    own = fingerprint(load_signing_key(project.keys, "head").public_key())
    return (
        head is not None and head.counter >= least_counter(project) and head_signer(target) == own
    )


def refuse_unbelieved(versions: Iterable[Mapping[str, str]], project: Project) -> None:
    """Raise InputError when a running version of the worker does not believe a key that signs here.

    `versions` are their variables.
    """
    for name, variable in (("release", "RELEASE_KEYS"), ("head", "HEAD_KEYS")):
        if not has_private_key(project.keys, name):
            continue
        key = load_signing_key(project.keys, name)
        if any(public_key_text(key) not in one.get(variable, "").split(",") for one in versions):
            raise InputError(
                f"the worker that serves does not believe {name} key "
                f"{fingerprint(key.public_key())}",
                field=variable,
                remedy="Run 'frontshelf worker upload' first.",
            )


def check_unused(target: Target, project: Project, key_id: str) -> int:
    """Return the head's counter, 0 without one; raise InputError when it rests on a key.

    It does when the key signed the head or the manifest of the live release or of the canary.
    """
    head = read_head(target, project)
    if head is None:
        return 0
    for what, signer in _signers(target, head):
        if signer == key_id:
            raise InputError(
                f"{key_id} signed the {what} at {target.name}: the edge would lose it",
                remedy=f"Run 'frontshelf compile' and 'frontshelf deploy --target {target.name}' "
                "first. After a theft, '--unchecked' revokes at once.",
            )
    return head.counter


def _signers(target: Target, head: Head) -> Iterable[tuple[str, str | None]]:
    yield "head", head_signer(target)
    yield f"live release {head.live.release}", _manifest_signer(target, head.live.manifest)
    if head.canary:
        yield f"canary {head.canary.release}", _manifest_signer(target, head.canary.manifest)


def _manifest_signer(target: Target, manifest: str) -> str | None:
    value = target.get(manifest)
    try:
        return None if value is None else unpack(value).key
    except TableError:
        return None  # nobody loses what is no manifest
