"""The manifest fits a value however large the shop: what does not fit moves out, level by level."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from control_plane.compiler.locator import LocatorPart
from control_plane.compiler.manifest import Parts, make_manifest
from control_plane.compiler.values import Value
from control_plane.envelope import MANIFEST, unseal
from control_plane.models.recipe import Serving
from control_plane.tables import MAX_VALUE_BYTES

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def parts_of(items: int, visitors: int, locator_bytes: int, rules: int = 100) -> Parts:
    """Return what a shop of so many values of each kind has."""
    return Parts(
        model_time="2026-10-31T00:00:00+00:00",
        item_cuts=np.arange(items + 1, dtype=np.int64) * 500,
        item_digests=[number.to_bytes(16, "big") for number in range(items)],
        card_cuts=np.zeros(1, dtype=np.int64),
        card_digests=[],
        locator=[LocatorPart(0, 10, 9, bytes(locator_bytes))],
        visitor_firsts=(np.arange(visitors) * 1000).astype(np.uint32),
        visitor_digests=[number.to_bytes(16, "little") for number in range(visitors)],
        visitor_count=visitors * 1500,
        key_id="k1",
        popular=bytes(16),
        latest=None,
        related={},
        markets={},
        countries={},
        reminder_scale=1.0,
        serving=Serving(),
        segments=[],
        rules={"text": "r" * rules},
        templates={},
    )


def made(parts: Parts) -> tuple[dict, list[Value]]:
    manifest, extra = make_manifest(parts, "toy", "test", KEY)
    assert len(manifest.data) <= MAX_VALUE_BYTES
    assert all(len(value.data) <= MAX_VALUE_BYTES for value in extra)
    body = unseal(MANIFEST, "toy", "test", manifest.data, [KEY.public_key()])
    return msgpack.unpackb(body), extra


@pytest.mark.parametrize(
    ("parts", "kinds"),
    [
        (parts_of(34, 0, 34_000), []),
        (parts_of(456, 567, 66_000), ["locator"]),
        (parts_of(200, 3_500, 20_000), ["index"]),
        (parts_of(456, 12_000, 66_000), ["index"] * 4 + ["locator"]),
        (parts_of(5_000, 12_000, 66_000), ["index"] * 6 + ["locator"]),
        (parts_of(34, 567, 34_000, rules=60_000), ["locator"]),
    ],
    ids=["RetailRocket", "200k items, 1M visitors", "many visitors", "20M", "2M items", "rules"],
)
def test_what_does_not_fit_moves_out(parts: Parts, kinds: list[str]) -> None:
    body, extra = made(parts)
    assert sorted(value.kind for value in extra) == kinds
    assert ("paged" in body["visitors"]) == (kinds.count("index") > 0)


def test_pages_hold_the_whole_list_in_order() -> None:
    parts = parts_of(456, 12_000, 66_000)
    body, extra = made(parts)
    pages = {value.digest: msgpack.unpackb(value.data) for value in extra if value.kind == "index"}
    named = body["visitors"]["digests"]
    listed = [pages[named[at : at + 16]] for at in range(0, len(named), 16)]
    assert b"".join(page["digests"] for page in listed) == b"".join(parts.visitor_digests)
    assert b"".join(page["firsts"] for page in listed) == parts.visitor_firsts.tobytes()
    firsts = np.frombuffer(body["visitors"]["firsts"], "<u4")
    assert [page["firsts"][:4] for page in listed] == [first.tobytes() for first in firsts]
