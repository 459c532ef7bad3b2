"""A head's bytes are stable, and only its owner's are believed."""

import msgpack
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from control_plane.deploy.head import Head, Live, parse, sign
from control_plane.envelope import HEAD, MANIFEST, seal, unpack
from control_plane.errors import TableError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = [KEY.public_key()]
RED, BLUE = (Live(f"m-{sign * 32}", sign.encode() * 32, f"r-{sign}") for sign in "ab")
FACTS = Head(shop="toys", environment="dev", counter=3, issued_at=1_700_000_000_000, live=RED)


def test_the_body_is_a_sorted_map_as_the_edge_reads_it():
    body = msgpack.unpackb(unpack(sign(FACTS, KEY)).body)
    assert body == {
        "canary": None,
        "counter": 3,
        "environment": "dev",
        "format": 1,
        "issued_at": 1_700_000_000_000,
        "kind": "head",
        "live": {"digest": b"a" * 32, "manifest": "m-" + "a" * 32, "release": "r-a"},
        "overlays": [],
        "previous": None,
        "shop": "toys",
    }
    assert list(body) == sorted(body)
    assert list(body["live"]) == sorted(body["live"])


def test_a_head_comes_back_and_signs_to_the_same_bytes():
    head = Head(shop="toys", environment="dev", counter=4, issued_at=5, live=BLUE, previous=RED)
    value = sign(head, KEY)
    assert parse(value, "toys", "dev", PUBLIC) == head
    assert sign(parse(value, "toys", "dev", PUBLIC), KEY) == value


def test_a_manifest_is_no_head():
    body = unpack(sign(FACTS, KEY)).body
    with pytest.raises(TableError, match="not genuine"):
        parse(seal(MANIFEST, "toys", "dev", body, KEY), "toys", "dev", PUBLIC)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"format": 2}, "format 2"), ({"kind": "manifest"}, "a manifest"), ({"live": 1}, "malformed")],
)
def test_a_genuine_body_that_this_version_cannot_read_is_refused(changes, said):
    body = {**msgpack.unpackb(unpack(sign(FACTS, KEY)).body), **changes}
    value = seal(HEAD, "toys", "dev", msgpack.packb(body), KEY)
    with pytest.raises(TableError, match=said):
        parse(value, "toys", "dev", PUBLIC)


def test_what_a_later_version_adds_is_no_fault():
    body = {**msgpack.unpackb(unpack(sign(FACTS, KEY)).body), "mood": "bright"}
    value = seal(HEAD, "toys", "dev", msgpack.packb(body), KEY)
    assert parse(value, "toys", "dev", PUBLIC) == FACTS
