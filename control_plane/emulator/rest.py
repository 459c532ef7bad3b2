"""Cloudflare's REST API v4 for key-value stores, over the local store (an ASGI app)."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from control_plane.emulator import limits
from control_plane.emulator.limits import Refusal
from control_plane.emulator.rest_bulk import delete_pairs, get_pairs, put_pairs
from control_plane.emulator.rest_namespaces import (
    create_namespace,
    list_namespaces,
    namespace_of,
    show,
)
from control_plane.emulator.rest_values import delete_value, list_keys, put_value
from control_plane.emulator.store import Pair, Store
from control_plane.emulator.wire import parsed_metadata, read_bounded
from control_plane.errors import PlatformError

#: The one account of a laptop.
ACCOUNT = "10ca1000000000000000000000000000"
BASE = "/client/v4"
#: What a multipart body adds to a value and its metadata.
FORM_BYTES = 64 * 1024
UNAUTHENTICATED, MISSING_TOKEN, NO_ROUTE, UNAVAILABLE = 10000, 9106, 7003, 10001


class RestApi:
    """Serve the API to who knows `token`; every answer but a value is an envelope."""

    def __init__(self, store: Store, token: str) -> None:
        self.store, self._token = store, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except PlatformError as error:
            code = error.code if isinstance(error, Refusal) else UNAVAILABLE
            response = _failure(str(error), error.status or 503, code)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        self._authenticate(request)
        path = request.scope["raw_path"].partition(b"?")[0].decode("ascii")
        match [unquote(part) for part in path.removeprefix(BASE).strip("/").split("/")]:
            case ["user", "tokens", "verify"]:
                return success({"id": "local", "status": "active"})
            case ["accounts", account, "storage", "kv", "namespaces", *rest]:
                if account != ACCOUNT:
                    raise Refusal("Authentication error", 403, UNAUTHENTICATED)
                body = await read_bounded(request, _body_limit(rest))
                # SQLite and large JSON must not hold up the worker's own reads.
                return await asyncio.to_thread(self._namespaces, request, rest, body)
        raise Refusal(f"Could not route to {path}", 404, NO_ROUTE)

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not given:
            raise Refusal("Missing Authorization header", 400, MISSING_TOKEN)
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise Refusal("Authentication error", 403, UNAUTHENTICATED)

    def _namespaces(self, request: Request, path: list[str], body: bytes) -> Response:
        query = dict(parse_qsl(request.scope["query_string"].decode("ascii")))
        match request.method, path:
            case "GET", []:
                return success(*list_namespaces(self.store, query))
            case "POST", []:
                return success(create_namespace(self.store, body))
        namespace = namespace_of(self.store, path[0] if path else "")
        match request.method, path[1:]:
            case "GET", []:
                return success(show(namespace))
            case "DELETE", []:
                self.store.delete_namespace(namespace.id)
                return success({})
            case "GET", ["keys"]:
                return success(*list_keys(self.store, namespace.id, query))
        return self._pairs(request, namespace.id, path[1:], query, body)

    def _pairs(
        self, request: Request, id: str, path: list[str], query: dict[str, str], body: bytes
    ) -> Response:
        match request.method, path:
            case "PUT", ["bulk"]:
                return success(put_pairs(self.store, id, body))
            case ("DELETE", ["bulk"]) | ("POST", ["bulk", "delete"]):
                return success(delete_pairs(self.store, id, body))
            case "POST", ["bulk", "get"]:
                return success(get_pairs(self.store, id, body))
            case "GET", ["values", *key]:
                return _value(self._existing(id, "/".join(key)))
            case "PUT", ["values", *key]:
                content_type = request.headers.get("content-type", "")
                put_value(self.store, id, "/".join(key), query, content_type, body)
                return success({})
            case "DELETE", ["values", *key]:
                delete_value(self.store, id, "/".join(key))
                return success({})
            case "GET", ["metadata", *key]:
                return success(parsed_metadata(self._existing(id, "/".join(key))))
        raise Refusal("endpoint does not exist", 404, limits.NO_ENDPOINT)

    def _existing(self, id: str, key: str) -> Pair:
        limits.check_key(key)
        pair = self.store.get(id, key)
        if pair is None:
            raise Refusal("get: 'key not found'", 404, limits.KEY_NOT_FOUND)
        return pair


def success(result: Any, info: dict[str, Any] | None = None) -> Response:
    """Return the envelope of what went well."""
    envelope = {"success": True, "errors": [], "messages": [], "result": result}
    return JSONResponse(envelope | ({"result_info": info} if info is not None else {}))


def _failure(message: str, status: int, code: int) -> Response:
    errors = [{"code": code, "message": message}]
    return JSONResponse(
        {"success": False, "errors": errors, "messages": [], "result": None}, status
    )


def _value(pair: Pair) -> Response:
    response = Response(pair.value, media_type="application/octet-stream")
    if pair.expiration is not None:
        response.headers["expiration"] = str(pair.expiration)
    return response


def _body_limit(path: list[str]) -> int:
    bulk = len(path) > 1 and path[1] == "bulk"
    return limits.BULK_WRITE_BYTES if bulk else limits.VALUE_BYTES + FORM_BYTES
