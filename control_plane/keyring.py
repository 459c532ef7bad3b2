"""A project's private keys and secrets: made once, readable by their owner only, never printed.

`keys/visitor.json`   secrets that turn identifiers into visitor keys, by key id
`keys/release.pem`    Ed25519 private key that signs manifests
`keys/head.pem`       Ed25519 private key that signs heads
`keys/cookie.secret`  signs the visitor cookie
`keys/api.token`      bearer token that lets a server say who a decision is for
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from control_plane.errors import InputError

USER, DEVICE = "u", "a"


class VisitorSecrets(msgspec.Struct, frozen=True):
    """The HMAC secrets of visitor keys; `current` is the id of the one tables are keyed with."""

    current: str
    secrets: dict[str, bytes]


def visitor_key(secret: bytes, kind: str, identifier: str) -> int:
    """Return the 64-bit visitor key of a user (`USER`) or device (`DEVICE`) identifier."""
    digest = hmac.digest(secret, f"{kind}:{identifier}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big")


def format_visitor_key(key: int) -> str:
    """Return a visitor key as the 16 hexadecimal digits that logs and APIs show."""
    return f"{key:016x}"


def make_keys(folder: Path) -> list[str]:
    """Make every key that is missing from `folder`; return the names of those made."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    fresh = {
        "visitor.json": lambda: json.dumps(
            {"current": "k1", "secrets": {"k1": base64.b64encode(secrets.token_bytes(32)).decode()}}
        ).encode(),
        "release.pem": _private_pem,
        "head.pem": _private_pem,
        "cookie.secret": lambda: base64.b64encode(secrets.token_bytes(32)),
        "api.token": lambda: secrets.token_urlsafe(32).encode(),
    }
    missing = [name for name in fresh if not (folder / name).exists()]
    for name in missing:
        _write_private(folder / name, fresh[name]())
    return missing


def load_visitor_secrets(folder: Path) -> VisitorSecrets:
    """Read the visitor secrets; raise InputError when they are missing or malformed."""
    raw = _read(folder / "visitor.json")
    try:
        return msgspec.json.decode(raw, type=VisitorSecrets)
    except msgspec.DecodeError as error:
        raise InputError(f"not a visitor secret: {error}", file=folder / "visitor.json") from error


def load_signing_key(folder: Path, name: str) -> Ed25519PrivateKey:
    """Read `release` or `head`'s private key; raise InputError when it is missing or malformed."""
    file = folder / f"{name}.pem"
    try:
        key = load_pem_private_key(_read(file), password=None)
    except ValueError as error:
        raise InputError("not an unencrypted PEM private key", file=file) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError("not an Ed25519 key", file=file)
    return key


def load_text(folder: Path, name: str) -> str:
    """Read the secret `cookie.secret` or `api.token` as text."""
    return _read(folder / name).decode("ascii").strip()


def public_key_text(key: Ed25519PrivateKey) -> str:
    """Return the public half as base64, as the worker's variables hold it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _private_pem() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_private(file: Path, content: bytes) -> None:
    partial = file.with_name(f"{file.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    partial.replace(file)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            "no such key", file=file, remedy="Run 'frontshelf init' to make missing keys."
        ) from error
