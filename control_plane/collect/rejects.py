"""Writes the rows that were not taken, with line, field and reason."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from control_plane.collect.report import Reject
from control_plane.collect.store import replace

SHOWN = 80


class RejectsFile:
    """Gathers rejects on disk and counts them by field and reason."""

    def __init__(self, partial: Path) -> None:
        self.stream = partial.open("wb")
        self.partial = partial
        self.digest = hashlib.sha256()
        self.reasons: Counter[str] = Counter()
        self.count = 0

    def add(self, rejects: Iterable[Reject]) -> None:
        """Append rejects in the order of their lines."""
        for reject in sorted(rejects, key=lambda reject: reject.line):
            line = msgspec.json.encode(_short(reject)) + b"\n"
            self.stream.write(line)
            self.digest.update(line)
            self.reasons[_reason(reject)] += 1
            self.count += 1

    def finish(self, folder: Path, name: str) -> Path | None:
        """Put the file at its place and return it; None when nothing was rejected.

        The same rejects give the same file, however often they come.
        """
        self.stream.close()
        if not self.count:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{name}-{self.digest.hexdigest()[:8]}.jsonl"
        replace(self.partial, target)
        return target

    def close(self) -> None:
        """Let go of the file, whatever became of it."""
        self.stream.close()


def _reason(reject: Reject) -> str:
    # Columns differ in number from row to row; the count is one reason all the same.
    reason = "wrong number of fields" if " fields instead of " in reject.reason else reject.reason
    return f"{reject.field}: {reason}" if reject.field else reason


def _short(reject: Reject) -> Reject:
    if reject.value is None or len(reject.value) <= SHOWN:
        return reject
    return msgspec.structs.replace(reject, value=f"{reject.value[:SHOWN]}…")
