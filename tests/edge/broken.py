"""Heads and manifests that are genuine, and yet not what a compiler would make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgpack
from msgspec import structs
from toy_shop import World

from control_plane.deploy.head import Head, Live, read_head, sign
from control_plane.envelope import MANIFEST, seal, unpack
from control_plane.keyring import load_signing_key


def publish_changed(world: World, change: Callable[[dict[str, Any]], None]) -> None:
    """Make a changed copy of the live manifest live, signed as it should be."""
    head = head_of(world)
    body = msgpack.unpackb(unpack(world.target.get(head.live.manifest) or b"").body)
    change(body)
    shop = world.project.settings.shop
    key = load_signing_key(world.project.keys, "release")
    value = seal(MANIFEST, shop.name, shop.environment, msgpack.packb(body), key)
    digest = hashlib.sha256(value).digest()
    name = f"m-{digest[:16].hex()}"
    world.kv.put(name, value)
    put_head(world, head, Live(manifest=name, digest=digest, release=name[2:14]))


def head_of(world: World) -> Head:
    """Return the store's head."""
    head = read_head(world.target, world.project)
    assert head
    return head


def put_head(world: World, head: Head, live: Live) -> None:
    """Write the next head, which names `live`."""
    following = structs.replace(head, counter=head.counter + 1, live=live)
    world.kv.put("head", sign(following, load_signing_key(world.project.keys, "head")))
