"""One deployment of a project at a time: on one machine, and between machines with an archive.

On a machine the lock is the kernel's: it goes with the process that holds it, however that ends,
so there is nothing to clean up. Between machines it is a lease in the archive; without one, two
machines are told apart by the head's counter only.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO

import msgspec

from control_plane.deploy.archive.bucket import open_bucket, state_key
from control_plane.deploy.archive.lease import LEASE_SECONDS, Lease, acquire
from control_plane.errors import LockedError, PlatformError, WorkError
from control_plane.settings import Project

log = logging.getLogger(__name__)


class Holder(msgspec.Struct, frozen=True):
    """Who deploys, and since when (UTC)."""

    pid: int
    host: str
    since: str


class Lock:
    """The lock, held. Without an archive there is nothing to renew."""

    def __init__(self, lease: Lease | None = None) -> None:
        self._lease = lease

    def confirm(self) -> None:
        """Make sure that it is still held, right before a head moves; raise LockedError if not."""
        if self._lease:
            self._lease.confirm()

    def keep(self) -> None:
        """Renew it in time, while the work goes on."""
        if self._lease:
            self._lease.keep()


@contextmanager
def deployment_lock(project: Project, target: str, *, wait_seconds: float = 0.0) -> Iterator[Lock]:
    """Hold the lock of the project's deployments to a target; raise LockedError when another does.

    Another machine is waited for at most so long; another process of this one, not.
    """
    bucket = open_bucket(project)
    with _kernel_lock(project):
        if bucket is None:
            yield Lock()
            return
        lease = acquire(bucket, lease_key(project, target), wait_seconds=wait_seconds)
        try:
            yield Lock(lease)
        finally:
            _hand_on(lease)


def _hand_on(lease: Lease) -> None:
    """Release a lease; that it can't be must not hide how the work ended."""
    try:
        lease.release()
    except PlatformError as error:
        log.warning("the lock stays until it runs out (%.0f s): %s", LEASE_SECONDS, error)


def lease_key(project: Project, target: str) -> str:
    """Return where the archive keeps a target's lock."""
    return state_key(project, target, "lock.json")


@contextmanager
def _kernel_lock(project: Project) -> Iterator[None]:
    with _lock_file(project) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(
                f"{project.root}: {_holder(stream)} is deploying this project. "
                "Wait for it to end, then run the command again."
            ) from error
        _sign(stream)
        yield


def deployer(project: Project) -> str | None:
    """Return who deploys this project from this machine now, and since when."""
    with _lock_file(project) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(stream).rstrip(",")
    return None


def _lock_file(project: Project) -> IO[bytes]:
    file = project.local / "deploy.lock"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("a+b", buffering=0)
    except OSError as error:
        raise WorkError(f"{file}: cannot be made ({error.strerror}).") from error


def _sign(stream: IO[bytes]) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = Holder(pid=os.getpid(), host=socket.gethostname(), since=since)
    try:
        stream.truncate(0)
        stream.write(msgspec.json.encode(holder))
    except OSError as error:
        raise WorkError(f"{stream.name}: cannot be written ({error.strerror}).") from error


def _holder(stream: IO[bytes]) -> str:
    stream.seek(0)
    try:
        holder = msgspec.json.decode(stream.read(), type=Holder)
    except msgspec.DecodeError:
        return "another process, just started,"
    return f"process {holder.pid} on {holder.host}, since {holder.since},"
