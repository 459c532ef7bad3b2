"""The deployers' lock in the archive: one object that conditional writes hand on.

Whoever holds it has it until a moment by the store's own clock, renews it while at work, and
renews it once more right before the head moves. A deployer that slept too long finds the object
changed, and can move nothing. (Leases: Gray and Cheriton, 1989; fencing by the object's tag.)
"""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from control_plane.deploy.archive.bucket import Bucket
from control_plane.errors import LockedError, PlatformError

LEASE_SECONDS = 120.0
#: How often a deployer that waits looks again.
LOOK_SECONDS = 2.0


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who deploys: since when and until when by the store's clock (epoch seconds; 0: nobody).

    `fence` counts the holders there ever were.
    """

    fence: int
    user: str
    host: str
    pid: int
    since: float
    until: float

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds")
        return f"{self.user} on {self.host} (process {self.pid}), since {since}"


class Lease:
    """The lock, held; `confirm` renews it and raises LockedError when it went to another."""

    def __init__(self, bucket: Bucket, key: str, holder: Holder, etag: str) -> None:
        self.bucket, self.key, self.holder, self._etag = bucket, key, holder, etag
        self._renewed = time.monotonic()

    def confirm(self) -> None:
        """Renew the lease; what is done within a third of it is done alone."""
        self._write(msgspec.structs.replace(self.holder, until=self.bucket.now() + LEASE_SECONDS))

    def keep(self) -> None:
        """Renew the lease when a third of it is over."""
        if time.monotonic() - self._renewed > LEASE_SECONDS / 3:
            self.confirm()

    def release(self) -> None:
        """Hand the lock on; a lease that was lost meanwhile stays with whoever has it."""
        free = msgspec.structs.replace(self.holder, until=0.0)
        self.bucket.replace(self.key, msgspec.json.encode(free), self._etag)

    def _write(self, holder: Holder) -> None:
        etag = self.bucket.replace(self.key, msgspec.json.encode(holder), self._etag)
        if etag is None:
            _stored, now = _read(self.bucket, self.key)
            raise LockedError(
                f"{self.bucket!r}: the lock of this deployment ran out and {now or 'another'} took "
                "it; nothing more was written.\n  Look with 'frontshelf status', then run the "
                "command again."
            )
        self.holder, self._etag, self._renewed = holder, etag, time.monotonic()


def acquire(
    bucket: Bucket,
    key: str,
    *,
    wait_seconds: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Lease:
    """Take the lock, waiting at most so long; raise LockedError that names the holder."""
    left = wait_seconds
    while True:
        lease, holder = _take(bucket, key)
        if lease:
            return lease
        if left <= 0:
            raise LockedError(
                f"{bucket!r}: {holder} is deploying this project. Wait for it to end "
                f"('--wait SECONDS' does), then run the command again. Should it be gone, its "
                f"lock ends within {LEASE_SECONDS:.0f} s by itself."
            )
        sleep(min(LOOK_SECONDS, left))
        left -= LOOK_SECONDS


def holder_of(bucket: Bucket, key: str) -> Holder | None:
    """Return who holds the lock now, None when nobody does."""
    _etag, holder = _read(bucket, key)
    return holder if holder and holder.until > bucket.now() else None


def _take(bucket: Bucket, key: str) -> tuple[Lease | None, Holder | None]:
    etag, held = _read(bucket, key)
    now = bucket.now()
    if held and held.until > now and not _is_dead(held):
        return None, held
    mine = Holder(
        fence=held.fence + 1 if held else 1,
        user=_user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        since=now,
        until=now + LEASE_SECONDS,
    )
    value = msgspec.json.encode(mine)
    won = bucket.put_new(key, value) if etag is None else bucket.replace(key, value, etag)
    return (None, _read(bucket, key)[1]) if won is None else (Lease(bucket, key, mine, won), None)


def _read(bucket: Bucket, key: str) -> tuple[str | None, Holder | None]:
    stored = bucket.get(key)
    if stored is None:
        return None, None
    try:
        return stored.etag, msgspec.json.decode(stored.value, type=Holder)
    except msgspec.DecodeError as error:
        raise PlatformError(
            f"{bucket!r}: {key} is no lock ({error}). Delete it when nobody deploys."
        ) from error


def _is_dead(holder: Holder) -> bool:
    """Whether the holder was a process of this machine that is no more."""
    if holder.host != socket.gethostname() or holder.pid == os.getpid():
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
