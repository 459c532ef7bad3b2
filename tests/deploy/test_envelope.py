"""A sealed value opens only for its own purpose, shop, environment and key."""

import msgpack
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from control_plane.envelope import HEAD, MANIFEST, fingerprint, seal, unpack, unseal
from control_plane.errors import TableError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = [KEY.public_key()]


def test_a_sealed_body_comes_back():
    assert unseal(HEAD, "toys", "dev", seal(HEAD, "toys", "dev", b"body", KEY), PUBLIC) == b"body"


def test_the_wire_format_is_a_map_of_key_sig_and_body():
    fields = msgpack.unpackb(seal(HEAD, "toys", "dev", b"body", KEY))
    assert list(fields) == ["key", "sig", "body"]
    assert fields["key"] == fingerprint(KEY.public_key())
    KEY.public_key().verify(fields["sig"], b"frontshelf/head/1\0toys\0dev\0body")


def test_sealing_twice_gives_the_same_bytes():
    first = seal(MANIFEST, "toys", "dev", b"body", KEY)
    assert first == seal(MANIFEST, "toys", "dev", b"body", KEY)


@pytest.mark.parametrize(
    ("domain", "shop", "environment"),
    [(MANIFEST, "toys", "dev"), (HEAD, "books", "dev"), (HEAD, "toys", "live")],
)
def test_a_value_sealed_for_another_purpose_is_not_genuine(domain, shop, environment):
    value = seal(HEAD, "toys", "dev", b"body", KEY)
    with pytest.raises(TableError, match="not genuine"):
        unseal(domain, shop, environment, value, PUBLIC)


def test_an_unknown_key_is_named():
    value = seal(HEAD, "toys", "dev", b"body", OTHER)
    with pytest.raises(TableError, match=fingerprint(OTHER.public_key())):
        unseal(HEAD, "toys", "dev", value, PUBLIC)


def test_either_key_opens_during_a_rotation():
    value = seal(HEAD, "toys", "dev", b"body", OTHER)
    assert unseal(HEAD, "toys", "dev", value, [*PUBLIC, OTHER.public_key()]) == b"body"


def test_any_changed_byte_is_noticed():
    value = seal(HEAD, "toys", "dev", b"body", KEY)
    for place in range(len(value)):
        changed = bytearray(value)
        changed[place] ^= 1
        with pytest.raises(TableError):
            unseal(HEAD, "toys", "dev", bytes(changed), PUBLIC)


@pytest.mark.parametrize("value", [b"", b"\xff", b"\x80", b"text", msgpack.packb({"key": 1})])
def test_what_is_no_envelope_is_refused(value):
    with pytest.raises(TableError, match="not a signed value"):
        unpack(value)
