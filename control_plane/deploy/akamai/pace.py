"""Spaces calls out in time, for platforms that count them a second; threads share one pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: The slowest that refusals make it.
SLOWEST_SECONDS = 2.0
#: Refusals of calls that were made at once count once.
TOGETHER_SECONDS = 1.0
#: What each call that passes wins back of the pace there was.
RECOVERY = 0.99


class Pace:
    """Lets `per_second` calls a second pass, evenly; fewer after a refusal, then more again."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._least, self._clock, self._sleep = 1 / per_second, clock, sleep
        self._gap = self._least
        self._lock, self._next, self._slowed = threading.Lock(), 0.0, -TOGETHER_SECONDS

    @property
    def per_second(self) -> float:
        """How many calls pass in a second now."""
        return 1 / self._gap

    def wait(self) -> None:
        """Return when it is this call's turn."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._gap
            self._gap = max(self._least, self._gap * RECOVERY)
        if turn > now:
            self._sleep(turn - now)

    def slow_down(self) -> None:
        """Take half as many from now on."""
        with self._lock:
            now = self._clock()
            if now - self._slowed >= TOGETHER_SECONDS:
                self._slowed = now
                self._gap = min(2 * self._gap, max(self._gap, SLOWEST_SECONDS))
