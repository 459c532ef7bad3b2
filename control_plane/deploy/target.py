"""What every key-value store that can carry releases must be able to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

import msgspec

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


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a store counts and what it asks for it; a price is None where it is by contract.

    `lists` are the calls that list all, whatever there is; without them a call lists `listed` keys
    of one kind. A call writes `pairs` values of `bytes` at most; `at_once` calls are under way.
    """

    pairs: int
    bytes: int
    listed: int = 0
    lists: int = 0
    usd_per_write: float | None
    usd_per_read: float | None
    at_once: int = 1
    calls_per_second: float | None = None


@runtime_checkable
class Metered(Protocol):
    """A target that goes by other terms than Cloudflare's."""

    @property
    def terms(self) -> Terms:
        """What its calls take."""


def checked_key(key: str) -> str:
    """Return the key; raise InputError when a platform would refuse or misread it."""
    if not KEY.fullmatch(key) or key.isdigit():
        raise InputError(
            f"{key!r} is not a key",
            remedy="Keys are 1 to 512 letters, digits, '_' or '-', and never digits alone.",
        )
    return key
