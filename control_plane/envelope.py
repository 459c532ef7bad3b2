"""The signed wrapper of heads and manifests: a msgpack map of key name, signature and body.

    {"key": "8 hex digits of the public key's SHA-256", "sig": 64 bytes, "body": bytes}

The signature (Ed25519) covers domain, NUL, shop, NUL, environment, NUL, body. So a head can
never pass for a manifest, nor staging's release for production's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from control_plane.errors import TableError

HEAD = b"frontshelf/head/1"
MANIFEST = b"frontshelf/manifest/1"


class Envelope(msgspec.Struct, frozen=True):
    """A body and who signed it; nothing in it may be believed before `unseal`."""

    key: str
    sig: bytes
    body: bytes


def seal(
    domain: bytes, shop: str, environment: str, body: bytes, private_key: Ed25519PrivateKey
) -> bytes:
    """Return the value that carries `body` and its signature; equal input gives equal bytes."""
    return pack(
        Envelope(
            key=fingerprint(private_key.public_key()),
            sig=private_key.sign(_signed_bytes(domain, shop, environment, body)),
            body=body,
        )
    )


def unseal(
    domain: bytes,
    shop: str,
    environment: str,
    value: bytes,
    public_keys: Iterable[Ed25519PublicKey],
) -> bytes:
    """Return the body; raise TableError unless one of `public_keys` signed it for this purpose."""
    envelope = unpack(value)
    what = f"{domain.decode()} of {shop}/{environment}"
    known = {fingerprint(key): key for key in public_keys}
    if envelope.key not in known:
        raise TableError(
            f"{what}: signed with key {envelope.key!r}; known keys: {', '.join(known) or 'none'}. "
            "Check that the project's keys belong to this shop and environment."
        )
    try:
        known[envelope.key].verify(
            envelope.sig, _signed_bytes(domain, shop, environment, envelope.body)
        )
    except InvalidSignature as error:
        raise TableError(f"{what}: the signature is not genuine.") from error
    return envelope.body


def pack(envelope: Envelope) -> bytes:
    """Return an envelope as msgpack."""
    return msgspec.msgpack.encode(envelope)


def unpack(value: bytes) -> Envelope:
    """Read an envelope without believing it; raise TableError when it is none."""
    try:
        return msgspec.msgpack.decode(value, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TableError(f"not a signed value: {error}.") from error


def fingerprint(public_key: Ed25519PublicKey) -> str:
    """Return the eight hexadecimal digits that name a public key in signed values."""
    return hashlib.sha256(public_key.public_bytes_raw()).hexdigest()[:8]


def _signed_bytes(domain: bytes, shop: str, environment: str, body: bytes) -> bytes:
    return b"\0".join((domain, shop.encode(), environment.encode(), body))
