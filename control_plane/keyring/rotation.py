"""Rotates signing keys with an overlap: the edge believes the next key before it signs anything.

`new` makes the next key, `rotate` signs with it from then on, `revoke` ends the trust in the one
before. Each step is one file replaced, and each may be repeated after it was cut short.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from control_plane.envelope import fingerprint
from control_plane.errors import InputError, suggest
from control_plane.keyring.credentials import credential
from control_plane.keyring.files import write_private
from control_plane.keyring.ring import FILE, PublicKey, Ring, load_ring, now, public_of, save_ring
from control_plane.keyring.signing import (
    PASSPHRASE,
    SIGNING,
    configured_passphrase,
    has_private_key,
    is_encrypted,
    key_file,
    key_variable,
    pem_of,
    private_key,
    read_key,
)

State = Literal["signs", "next", "trusted", "revoked"]
ORDER: tuple[State, ...] = ("signs", "next", "trusted", "revoked")


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A public key, and what it does: `trusted` ones sign nothing more, or on another machine.

    `encrypted` is None where no private half is in a file here.
    """

    name: str
    id: str
    state: State
    made: str
    revoked: str
    encrypted: bool | None


def new_key(folder: Path, name: str) -> PublicKey:
    """Make the key that is to sign next, and let the edge believe it.

    Raises InputError when one waits already.
    """
    ring = load_ring(folder)
    file = key_file(folder, name, following=True)
    waiting = public_of(read_key(file).public_key(), now()) if file.exists() else None
    if waiting and waiting.id in _ids(ring.of(name)):
        raise InputError(
            f"{name} key {waiting.id} waits to sign already",
            remedy=f"Run 'frontshelf keys rotate {name}' or 'frontshelf keys revoke {waiting.id}'.",
        )
    if waiting is None or waiting.id in _ids(ring.revoked):
        key = Ed25519PrivateKey.generate()
        write_private(file, pem_of(key, _passphrase(folder, name)))
        waiting = public_of(key.public_key(), now())
    save_ring(folder, msgspec.structs.replace(ring, **{name: (*ring.of(name), waiting)}))
    return waiting


def rotate_key(folder: Path, name: str) -> tuple[str, str]:
    """Sign with the next key from now on, made if need be; return its id, and that of the old one.

    The old one stays trusted; its private half is gone. Raises InputError when the private key
    is in the environment, which this can't change.
    """
    if os.environ.get(key_variable(name)):
        raise InputError(
            f"{key_variable(name)} holds the private {name} key, which stands in no file",
            remedy=f"Run 'frontshelf keys new {name}' and put {name}.next.pem's text there.",
        )
    file, following = key_file(folder, name), key_file(folder, name, following=True)
    before = fingerprint(read_key(file).public_key())
    trusted = _ids(load_ring(folder).of(name))
    if not following.exists() or fingerprint(read_key(following).public_key()) not in trusted:
        new_key(folder, name)
    new = fingerprint(read_key(following).public_key())
    following.replace(file)
    return new, before


def revoke_key(folder: Path, id: str, min_counter: int) -> PublicKey:
    """Let the edge believe a key no longer, nor any head below `min_counter`; return the key.

    Raises InputError for an unknown key and for the one that signs.
    """
    ring = load_ring(folder)
    by_id = {one.id: (name, one) for name in SIGNING for one in ring.of(name)}
    if id not in by_id:
        known = [*by_id, *_ids(ring.revoked)]
        state = "is revoked already" if id in _ids(ring.revoked) else "is no key of this project"
        raise InputError(f"{id!r} {state}", file=folder / FILE, remedy=suggest(id, known))
    name, key = by_id[id]
    if has_private_key(folder, name) and id == _signer(folder, name):
        raise InputError(
            f"{id} signs {name}s now", remedy=f"Run 'frontshelf keys rotate {name}' first."
        )
    gone = msgspec.structs.replace(key, revoked=now(), name=name)
    save_ring(
        folder,
        msgspec.structs.replace(
            ring,
            **{name: tuple(one for one in ring.of(name) if one.id != id)},
            revoked=(*ring.revoked, gone),
            min_counter=max(ring.min_counter, min_counter),
        ),
    )
    following = key_file(folder, name, following=True)
    if following.exists() and fingerprint(read_key(following).public_key()) == id:
        following.unlink()
    return gone


def list_keys(folder: Path) -> list[KeyEntry]:
    """Return all signing keys, those that sign first."""
    ring = load_ring(folder)
    entries = [entry for name in SIGNING for entry in _entries(folder, ring, name)]
    return entries + [_entry(one, one.name, "revoked", None) for one in ring.revoked]


def lock_keys(folder: Path, passphrase: str | None) -> list[str]:
    """Encrypt the private keys' files by a passphrase, or store them open; return their names.

    Those encrypted already are opened by the passphrase that is configured.
    """
    files = [key_file(folder, name, following=last) for name in SIGNING for last in (False, True)]
    pems = {file: pem_of(read_key(file), passphrase) for file in files if file.exists()}
    for file, pem in pems.items():
        write_private(file, pem)
    return [file.name for file in pems]


def _entries(folder: Path, ring: Ring, name: str) -> list[KeyEntry]:
    signer = _signer(folder, name) if has_private_key(folder, name) else None
    following = key_file(folder, name, following=True)
    waiting = fingerprint(read_key(following).public_key()) if following.exists() else None
    in_file = not os.environ.get(key_variable(name))

    def entry(one: PublicKey) -> KeyEntry:
        if one.id == signer:
            locked = is_encrypted(key_file(folder, name)) if in_file else None
            return _entry(one, name, "signs", locked)
        if one.id == waiting:
            return _entry(one, name, "next", is_encrypted(following))
        return _entry(one, name, "trusted", None)

    return sorted((entry(one) for one in ring.of(name)), key=lambda one: ORDER.index(one.state))


def _entry(key: PublicKey, name: str, state: State, encrypted: bool | None) -> KeyEntry:
    return KeyEntry(
        name=name, id=key.id, state=state, made=key.made, revoked=key.revoked, encrypted=encrypted
    )


def _signer(folder: Path, name: str) -> str:
    return fingerprint(private_key(folder, name).public_key())


def _passphrase(folder: Path, name: str) -> str | None:
    """Return what a new key is encrypted by: it is no less guarded than the one before."""
    file = key_file(folder, name)
    return (
        configured_passphrase() if file.exists() and is_encrypted(file) else credential(PASSPHRASE)
    )


def _ids(keys: tuple[PublicKey, ...]) -> list[str]:
    return [one.id for one in keys]
