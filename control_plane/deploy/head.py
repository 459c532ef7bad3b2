"""The head: the one mutable value, which says what release is live."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from control_plane.deploy.archive.bucket import open_bucket
from control_plane.deploy.lock import Lock
from control_plane.deploy.record import (
    GOES_LIVE,
    WRITES,
    Action,
    Record,
    append,
    highest_counter,
    records,
)
from control_plane.deploy.target import Target
from control_plane.envelope import HEAD, seal, unpack, unseal
from control_plane.errors import PlatformError, StaleError, TableError, WorkError
from control_plane.keyring import least_counter, load_signing_key, trusted_keys
from control_plane.settings import Project
from control_plane.tables import MAX_VALUE_BYTES

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


def move_head(
    target: Target,
    project: Project,
    lock: Lock,
    live: Live,
    seen: Head | None,
    action: Action,
    clock: Clock = time.time,
    overlays: tuple[Overlay, ...] | None = None,
) -> Head:
    """Make `live` the live release; raise PlatformError when the head is no longer `seen`.

    The overlays stay those of `seen` unless others are given. A canary ends.
    """
    at = int(clock() * 1000)
    head = Head(
        shop=project.settings.shop.name,
        environment=project.settings.shop.environment,
        counter=_next_counter(target, project, seen),
        issued_at=at,
        live=msgspec.structs.replace(live, since=at),
        previous=_before(seen, live) if seen else None,
        overlays=(seen.overlays if seen else ()) if overlays is None else overlays,
    )
    return _write(target, project, lock, head, seen, _record(head, head.live, action), clock)


def move_canary(
    target: Target,
    project: Project,
    lock: Lock,
    canary: Canary | None,
    seen: Head,
    clock: Clock = time.time,
) -> Head:
    """Begin, change or end (None) a canary.

    Raises PlatformError when the head is no longer `seen`.
    """
    at = int(clock() * 1000)
    if canary is not None:
        goes_on = seen.canary is not None and seen.canary.manifest == canary.manifest
        since = seen.canary.since if goes_on and seen.canary else at
        canary = msgspec.structs.replace(canary, since=since)
    head = msgspec.structs.replace(
        seen, counter=_next_counter(target, project, seen), issued_at=at, canary=canary
    )
    action: Action = "canary" if canary else "end"
    about = canary or seen.canary or seen.live
    return _write(target, project, lock, head, seen, _record(head, about, action), clock)


def archived_head(target: Target, project: Project) -> Head | None:
    """Return the head that the archive keeps for a target, None without one; raise TableError."""
    bucket = open_bucket(project)
    stored = bucket.get(archived_head_key(target.name)) if bucket else None
    if stored is None:
        return None
    shop = project.settings.shop
    return parse(stored.value, shop.name, shop.environment, trusted_keys(project.keys, "head"))


def archived_head_key(target: str) -> str:
    """Return where the archive keeps a target's newest head."""
    return f"targets/{target}/head"


def _before(seen: Head, live: Live) -> Live | None:
    """Return what a rollback goes to; a release that is live already comes after no other."""
    return seen.previous if seen.live.manifest == live.manifest else seen.live


def move_overlays(
    target: Target,
    project: Project,
    lock: Lock,
    overlays: tuple[Overlay, ...],
    seen: Head,
    clock: Clock = time.time,
) -> Head:
    """Name other overlays; raise PlatformError when the head is no longer `seen`."""
    head = msgspec.structs.replace(
        seen,
        counter=_next_counter(target, project, seen),
        issued_at=int(clock() * 1000),
        overlays=overlays,
    )
    return _write(target, project, lock, head, seen, _record(head, head.live, "overlay"), clock)


def _write(
    target: Target,
    project: Project,
    lock: Lock,
    head: Head,
    seen: Head | None,
    record: Record,
    clock: Clock,
) -> Head:
    value = sign(head, load_signing_key(project.keys, "head"))
    if len(value) > MAX_VALUE_BYTES:
        raise WorkError(f"the head would take {len(value):,} bytes, {MAX_VALUE_BYTES:,} fit.")
    if read_head(target, project, clock) != seen:
        raise PlatformError(
            f"{target!r}: somebody else moved the head meanwhile; nothing was made live. "
            "Look with 'frontshelf releases', then run the command again."
        )
    # Reserved before it is used: a counter that may have been seen is never given out again.
    reserved: Action = "start" if record.action in GOES_LIVE else "reserve"
    append(project, target.name, msgspec.structs.replace(record, action=reserved))
    lock.confirm()
    bucket = open_bucket(project)
    if bucket:
        # Before the target's own: what this head says of the erased must outlive the target.
        bucket.put(archived_head_key(target.name), value)
    target.put(KEY, value)
    append(project, target.name, record)
    return head


def _next_counter(target: Target, project: Project, seen: Head | None) -> int:
    known = highest_counter(project, target.name)
    least = least_counter(project) - 1
    return max(known, least, seen.counter if seen else 0) + 1


def _record(head: Head, about: Live, action: Action) -> Record:
    return Record(
        release=about.release,
        manifest=about.manifest,
        digest=about.digest.hex(),
        counter=head.counter,
        at=head.issued_at,
        action=action,
        catalogue_at=about.catalogue_at,
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
