"""The gate before Akamai's APIs: who signed a request, when, whether again, and what they may."""

from __future__ import annotations

import hmac
import re
import secrets
import threading
import time
from calendar import timegm
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec
from starlette.requests import Request

from control_plane.deploy.akamai.edgegrid import (
    SCHEME,
    Credentials,
    content_hash,
    data_to_sign,
    sign,
    unsigned_header,
)
from control_plane.emulator.akamai_api.problems import Problem, gate_problem

#: How far a client's clock may be off, either way.
SKEW_SECONDS = 30

Service = Literal["edgekv", "edgeworkers"]
Level = Literal["READ-ONLY", "READ-WRITE"]

_HEADER = re.compile(
    rf"{SCHEME} client_token=(?P<client>[^;]+);access_token=(?P<access>[^;]+);"
    r"timestamp=(?P<time>[^;]+);nonce=(?P<nonce>[^;]+);signature=(?P<signature>\S+)"
)


class Grant(msgspec.Struct, frozen=True):
    """An API that a client may use, and how."""

    service: Service
    level: Level = "READ-WRITE"


class ApiClient(msgspec.Struct, frozen=True, kw_only=True):
    """An API client of the account, as Control Center makes one; `grants` is None for all.

    `host` is not compared: the emulator answers at an address of its own.
    """

    credentials: Credentials
    grants: frozenset[Grant] | None = None
    active: bool = True

    def may(self, service: str, level: Level) -> bool:
        """Whether it has a grant; READ-WRITE holds READ-ONLY."""
        if self.grants is None:
            return True
        return any(
            grant.service == service and level in (grant.level, "READ-ONLY")
            for grant in self.grants
        )


def new_client(host: str, grants: Iterable[Grant] | None = None) -> ApiClient:
    """Return a client with new secrets."""
    return ApiClient(
        credentials=Credentials(
            host=host,
            client_token=f"akab-{secrets.token_hex(8)}-{secrets.token_hex(8)}",
            client_secret=secrets.token_urlsafe(32),
            access_token=f"akab-{secrets.token_hex(8)}-{secrets.token_hex(8)}",
        ),
        grants=None if grants is None else frozenset(grants),
    )


class Gate:
    """Lets requests through that a known client signed just now, once."""

    def __init__(
        self, clients: Iterable[ApiClient], clock: Callable[[], float] = time.time
    ) -> None:
        self.clients = list(clients)
        self._clock, self._lock = clock, threading.Lock()
        self._nonces: dict[str, float] = {}

    def enter(self, request: Request, body: bytes) -> ApiClient:
        """Return who sent a request; raise Problem 401 or 403 when it may not pass."""
        url = str(request.url)

        def denied(detail: str, status: int = 401) -> Problem:
            return gate_problem(status, detail, request.method, url)

        given = _HEADER.fullmatch(request.headers.get("authorization", ""))
        if not given:
            raise denied("Invalid authorization header")
        client = self._known(given["client"])
        if client is None or not client.active:
            raise denied("Inactive client token")
        if client.credentials.access_token != given["access"]:
            raise denied("Invalid access token")
        signed = _signature(client.credentials, request, body, given)
        if not hmac.compare_digest(signed.encode(), given["signature"].encode()):
            raise denied("The signature does not match")
        if abs(self._clock() - _seconds(given["time"])) > SKEW_SECONDS:
            raise denied("Invalid timestamp")
        if not self._first(given["nonce"]):
            raise denied("Nonce has already been used")
        level: Level = "READ-ONLY" if request.method in ("GET", "HEAD") else "READ-WRITE"
        if not client.may(request.url.path.split("/")[1], level):
            raise denied("The client does not have the grant needed for the request", 403)
        return client

    def _known(self, token: str) -> ApiClient | None:
        return next((one for one in self.clients if one.credentials.client_token == token), None)

    def _first(self, nonce: str) -> bool:
        now = self._clock()
        with self._lock:
            # Older ones are refused by their time.
            self._nonces = {
                old: at for old, at in self._nonces.items() if now - at <= 2 * SKEW_SECONDS
            }
            if nonce in self._nonces:
                return False
            self._nonces[nonce] = now
            return True


def _signature(
    credentials: Credentials, request: Request, body: bytes, given: re.Match[str]
) -> str:
    target = request.scope["raw_path"].partition(b"?")[0].decode("ascii")
    query = request.scope["query_string"].decode("ascii")
    data = data_to_sign(
        request.method,
        request.url.scheme,
        request.headers.get("host", ""),
        f"{target}?{query}" if query else target,
        content_hash(request.method, body, credentials.max_body),
        unsigned_header(credentials, given["time"], given["nonce"]),
    )
    return sign(credentials.client_secret, given["time"], data)


def _seconds(timestamp: str) -> float:
    try:
        return timegm(time.strptime(timestamp, "%Y%m%dT%H:%M:%S+0000"))
    except ValueError:
        return 0.0
