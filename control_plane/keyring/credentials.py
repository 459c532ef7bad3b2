"""Secrets that no file of a project holds: from the environment, else the system's keyring."""

from __future__ import annotations

import os

from control_plane.errors import InputError

#: What the system's keyring files them under.
SERVICE = "frontshelf"


def credential(name: str) -> str | None:
    """Return a secret: the environment's variable of that name, else the keyring's entry.

    The keyring is asked where the package `keyring` is installed (`frontshelf[keyring]`). Raises
    InputError when there is one that does not answer.
    """
    value = os.environ.get(name)
    if value:
        return value
    try:
        import keyring
        from keyring.errors import KeyringError, NoKeyringError
    except ModuleNotFoundError:
        return None
    try:
        return keyring.get_password(SERVICE, name)
    except NoKeyringError:
        return None
    except KeyringError as error:
        raise InputError(
            f"the system's keyring does not give {name} ({error})",
            remedy=f"Unlock it, or set {name} in the environment.",
        ) from error
