"""What can go wrong with a key-value store, on demand and alike in every run."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from fnmatch import fnmatchcase
from typing import Literal, get_args

import msgspec

from control_plane.emulator.store import Pair
from control_plane.errors import InputError, suggest

Kind = Literal[
    "error", "late", "hang", "reset", "cut", "stall", "missing", "stale", "swapped", "truncated",
    "corrupted",
]  # fmt: skip
Operation = Literal["read", "write"]
#: Faults of the connection, not of the value: a write can meet the first four of them too.
OF_WRITES = ("error", "late", "hang", "reset")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One way to fail, for the keys that match `key` (`*` and `?` as in a shell).

    `error` answers `status`; `late` answers after `seconds`; `hang` never answers; `reset` drops
    the connection, `cut` and `stall` do so, or fall silent, half-way through the value. `missing`
    hides the value, `stale` shows the one before it, `swapped` that of the key `other`,
    `truncated` and `corrupted` a damaged one. `share` of the calls meet it.
    """

    kind: Kind
    key: str = "*"
    on: Operation = "read"
    share: float = 1.0
    seconds: float = 5.0
    status: int = 500
    other: str = ""

    def __post_init__(self) -> None:
        """Refuse what no store could do."""
        if self.kind not in get_args(Kind):
            remedy = suggest(self.kind, list(get_args(Kind)))
            raise InputError(f"{self.kind!r} is no fault", field="kind", remedy=remedy)
        if self.on == "write" and self.kind not in OF_WRITES:
            remedy = f"A write can meet: {', '.join(OF_WRITES)}."
            raise InputError(f"no write can be {self.kind!r}", field="kind", remedy=remedy)
        if not 0 <= self.share <= 1:
            raise InputError(f"{self.share} is no share", field="share", remedy="0 to 1.")


def parse_fault(text: str) -> Fault:
    """Read `KIND[:KEYS[:SHARE]]`, as `dev --fault` takes it."""
    kind, _, rest = text.partition(":")
    keys, _, share = rest.partition(":")
    wanted = {"kind": kind, "key": keys or "*", "share": share or "1"}
    try:
        return msgspec.convert(wanted, Fault, strict=False)
    except msgspec.ValidationError as error:
        remedy = f"Give KIND[:KEYS[:SHARE]]; kinds: {', '.join(get_args(Kind))}."
        raise InputError(f"{text!r} is no fault", field="--fault", remedy=remedy) from error


class Faults:
    """The faults of the moment; they may change while the worker runs.

    `met` counts by kind how often one was met, so that a test can tell that it tested something.
    """

    def __init__(self, faults: tuple[Fault, ...] = (), seed: int = 7) -> None:
        self._faults, self._seed = faults, seed
        self._lock = threading.Lock()
        self._calls: Counter[tuple[str, str]] = Counter()
        self.met: Counter[str] = Counter()

    def add(self, *faults: Fault) -> None:
        """Let these happen too."""
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._faults = ()

    def meet(self, operation: Operation, key: str) -> Fault | None:
        """Return the first fault that this call meets, or None."""
        with self._lock:
            if not self._faults:
                return None
            self._calls[operation, key] += 1
            for number, fault in enumerate(self._faults):
                if fault.on != operation or not fnmatchcase(key, fault.key):
                    continue
                if self.draw(number, operation, key, self._calls[operation, key]) < fault.share:
                    self.met[fault.kind] += 1
                    return fault
        return None

    def draw(self, *what: object) -> float:
        """Return a number from 0 up to 1 that depends on the seed and `what` alone."""
        text = "\0".join(str(part) for part in (self._seed, *what))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48

    def damaged(self, pair: Pair, kind: str) -> Pair:
        """Return a pair whose value is cut short, or has a few of its bytes changed."""
        value = bytearray(pair.value)
        if kind == "truncated":
            del value[int(len(value) * self.draw(kind, pair.key)) :]
        for flip in range(3 if kind == "corrupted" and value else 0):
            place = int(len(value) * self.draw(kind, pair.key, flip))
            value[place] ^= 1 + int(255 * self.draw(kind, pair.key, flip, "by"))
        return msgspec.structs.replace(pair, value=bytes(value))
