"""Which public keys the edge believes: `keys/public.json`, which holds no secret.

It may be committed with the project, so that a machine that signs heads alone, or none at all,
can still check manifests. Without the file the edge believes the keys that this machine signs with.

    {"min_counter": 0,
     "release": [{"id": "1a2b3c4d", "public": "base64", "made": "2026-11-26T09:00:00Z"}, …],
     "head": […],
     "revoked": [{"id": …, "public": …, "made": …, "revoked": …, "name": "head"}]}
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from control_plane.envelope import fingerprint
from control_plane.errors import InputError
from control_plane.keyring.files import read_private, write_private
from control_plane.keyring.signing import has_private_key, private_key
from control_plane.settings import Project

FILE = "public.json"


class PublicKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key that signatures are checked by; `id` is its fingerprint, times are UTC."""

    id: str
    public: str
    made: str = ""
    revoked: str = ""
    name: str = ""

    @property
    def key(self) -> Ed25519PublicKey:
        """The key itself."""
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(self.public))


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """Keys by what they sign; heads below `min_counter` are refused by the edge."""

    release: tuple[PublicKey, ...] = ()
    head: tuple[PublicKey, ...] = ()
    revoked: tuple[PublicKey, ...] = ()
    min_counter: int = 0

    def of(self, name: str) -> tuple[PublicKey, ...]:
        """Return the trusted keys of `release` or `head`."""
        return self.release if name == "release" else self.head


def load_ring(folder: Path, made: str = "") -> Ring:
    """Return the trusted keys; raise InputError when the file is malformed.

    Without the file these are the keys that this machine signs with, `made` then.
    """
    ring = _read(folder)
    for name in ("release", "head"):
        if not ring.of(name) and has_private_key(folder, name):
            own = public_of(private_key(folder, name).public_key(), made)
            ring = msgspec.structs.replace(ring, **{name: (own,)})
    return ring


def trusted_keys(folder: Path, name: str) -> list[Ed25519PublicKey]:
    """Return the public keys that `release` or `head` signatures may be by.

    Raises InputError when there is none.
    """
    keys = [one.key for one in load_ring(folder).of(name)]
    if not keys:
        raise InputError(
            f"no public {name} key",
            file=folder / FILE,
            remedy=f"Copy the file from the machine that signs, or set {name}'s private key.",
        )
    return keys


def load_signing_key(folder: Path, name: str) -> Ed25519PrivateKey:
    """Return the private key that signs; raise InputError unless the edge believes it."""
    key = private_key(folder, name)
    trusted = [one.id for one in load_ring(folder).of(name)]
    own = fingerprint(key.public_key())
    if own not in trusted:
        raise InputError(
            f"{name} key {own} is not among those that the edge believes ({', '.join(trusted)})",
            file=folder / FILE,
            remedy="Use a private key of one of these, or bring back the file that names it.",
        )
    return key


def least_counter(project: Project) -> int:
    """Return the counter below which the edge refuses a head: of the settings or a revocation."""
    return max(load_ring(project.keys).min_counter, project.settings.edge.min_counter)


def save_ring(folder: Path, ring: Ring) -> None:
    """Write the file whole; raise WorkError when it cannot be."""
    write_private(folder / FILE, msgspec.json.format(msgspec.json.encode(ring)) + b"\n")


def public_of(key: Ed25519PublicKey, made: str = "") -> PublicKey:
    """Return a public key as the file holds it."""
    text = base64.b64encode(key.public_bytes_raw()).decode()
    return PublicKey(id=fingerprint(key), public=text, made=made)


def now() -> str:
    """Return the time as the file has it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _read(folder: Path) -> Ring:
    file = folder / FILE
    if not file.exists():
        return Ring()
    try:
        ring = msgspec.json.decode(read_private(file), type=Ring)
        for one in (*ring.release, *ring.head, *ring.revoked):
            if fingerprint(one.key) != one.id:
                raise InputError(f"{one.id} is not the fingerprint of its public key", file=file)
    except (msgspec.DecodeError, ValueError) as error:
        raise InputError(
            f"malformed ({error})", file=file, remedy="Take it from version control or a backup."
        ) from error
    return ring
