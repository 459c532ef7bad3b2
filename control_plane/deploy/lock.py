"""One deployment of a project at a time, on one machine.

The lock is the kernel's: it goes with the process that holds it, however that ends, so there is
nothing to clean up. Deployments from two machines are told apart by the head's counter only.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO

import msgspec

from control_plane.errors import LockedError, WorkError
from control_plane.settings import Project


class Holder(msgspec.Struct, frozen=True):
    """Who deploys, and since when (UTC)."""

    pid: int
    host: str
    since: str


@contextmanager
def deployment_lock(project: Project) -> Iterator[None]:
    """Hold the project's deployment lock; raise LockedError when another process does."""
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
