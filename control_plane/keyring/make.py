"""Makes a project's keys and secrets: once, and never printed."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from control_plane.errors import WorkError
from control_plane.keyring import ring
from control_plane.keyring.credentials import credential
from control_plane.keyring.files import write_private
from control_plane.keyring.ring import now
from control_plane.keyring.signing import PASSPHRASE, SIGNING, has_private_key, pem_of


def make_keys(folder: Path) -> list[str]:
    """Make every key that is missing from `folder`; return the names of those made.

    Where public keys are named already, their private halves are elsewhere: none are made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise WorkError(f"{folder}: cannot be made ({error.strerror}).") from error
    known = (folder / ring.FILE).exists()
    fresh: dict[str, Callable[[], bytes]] = {
        "visitor.json": _visitor_secret,
        **{f"{name}.pem": _pem for name in SIGNING if not (known or has_private_key(folder, name))},
        "cookie.secret": lambda: base64.b64encode(secrets.token_bytes(32)),
        "api.token": lambda: secrets.token_urlsafe(32).encode(),
    }
    missing = [name for name in fresh if not (folder / name).exists()]
    for name in missing:
        write_private(folder / name, fresh[name]())
    if not known:
        ring.save_ring(folder, ring.load_ring(folder, made=now()))
        missing.append(ring.FILE)
    return missing


def _visitor_secret() -> bytes:
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    return json.dumps({"current": "k1", "secrets": {"k1": secret}}).encode()


def _pem() -> bytes:
    return pem_of(Ed25519PrivateKey.generate(), credential(PASSPHRASE))
