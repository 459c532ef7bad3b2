"""A project's private keys and secrets: made once, readable by their owner only, never printed.

`keys/visitor.json`   secrets that turn identifiers into visitor keys, by key id
`keys/release.pem`    Ed25519 private key that signs manifests
`keys/head.pem`       Ed25519 private key that signs heads
`keys/public.json`    which public keys the edge believes: no secret
`keys/cookie.secret`  signs the visitor cookie
`keys/api.token`      bearer token that lets a server say who a decision is for
"""

from control_plane.keyring.credentials import credential
from control_plane.keyring.files import load_text
from control_plane.keyring.make import make_keys
from control_plane.keyring.ring import (
    Ring,
    least_counter,
    load_ring,
    load_signing_key,
    trusted_keys,
)
from control_plane.keyring.signing import has_private_key, public_key_text
from control_plane.keyring.visitors import (
    DEVICE,
    USER,
    VisitorSecrets,
    format_visitor_key,
    load_visitor_secrets,
    visitor_key,
)

__all__ = [
    "DEVICE",
    "USER",
    "Ring",
    "VisitorSecrets",
    "credential",
    "format_visitor_key",
    "has_private_key",
    "least_counter",
    "load_ring",
    "load_signing_key",
    "load_text",
    "load_visitor_secrets",
    "make_keys",
    "public_key_text",
    "trusted_keys",
    "visitor_key",
]
