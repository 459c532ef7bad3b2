"""What every key-value store that can carry releases must be able to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from control_plane.errors import InputError

Pair = tuple[str, bytes]

#: Keys that every platform accepts; `.` and `/` are left out on purpose.
KEY = re.compile(r"[A-Za-z0-9_-]{1,512}")


class Target(Protocol):
    """A key-value store at a CDN, or one that stands in for it.

    Every verb may be repeated: writing what is there and deleting what is not are no errors.
    Verbs raise PlatformError when the store refuses or does not answer.
    """

    @property
    def name(self) -> str:
        """The word of `--target`; release histories are kept by it."""

    def get(self, key: str) -> bytes | None:
        """Return a value, or None when there is none."""

    def put(self, key: str, value: bytes) -> None:
        """Write one value."""

    def put_many(self, pairs: Iterable[Pair]) -> None:
        """Write values in any order; `pairs` is read as it goes, never held as a whole."""

    def delete_many(self, keys: Iterable[str]) -> None:
        """Delete keys in any order."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that start with `prefix`, ascending."""


def checked_key(key: str) -> str:
    """Return the key; raise InputError when a platform would refuse or misread it."""
    if not KEY.fullmatch(key) or key.isdigit():
        raise InputError(
            f"{key!r} is not a key",
            remedy="Keys are 1 to 512 letters, digits, '_' or '-', and never digits alone.",
        )
    return key
