"""The clocks an emulated store can go by: this machine's, or one that a test sets forward."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in epoch seconds, and waits."""

    def __call__(self) -> float:
        """Return the time."""

    async def sleep(self, seconds: float) -> None:
        """Return when so much time has passed on this clock."""


class MachineClock:
    """The time of this machine."""

    def __call__(self) -> float:
        """Return the time."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until `advance`; any thread may set it."""

    def __init__(self, now: float | None = None) -> None:
        self._now = time.time() if now is None else now
        self._lock = threading.Lock()
        self._sleepers: list[tuple[float, asyncio.AbstractEventLoop, asyncio.Event]] = []

    def __call__(self) -> float:
        """Return the time it was set to."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Set the clock forward and wake whoever waited for that."""
        with self._lock:
            self._now += seconds
            due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self._now]
            self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._now]
        for _, loop, event in due:
            loop.call_soon_threadsafe(event.set)

    async def sleep(self, seconds: float) -> None:
        """Return when the clock was set so far forward."""
        event = asyncio.Event()
        with self._lock:
            if seconds <= 0:
                return
            self._sleepers.append((self._now + seconds, asyncio.get_running_loop(), event))
        await event.wait()
