"""What Akamai's APIs allow, and how often."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of an account; None is none.

    How many hits a second EdgeKV allows, and how many items it lists at most, is not the same for
    every account; a listing without `maxItems` is of 100.
    """

    hits_per_second: int | None = None
    listed_items: int = 10_000
    listed_by_default: int = 100
    value_characters: int = 262_144
    namespaces: int = 20
    versions: int = 1_000
    versions_per_minute: int = 20
    activations_per_minute: int = 20


class Rates:
    """Counts what was asked within the current second, or minute, of a clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._windows: dict[str, tuple[int, Counter[str]]] = {}

    def count(self, what: str, seconds: int = 1) -> int:
        """Count one more; return how many there are within the window."""
        now = int(self._clock() // seconds)
        with self._lock:
            window, counts = self._windows.get(what, (now, Counter()))
            if window != now:
                counts = Counter()
            counts[what] += 1
            self._windows[what] = (now, counts)
            return counts[what]
