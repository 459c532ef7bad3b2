"""Cloudflare's REST API v4 over the local store: key-value stores, Workers, zones (an ASGI app)."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl, unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from control_plane.emulator import limits
from control_plane.emulator.account import ACCOUNT, answer_account
from control_plane.emulator.call import Call, failure, success
from control_plane.emulator.limits import Refusal
from control_plane.emulator.rest_kv import answer_kv
from control_plane.emulator.store import Store
from control_plane.emulator.tokens import (
    INVALID_TOKEN,
    UNAUTHENTICATED,
    Level,
    Permission,
    Token,
    Tokens,
    TooManyCalls,
)
from control_plane.emulator.wire import read_bounded
from control_plane.emulator.workers.api import WorkersApi
from control_plane.emulator.workers.routes import ZonesApi
from control_plane.errors import PlatformError

BASE = "/client/v4"
#: What a multipart body adds to a value and its metadata.
FORM_BYTES = 64 * 1024
#: Uploads are held to their gzipped size, but not before they are read.
UPLOAD_BYTES = 64 * 1024 * 1024
NO_ROUTE, UNAVAILABLE = 7003, 10001


class RestApi:
    """Serve the API to who knows `token`, or one of `tokens`; `workers` holds what was uploaded.

    Every answer but a value and a worker's modules is an envelope.
    """

    def __init__(self, store: Store, token: str) -> None:
        self.store, self.tokens = store, Tokens(token, store.clock)
        self.workers = WorkersApi(store)
        self.zones = ZonesApi(self.workers.records, ACCOUNT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except PlatformError as error:
            code = error.code if isinstance(error, Refusal) else UNAVAILABLE
            after = {"Retry-After": str(error.seconds)} if isinstance(error, TooManyCalls) else {}
            response = failure(str(error), error.status or 503, code, after)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        raw = request.scope["raw_path"].partition(b"?")[0].decode("ascii")
        path = tuple(unquote(part) for part in raw.removeprefix(BASE).strip("/").split("/"))
        token = self._authenticated(request, path)
        if path[-2:] == ("tokens", "verify") and path[0] in ("user", "accounts"):
            return success(self.tokens.verdict(token))
        if path[0] == "accounts" and len(path) > 1 and path[1] != ACCOUNT:
            raise Refusal("Authentication error", 403, UNAUTHENTICATED)
        call = Call(
            method=request.method,
            path=path,
            query=dict(parse_qsl(request.scope["query_string"].decode("ascii"))),
            content_type=request.headers.get("content-type", ""),
            body=await read_bounded(request, _body_limit(path)),
            client="wrangler" if "wrangler" in request.headers.get("user-agent", "") else "api",
        )
        # SQLite and large JSON must not hold up the worker's own reads.
        response = await asyncio.to_thread(self._routed, call, token)
        response.headers.update(self.tokens.headers(token))
        return response

    def _authenticated(self, request: Request, path: tuple[str, ...]) -> Token:
        try:
            return self.tokens.authenticate(request.headers.get("authorization", ""))
        except Refusal as error:
            if error.code == UNAUTHENTICATED and path[-2:] == ("tokens", "verify"):
                raise Refusal("Invalid API Token", 401, INVALID_TOKEN) from error
            raise

    def _routed(self, call: Call, token: Token) -> Response:
        self.tokens.authorize(token, *_needed(call))
        match call.path:
            case "accounts", _, "storage", *_:
                return answer_kv(self.store, call.below(5))
            case "accounts", _, "workers", *_:
                return self.workers.answer(call.below(3))
            case "zones", *_:
                return self.zones.answer(call.below(1))
        return answer_account(call)


def _needed(call: Call) -> tuple[Permission, ...]:
    """Return the permissions of which one opens a path; refuse a path that leads nowhere."""
    level: Level = "Read" if call.method == "GET" else "Edit"
    match call.path:
        case "accounts", _, "storage", "kv", "namespaces", _, "bulk", "get":
            return (Permission("Workers KV Storage", "Read"),)
        case "accounts", _, "storage", "kv", "namespaces", *_:
            return (Permission("Workers KV Storage", level),)
        case ("accounts", _, "workers", "scripts", _, "routes") | (
            "zones", _, "workers", "routes", *_,
        ):  # fmt: skip
            return (Permission("Workers Routes", level),)
        case "accounts", _, "workers", *_:
            return (Permission("Workers Scripts", level),)
        case "zones", *_:
            # Who may route in a zone sees it, too.
            seen = (Permission("Workers Routes", "Read"),) if level == "Read" else ()
            return (Permission("Zone", level), *seen)
        case ("user",):
            return (Permission("User Details", level),)
        case ("memberships",):
            return (Permission("Memberships", level),)
        case ("accounts",) | ("accounts", _):
            return (Permission("Account Settings", level),)
    raise Refusal(f"Could not route to /{'/'.join(call.path)}", 404, NO_ROUTE)


def _body_limit(path: tuple[str, ...]) -> int:
    match path:
        case "accounts", _, "storage", "kv", "namespaces", _, "bulk", *_:
            return limits.BULK_WRITE_BYTES
        case "accounts", _, "workers", *_:
            return UPLOAD_BYTES
    return limits.VALUE_BYTES + FORM_BYTES
