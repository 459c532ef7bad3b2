"""Parts that only Akamai needs: signatures in JavaScript, paths resolved."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from control_plane.deploy.akamai.bundle import bundle_files
from control_plane.emulator.akamai import AkamaiLimits, akamai_options
from control_plane.emulator.miniflare import Miniflare

Ask = Callable[..., str]
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19

#: RFC 8032, 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        b"",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
        "1cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        b"\x72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
        "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        b"\xaf\x82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
        "984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").digest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c6"
        "6431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Return a function that asks the probe bundle."""
    bundle = bundle_files({}, {}, "1.0")
    bundle["main.js"] = Path(__file__).with_name("akamai_parts.js").read_bytes()
    place = {"namespace": "n", "group": "g", "token": "t"}
    limits = AkamaiLimits(wall_seconds=60)
    with Miniflare(akamai_options(bundle, **place, limits=limits)) as worker:

        def ask(**asked: Any) -> str:
            body = json.dumps(asked)
            response = worker.dispatch_fetch("http://parts/", method="POST", content=body)
            assert response.status_code == 200, response.text
            return response.text

        yield ask


def verified(ask: Ask, *signatures: tuple[bytes, bytes, bytes]) -> list[bool]:
    texts = [[base64.b64encode(part).decode() for part in one] for one in signatures]
    return list(json.loads(ask(signatures=texts)))


def signed(seed: int) -> tuple[bytes, bytes, bytes]:
    draw = random.Random(seed)
    key = Ed25519PrivateKey.from_private_bytes(draw.randbytes(32))
    message = draw.randbytes(draw.choice([0, 1, 64, 5000]))
    return key.public_key().public_bytes_raw(), key.sign(message), message


def test_the_vectors_of_rfc_8032_are_genuine(ask: Ask) -> None:
    cases = [(bytes.fromhex(key), bytes.fromhex(sig), message) for key, message, sig in VECTORS]
    assert verified(ask, *cases) == [True] * 4


def test_genuine_signatures_are_believed_and_changed_ones_are_not(ask: Ask) -> None:
    cases = [signed(seed) for seed in range(12)]
    assert verified(ask, *cases) == [True] * 12
    draw = random.Random(1)
    changed = []
    for key, signature, message in cases:
        parts = [bytearray(key), bytearray(signature), bytearray(message or b"\0")]
        part = draw.choice(parts)
        part[draw.randrange(len(part))] ^= 1 << draw.randrange(8)
        changed.append((bytes(parts[0]), bytes(parts[1]), bytes(parts[2])))
    assert verified(ask, *changed) == [False] * 12


def test_what_has_another_form_is_not_believed(ask: Ask) -> None:
    key, signature, message = signed(99)
    scalar = int.from_bytes(signature[32:], "little")
    malleable = signature[:32] + (scalar + ORDER).to_bytes(32, "little")
    off_curve = (2).to_bytes(32, "little")
    not_canonical = (PRIME + 1).to_bytes(32, "little")
    cases = [
        (key, malleable, message),
        (off_curve, signature, message),
        (not_canonical, signature, message),
        (key[:31], signature, message),
        (key, signature[:63], message),
        (key, signature, message + b"\0"),
    ]
    assert verified(ask, *cases) == [False] * 6


def test_a_path_is_read_as_the_other_platform_reads_it(ask: Ask) -> None:
    paths = ["/a/../checkout", "/%2e%2e/account", "/a/./b", "/a\\..\\b", "/a.b/c..d", "/..", "/a/"]
    resolved = ["/checkout", "/account", "/a/b", "/b", "/a.b/c..d", "/", "/a/"]
    assert json.loads(ask(paths=paths)) == resolved
