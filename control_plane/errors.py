"""Every error Frontshelf raises on purpose.

    FrontshelfError
    ├── InputError      the call or the input is wrong (exit status 2)
    └── WorkError       the work failed (exit status 1)
        ├── RejectedError   too many rows of a file were rejected; nothing was stored
        ├── TableError      a table, manifest or head cannot be read or is not genuine
        ├── PlatformError   a CDN's API or the local edge refused or did not answer
        │   └── StaleError      the store does not show yet what was just written
        └── LockedError     another process works on the same project

A message says what was attempted, with which value, where, and what to do about it.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path


class FrontshelfError(Exception):
    """Base of all errors that end a command with a message instead of a traceback."""

    exit_status = 1


class InputError(FrontshelfError):
    """Say what is wrong with the call or an input file, where it stands, and the remedy."""

    exit_status = 2

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        field: str | None = None,
        remedy: str | None = None,
    ) -> None:
        place = ":".join(str(part) for part in (file, line) if part is not None)
        parts = [place, field, problem] if field else [place, problem]
        message = ": ".join(part for part in parts if part)
        super().__init__(f"{message}\n  {remedy}" if remedy else message)
        self.problem, self.file, self.line = problem, file, line
        self.field, self.remedy = field, remedy


class WorkError(FrontshelfError):
    """Say what could not be done, and what to do next."""


class RejectedError(WorkError):
    """Too large a share of a file's rows was rejected; nothing of it was stored."""


class TableError(WorkError):
    """A table, manifest or head is malformed, of an unknown format, or not genuine."""


class PlatformError(WorkError):
    """A CDN's API or the local edge refused a request or did not answer.

    `codes` are the platform's own, where it named some.
    """

    def __init__(
        self, message: str, status: int | None = None, codes: tuple[int, ...] = ()
    ) -> None:
        super().__init__(message)
        self.status, self.codes = status, codes


class StaleError(PlatformError):
    """The store still shows less than what was written a moment ago; asking later will help."""


class LockedError(WorkError):
    """Another process is working on the same project."""


def suggest(word: str, known: list[str]) -> str:
    """Return a remedy that names the closest known word, or all of them."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(sorted(known))}."
