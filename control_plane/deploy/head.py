"""The head: the one mutable value, which says what release is live."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from control_plane.deploy.record import Action, Record, append, highest_counter, records
from control_plane.deploy.target import Target
from control_plane.envelope import HEAD, seal, unpack, unseal
from control_plane.errors import PlatformError, TableError
from control_plane.keyring import load_signing_key
from control_plane.settings import Project

FORMAT = 1
KEY = "head"

#: How long a store may go on answering with the head before (Cloudflare says 60 s or more).
STALE_SECONDS = 120

Clock = Callable[[], float]


class Live(msgspec.Struct, frozen=True):
    """A release that a head names; `digest` is the SHA-256 of the manifest's value."""

    manifest: str
    digest: bytes
    release: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the edge believes, once the signature holds; `issued_at` is epoch milliseconds."""

    shop: str
    environment: str
    counter: int
    issued_at: int
    live: Live
    previous: Live | None = None
    canary: dict[str, Any] | None = None
    overlays: tuple[Any, ...] = ()
    format: int = FORMAT
    kind: str = "head"


def sign(head: Head, key: Ed25519PrivateKey) -> bytes:
    """Return the head's value; the same head gives the same bytes."""
    body = msgspec.msgpack.encode(head, order="sorted")
    return seal(HEAD, head.shop, head.environment, body, key)


def parse(value: bytes, shop: str, environment: str, keys: list[Ed25519PublicKey]) -> Head:
    """Return a genuine head of this shop and environment; raise TableError otherwise."""
    _refuse_other_owner(value, shop, environment)
    body = unseal(HEAD, shop, environment, value, keys)
    try:
        head = msgspec.msgpack.decode(body, type=Head)
    except msgspec.DecodeError as error:
        raise TableError(f"the head is malformed: {error}.") from error
    if head.kind != "head" or head.format != FORMAT:
        raise TableError(
            f"the head is a {head.kind} of format {head.format}, this version reads {FORMAT}. "
            "Use the version of Frontshelf that wrote it, or a newer one."
        )
    return head


def read_head(target: Target, project: Project, clock: Clock = time.time) -> Head | None:
    """Return the target's head, None when it has none.

    Raises TableError when it is not this project's, PlatformError when the store still answers
    with one older than what was just written.
    """
    value = target.get(KEY)
    if value is None:
        return None
    shop, key = project.settings.shop, load_signing_key(project.keys, "head")
    try:
        head = parse(value, shop.name, shop.environment, [key.public_key()])
    except TableError as error:
        raise TableError(
            f"{target!r}: the value under 'head' is not this project's: {error}\n"
            "  Check that the target is the right one; if it is, delete the key 'head' there "
            "and deploy again."
        ) from error
    _refuse_stale(head, target, project, clock)
    return head


def move_head(
    target: Target,
    project: Project,
    live: Live,
    seen: Head | None,
    action: Action,
    clock: Clock = time.time,
) -> Head:
    """Make `live` the live release; raise PlatformError when the head is no longer `seen`."""
    head = _next_head(target, project, live, seen, clock)
    if read_head(target, project, clock) != seen:
        raise PlatformError(
            f"{target!r}: somebody else moved the head meanwhile; nothing was made live. "
            "Look with 'frontshelf releases', then run the command again."
        )
    # Reserved before it is used: a counter that may have been seen is never given out again.
    append(project, target.name, _record(head, "start"))
    target.put(KEY, sign(head, load_signing_key(project.keys, "head")))
    append(project, target.name, _record(head, action))
    return head


def _next_head(
    target: Target, project: Project, live: Live, seen: Head | None, clock: Clock
) -> Head:
    shop = project.settings.shop
    counters = [
        highest_counter(project, target.name),
        project.settings.edge.min_counter - 1,
        seen.counter if seen else 0,
    ]
    return Head(
        shop=shop.name,
        environment=shop.environment,
        counter=max(counters) + 1,
        issued_at=int(clock() * 1000),
        live=live,
        previous=seen.live if seen else None,
        overlays=seen.overlays if seen else (),
    )


def _record(head: Head, action: Action) -> Record:
    return Record(
        release=head.live.release,
        manifest=head.live.manifest,
        digest=head.live.digest.hex(),
        counter=head.counter,
        at=head.issued_at,
        action=action,
    )


def _refuse_other_owner(value: bytes, shop: str, environment: str) -> None:
    """Name the other owner, unproven; without this the error would be a signature's."""
    try:
        body = msgspec.msgpack.decode(unpack(value).body)
    except msgspec.DecodeError as error:
        raise TableError(f"the head is malformed: {error}.") from error
    owner = (body.get("shop"), body.get("environment")) if isinstance(body, dict) else (None, None)
    if owner != (shop, environment):
        raise TableError(f"it is of {owner[0]}/{owner[1]}, not of {shop}/{environment}.")


def _refuse_stale(head: Head, target: Target, project: Project, clock: Clock) -> None:
    done = [record for record in records(project, target.name) if record.action != "start"]
    newest = max(done, key=lambda record: record.counter, default=None)
    if newest is None or newest.counter <= head.counter:
        return
    if clock() - newest.at / 1000 < STALE_SECONDS:
        raise PlatformError(
            f"{target!r}: the store still answers with head {head.counter}, though "
            f"{newest.counter} was written less than {STALE_SECONDS} s ago. "
            "Wait a minute, then run the command again."
        )
