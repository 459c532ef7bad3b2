"""The head: the one mutable value, which says what release is live."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from control_plane.deploy.archive.bucket import open_bucket, state_key
from control_plane.deploy.record import (
    WRITES,
    records,
)
from control_plane.deploy.target import Target
from control_plane.envelope import HEAD, seal, unpack, unseal
from control_plane.errors import StaleError, TableError
from control_plane.keyring import trusted_keys
from control_plane.settings import Project

FORMAT = 1
KEY = "head"

#: How long a store may go on answering with the head before (Cloudflare says 60 s or more).
STALE_SECONDS = 120

Clock = Callable[[], float]


class Live(msgspec.Struct, frozen=True, omit_defaults=True):
    """A release that a head names; `digest` is the SHA-256 of the manifest's value.

    `since` is when it went live, `catalogue_at` when the newest of its catalogue's items was told
    (epoch ms, 0 where nobody knows).
    """

    manifest: str
    digest: bytes
    release: str
    since: int = 0
    catalogue_at: int = 0


class Canary(Live, frozen=True, omit_defaults=True, kw_only=True):
    """A release that a share of the devices (over 0, below 1) sees before everyone does."""

    share: float

    @property
    def live(self) -> Live:
        """The release as one that is live for all."""
        return Live(self.manifest, self.digest, self.release, catalogue_at=self.catalogue_at)


class StockOverlay(msgspec.Struct, frozen=True, tag="stock", tag_field="kind"):
    """Stock and prices: value k holds the hashes from `firsts[k]` on (uint32, little-endian).

    `digests` are 16 bytes each. `told_at` (epoch ms) is when all entries were last held
    against the catalogue.
    """

    count: int
    firsts: bytes
    digests: bytes
    told_at: int


class ErasedOverlay(msgspec.Struct, frozen=True, tag="erased", tag_field="kind"):
    """Erased visitors, by keys of one key id; cut as stock is."""

    key_id: str
    count: int
    firsts: bytes
    digests: bytes


class OffOverlay(msgspec.Struct, frozen=True, tag="off", tag_field="kind"):
    """Slots that show the page's own content."""

    slots: tuple[str, ...]


Overlay = StockOverlay | ErasedOverlay | OffOverlay


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the edge believes, once the signature holds; `issued_at` is epoch milliseconds."""

    shop: str
    environment: str
    counter: int
    issued_at: int
    live: Live
    previous: Live | None = None
    canary: Canary | None = None
    overlays: tuple[Overlay, ...] = ()
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
    shop, keys = project.settings.shop, trusted_keys(project.keys, "head")
    try:
        head = parse(value, shop.name, shop.environment, keys)
    except TableError as error:
        raise TableError(
            f"{target!r}: the value under 'head' is not this project's: {error}\n"
            "  Check that the target is the right one; if it is, delete the key 'head' there "
            "and deploy again."
        ) from error
    _refuse_stale(head, target, project, clock)
    return head


def archived_head(target: Target, project: Project) -> Head | None:
    """Return the head that the archive keeps for a target, None without one; raise TableError."""
    bucket = open_bucket(project)
    stored = bucket.get(archived_head_key(project, target.name)) if bucket else None
    if stored is None:
        return None
    shop = project.settings.shop
    return parse(stored.value, shop.name, shop.environment, trusted_keys(project.keys, "head"))


def archived_head_key(project: Project, target: str) -> str:
    """Return where the archive keeps a target's newest head."""
    return state_key(project, target, "head")


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
    begun = ("start", "reserve", *WRITES)
    done = [record for record in records(project, target.name) if record.action not in begun]
    newest = max(done, key=lambda record: record.counter, default=None)
    if newest is None or newest.counter <= head.counter:
        return
    if clock() - newest.at / 1000 < STALE_SECONDS:
        raise StaleError(
            f"{target!r}: the store still answers with head {head.counter}, though "
            f"{newest.counter} was written less than {STALE_SECONDS} s ago. "
            "Wait a minute, then run the command again."
        )
