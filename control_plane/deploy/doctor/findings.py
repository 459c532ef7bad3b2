"""What a check of the doctor found, and errors that it met as findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from control_plane.errors import FrontshelfError, StaleError

Level = Literal["ok", "warning", "problem"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found; unless all is well, `remedy` or the end of `says` tells what to do."""

    check: str
    level: Level
    says: str
    remedy: str = ""


def of_error(check: str, error: FrontshelfError, level: Level = "problem") -> Finding:
    """Return an error that a check met as what it found."""
    says, _, remedy = str(error).partition("\n")
    return Finding(check=check, level=level, says=says, remedy=" ".join(remedy.split()))


def checked(check: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what a check finds; an error that it meets is what it found."""
    try:
        yield from look()
    except StaleError as error:
        yield of_error(check, error, "warning")
    except FrontshelfError as error:
        yield of_error(check, error)


def finding(check: str, level: Level, says: str, remedy: str = "") -> Finding:
    """Return what a check found."""
    return Finding(check=check, level=level, says=says, remedy=remedy)
