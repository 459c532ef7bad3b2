"""The REST API's tokens: what each may do, until when, and how often within five minutes."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from control_plane.emulator.limits import Refusal

UNAUTHENTICATED, UNAUTHORIZED, INVALID_TOKEN, MISSING_TOKEN = 10000, 9109, 1000, 9106
TOO_MANY_CALLS = 971
#: What Cloudflare allows a token.
CALLS, WINDOW_SECONDS = 1200, 300

Group = Literal[
    "Workers KV Storage",
    "Workers Scripts",
    "Workers Routes",
    "Zone",
    "Account Settings",
    "User Details",
    "Memberships",
]
Level = Literal["Read", "Edit"]


class Permission(msgspec.Struct, frozen=True):
    """A permission in the words of Cloudflare's dashboard; Edit holds Read."""

    group: Group
    level: Level = "Read"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What opens the API; `permissions` is None for all, `expires_at` epoch seconds."""

    secret: str
    permissions: frozenset[Permission] | None = None
    expires_at: float | None = None

    @property
    def id(self) -> str:
        """The token's public name."""
        return hashlib.sha256(self.secret.encode()).hexdigest()[:32]

    def expired(self, now: float) -> bool:
        """Whether it opens nothing any more."""
        return self.expires_at is not None and self.expires_at <= now

    def may(self, needed: Permission) -> bool:
        """Whether it has a permission."""
        if self.permissions is None:
            return True
        return needed in self.permissions or Permission(needed.group, "Edit") in self.permissions


class Tokens:
    """Who may call; `calls` a window is how often each (None: as often as it likes).

    The count is held against `clock`, so that a test moves the window on.
    """

    def __init__(self, secret: str, clock: Callable[[], float]) -> None:
        self.calls: int | None = None
        self._clock = clock
        self._known = [Token(secret=secret)]
        self._windows: dict[str, _Window] = {}

    def add(
        self, permissions: Iterable[Permission] | None = None, expires_at: float | None = None
    ) -> str:
        """Make a token that may do so much and no more; return its secret."""
        allowed = None if permissions is None else frozenset(permissions)
        secret = secrets.token_urlsafe(32)
        self._known.append(Token(secret=secret, permissions=allowed, expires_at=expires_at))
        return secret

    def authenticate(self, header: str) -> Token:
        """Return the token of an Authorization header; refuse an unknown one, and a hasty one."""
        if not header:
            raise Refusal("Missing Authorization header", 400, MISSING_TOKEN)
        given = header.encode()
        for token in self._known:
            if hmac.compare_digest(given, f"Bearer {token.secret}".encode()):
                self._count(token)
                return token
        raise Refusal("Authentication error", 403, UNAUTHENTICATED)

    def authorize(self, token: Token, *any_of: Permission) -> None:
        """Refuse what the token may not do, or not any more; one of the permissions is enough."""
        if token.expired(self._clock()) or not any(map(token.may, any_of)):
            raise Refusal("Authentication error", 403, UNAUTHENTICATED)

    def verdict(self, token: Token) -> dict[str, str]:
        """Return what the API says of a token that asks about itself."""
        status = "expired" if token.expired(self._clock()) else "active"
        return {"id": token.id, "status": status}

    def headers(self, token: Token) -> dict[str, str]:
        """Return what every answer says of the calls that are left."""
        if self.calls is None:
            return {}
        now, window = self._clock(), self._windows.get(token.id) or _Window(self._clock())
        return {
            "Ratelimit": f'"default";r={max(0, self.calls - window.calls)};t={window.left(now)}',
            "Ratelimit-Policy": f'"default";q={self.calls};w={WINDOW_SECONDS}',
        }

    def _count(self, token: Token) -> None:
        if self.calls is None:
            return
        now = self._clock()
        window = self._windows.get(token.id)
        if window is None or window.left(now) == 0:
            window = self._windows[token.id] = _Window(now)
        window.calls += 1
        if window.calls > self.calls:
            raise TooManyCalls(window.left(now))


class TooManyCalls(Refusal):
    """The refusal of a call over the limit; another is welcome after `seconds`."""

    def __init__(self, seconds: int) -> None:
        words = "Please wait and consider throttling your request speed"
        super().__init__(words, 429, TOO_MANY_CALLS)
        self.seconds = seconds


class _Window:
    def __init__(self, started: float) -> None:
        self.started, self.calls = started, 0

    def left(self, now: float) -> int:
        return max(0, math.ceil(self.started + WINDOW_SECONDS - now))
