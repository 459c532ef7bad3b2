"""The private keys that sign manifests (`release`) and heads (`head`).

A key is the file `keys/NAME.pem`, encrypted where a passphrase was set, or the variable
`FRONTSHELF_NAME_KEY` (PEM, or the 32 bytes as base64), which wins. The passphrase comes from
`FRONTSHELF_PASSPHRASE` or the system's keyring.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from control_plane.errors import InputError
from control_plane.keyring.credentials import credential
from control_plane.keyring.files import read_private

SIGNING = ("release", "head")
PASSPHRASE = "FRONTSHELF_PASSPHRASE"
RAW_BYTES = 32


def private_key(folder: Path, name: str) -> Ed25519PrivateKey:
    """Return the private key of `release` or `head`; raise InputError when it can't be had."""
    variable = key_variable(name)
    text = os.environ.get(variable)
    if text:
        return _of_text(text, variable)
    file = key_file(folder, name)
    if not file.exists():
        raise InputError(
            f"no private {name} key",
            file=file,
            remedy=f"Set {variable}, or bring the file back from a backup. "
            "'frontshelf init' makes keys where there never were any.",
        )
    return read_key(file)


def has_private_key(folder: Path, name: str) -> bool:
    """Return whether this machine can sign, as far as is seen without the passphrase."""
    return bool(os.environ.get(key_variable(name))) or key_file(folder, name).exists()


def key_file(folder: Path, name: str, *, following: bool = False) -> Path:
    """Return where a private key stands, or the one that is to follow it."""
    return folder / (f"{name}.next.pem" if following else f"{name}.pem")


def key_variable(name: str) -> str:
    """Return the variable that may hold a private key."""
    return f"FRONTSHELF_{name.upper()}_KEY"


def read_key(file: Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """Read a private key's file; raise InputError when it is missing, malformed or locked.

    An encrypted one is opened by `passphrase`, else by the one that is configured.
    """
    return _of_pem(read_private(file), str(file), passphrase)


def is_encrypted(file: Path) -> bool:
    """Return whether a private key's file needs a passphrase."""
    return b"BEGIN ENCRYPTED PRIVATE KEY" in read_private(file)


def pem_of(key: Ed25519PrivateKey, passphrase: str | None) -> bytes:
    """Return a private key as PKCS #8, encrypted by the passphrase unless there is none."""
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def configured_passphrase() -> str:
    """Return the passphrase of encrypted keys; raise InputError when there is none."""
    passphrase = credential(PASSPHRASE)
    if not passphrase:
        raise InputError(
            f"the private keys are encrypted and {PASSPHRASE} is not in the environment",
            remedy="Export it, or keep it in the system's keyring (docs/deploy.md).",
        )
    return passphrase


def public_key_text(key: Ed25519PrivateKey) -> str:
    """Return the public half as base64, as the worker's variables hold it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _of_text(text: str, variable: str) -> Ed25519PrivateKey:
    if "-----BEGIN" in text:
        # CI systems keep variables of one line, in which line ends are spelled out.
        return _of_pem(text.replace("\\n", "\n").encode(), variable, None)
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != RAW_BYTES:
        raise InputError(
            f"{variable} is neither a PEM private key nor {RAW_BYTES} bytes in base64",
            remedy=f"Set it to the text of {variable.split('_')[1].lower()}.pem.",
        )
    return Ed25519PrivateKey.from_private_bytes(raw)


def _of_pem(pem: bytes, place: str, passphrase: str | None) -> Ed25519PrivateKey:
    secret = None
    if b"BEGIN ENCRYPTED PRIVATE KEY" in pem:
        secret = (passphrase or configured_passphrase()).encode()
    try:
        key = load_pem_private_key(pem, password=secret)
    except ValueError as error:
        # The library's own words may hold what was read.
        why = f"does not open with {PASSPHRASE}" if secret else "not a PEM private key"
        raise InputError(f"{place}: {why}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{place}: not an Ed25519 key")
    return key
