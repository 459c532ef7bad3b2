"""When to ask again, and how long to wait before: exponential back-off with full jitter."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

#: Too many requests, and what gateways say when the service behind them is late or gone.
TOO_MANY = 429


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How patient a client is; clock and chance are arguments so that tests need neither."""

    attempts: int = 6
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0
    #: A platform may close an account's door for five minutes; longer is for people to decide.
    longest_retry_after_seconds: float = 330.0
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def wait_seconds(self, attempt: int, retry_after: float | None = None) -> float:
        """Return the wait after failed attempt number `attempt` (from 0)."""
        most = min(self.longest_wait_seconds, self.first_wait_seconds * 2**attempt)
        jittered = most * self.chance()
        return jittered if retry_after is None else retry_after + min(jittered, 1.0)


def worth_retrying(status: int) -> bool:
    """Say whether a status may go away by itself: 429 and every 5xx, Cloudflare's 524 too."""
    return status == TOO_MANY or status >= 500


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return what `Retry-After` asks for (seconds or a date), None when it is absent or odd."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
