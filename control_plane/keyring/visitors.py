"""Visitor keys: what identifiers of people become before anything else sees them."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import msgspec

from control_plane.errors import InputError
from control_plane.keyring.files import read_private

USER, DEVICE = "u", "a"
FILE = "visitor.json"


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


def load_visitor_secrets(folder: Path) -> VisitorSecrets:
    """Read the visitor secrets; raise InputError when they are missing or malformed."""
    raw = read_private(folder / FILE)
    try:
        return msgspec.json.decode(raw, type=VisitorSecrets)
    except msgspec.DecodeError as error:
        raise InputError(f"not a visitor secret: {error}", file=folder / FILE) from error
