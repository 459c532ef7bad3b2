"""What this project did to a target and its head: one line an action, appended and kept.

The record outlives the target's own memory: its counter never goes back, even when the store
answers with an old head, and it names releases that the head itself no longer does.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Literal

import msgspec

from control_plane.deploy.archive.bucket import Bucket, open_bucket, state_key
from control_plane.errors import LockedError, WorkError
from control_plane.settings import Project

log = logging.getLogger(__name__)

Action = Literal[
    "write",
    "draft",
    "start",
    "deploy",
    "promote",
    "rollback",
    "reserve",
    "overlay",
    "canary",
    "end",
]

#: What makes a release live for all; a start stands before each.
GOES_LIVE = ("deploy", "promote", "rollback")

#: What a canary did: it began or changed its share, or ended without going live.
OF_CANARIES = ("canary", "end")

#: What leaves the head where it is.
WRITES = ("write", "draft")

#: What overlays did to the head; of these only the newest are worth keeping.
OF_OVERLAYS = ("reserve", "overlay")

#: What gives a counter out, before it is used.
RESERVE = ("start", "reserve")

#: Records of an archive, beside the newest of overlays.
MAX_ARCHIVED = 500

#: A file of overlay records longer than this is written anew without them.
MAX_BYTES = 1 << 18


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One action. `start` and `reserve` reserve a counter, for a release and for anything else.

    `write` and `draft` stand before a release's values are written, and have the counter 0.

    `digest` is hexadecimal; `at` and `catalogue_at` are epoch ms, 0 for unknown.
    """

    release: str
    manifest: str
    digest: str
    counter: int
    at: int
    action: Action
    catalogue_at: int = 0


def append(project: Project, target: str, record: Record) -> None:
    """Add a record; it is on the disk, and in the archive, when this returns.

    Raises WorkError when it cannot be, LockedError when another machine used its counter.
    """
    bucket = open_bucket(project)
    if bucket:
        _append_archived(bucket, _archived(project, target), record)
    file = record_file(project, target)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+b") as stream:
            _end_torn_line(stream.fileno())
            stream.write(msgspec.json.encode(record) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
            size = stream.tell()
        if size > MAX_BYTES and record.action == "overlay":
            _shorten(project, target)
    except OSError as error:
        raise WorkError(
            f"{file}: cannot keep the release history ({error.strerror}). "
            "Make room or fix its permissions, then run the command again."
        ) from error


def records(project: Project, target: str) -> list[Record]:
    """Return all records, oldest first, those of other machines too where there is an archive.

    A line cut short by a crash is left out, and said.
    """
    file = record_file(project, target)
    own = _parse(_read(file), str(file))
    bucket = open_bucket(project)
    if bucket is None:
        return own
    key = _archived(project, target)
    stored = bucket.get(key)
    shared = _parse(stored.value, f"{bucket!r}/{key}") if stored else []
    known = set(shared)
    # Both are in order already; a start and what it became are of one time.
    return sorted([*shared, *(one for one in own if one not in known)], key=lambda one: one.at)


def highest_counter(project: Project, target: str) -> int:
    """Return the highest counter ever reserved, 0 when there is none."""
    return max((record.counter for record in records(project, target)), default=0)


def record_file(project: Project, target: str) -> Path:
    """Return where a target's records stand."""
    return project.local / f"releases-{target}.jsonl"


def _append_archived(bucket: Bucket, key: str, record: Record) -> None:
    """Add a record by compare-and-set, so that no counter is reserved twice."""
    while True:
        stored = bucket.get(key)
        known = _parse(stored.value, f"{bucket!r}/{key}") if stored else []
        if record in known:
            return
        used = max((one.counter for one in known), default=0)
        if record.action in RESERVE and record.counter <= used:
            raise LockedError(
                f"{bucket!r}: another machine moved the head to {used} meanwhile; nothing was made "
                "live. Run the command again."
            )
        value = _lines([*_newest(known), record])
        if stored is None:
            done = bucket.put_new(key, value)
        else:
            done = bucket.replace(key, value, stored.etag)
        if done is not None:
            return


def _newest(known: list[Record]) -> list[Record]:
    """Return what the archive keeps: of overlays the last two records, of all else a good many."""
    others = [one for one in known[:-2] if one.action not in OF_OVERLAYS]
    return [*others[-MAX_ARCHIVED:], *known[-2:]]


def _archived(project: Project, target: str) -> str:
    return state_key(project, target, "records.jsonl")


def _parse(raw: bytes, place: str) -> list[Record]:
    found = []
    for number, line in enumerate(raw.splitlines(), start=1):
        try:
            found.append(msgspec.json.decode(line, type=Record))
        except msgspec.DecodeError as error:
            log.warning("%s:%d: not a record (%s); left out.", place, number, error)
    return found


def _lines(known: list[Record]) -> bytes:
    return b"".join(msgspec.json.encode(one) + b"\n" for one in known)


def _shorten(project: Project, target: str) -> None:
    """Keep what releases did and the newest records of overlays, in one step."""
    file = record_file(project, target)
    known = _parse(_read(file), str(file))
    kept = [one for one in known[:-2] if one.action not in OF_OVERLAYS] + known[-2:]
    partial = file.with_name(f"{file.name}.partial")
    with partial.open("wb") as stream:
        stream.write(_lines(kept))
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise WorkError(f"{file}: cannot read the release history ({error.strerror}).") from error


def _end_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")
