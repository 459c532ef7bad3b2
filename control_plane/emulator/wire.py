"""The protocol that workerd speaks with the service behind a key-value binding (an ASGI app)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from control_plane.emulator import limits
from control_plane.emulator.limits import Refusal
from control_plane.emulator.store import Pair, Store
from control_plane.errors import PlatformError

#: The server turns this header into the HTTP reason, which workerd makes the error's message.
REASON = "frontshelf-reason"


class BulkGet(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a bulk read."""

    keys: list[str]
    type: str = "text"
    with_metadata: bool = msgspec.field(name="withMetadata", default=False)
    cache_ttl: str | int | None = msgspec.field(name="cacheTtl", default=None)


class KVWire:
    """Serve one namespace of a store to workerd."""

    def __init__(self, store: Store, namespace: str) -> None:
        self.store, self.namespace = store, namespace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; limits and faults become a status and a reason."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except PlatformError as error:
            response = refusal(error)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        key = unquote(request.scope["raw_path"].partition(b"?")[0].decode("ascii")[1:])
        query = dict(parse_qsl(request.scope["query_string"].decode("ascii")))
        match request.method, key:
            case "GET", "":
                return self._list(query)
            case "POST", "bulk/get":
                return self._get_many(await request.body())
            case "GET", _:
                return self._get(key, query)
            case "PUT", _:
                return await self._put(key, query, request)
            case "DELETE", _:
                limits.check_key(key)
                self.store.delete(self.namespace, [key])
                return Response()
        raise Refusal(f"{request.method} is not part of the protocol.", 405)

    def _get(self, key: str, query: dict[str, str]) -> Response:
        limits.check_key(key)
        limits.check_cache_ttl(query.get("cache_ttl"))
        pair = self.store.get(self.namespace, key)
        if pair is None:
            raise Refusal("Not Found", 404)
        response = Response(pair.value, media_type="application/octet-stream")
        if pair.metadata is not None:
            # Raw UTF-8, as the platform sends it; Starlette would insist on Latin-1.
            response.raw_headers.append((b"cf-kv-metadata", pair.metadata.encode()))
        if pair.expiration is not None:
            response.headers["CF-Expiration"] = str(pair.expiration)
        return response

    def _get_many(self, body: bytes) -> Response:
        try:
            wanted = msgspec.json.decode(body, type=BulkGet)
        except msgspec.DecodeError as error:
            raise Refusal(f"Malformed bulk get: {error}") from error
        limits.check_bulk_get(wanted.keys)
        if wanted.cache_ttl is not None:
            limits.check_cache_ttl(str(wanted.cache_ttl))
        found = self.store.get_many(self.namespace, wanted.keys)
        limits.check_value(sum(len(pair.value) for pair in found.values()))
        return JSONResponse(
            {
                key: bulk_value(found.get(key), wanted.type, wanted.with_metadata)
                for key in wanted.keys
            }
        )

    def _list(self, query: dict[str, str]) -> Response:
        limit = limits.list_limit(query.get("key_count_limit"))
        page = self.store.list_keys(
            self.namespace, query.get("prefix", ""), limit, query.get("cursor", "")
        )
        body: dict[str, Any] = {
            "keys": msgspec.to_builtins(page.keys),
            "list_complete": page.cursor is None,
            "cacheStatus": None,
        }
        return JSONResponse(body | ({"cursor": page.cursor} if page.cursor else {}))

    async def _put(self, key: str, query: dict[str, str], request: Request) -> Response:
        # The body comes first, for workerd wants to send all of it before it hears of a refusal.
        value = await read_bounded(request, limits.VALUE_BYTES)
        limits.check_key(key)
        raw = dict(request.scope["headers"]).get(b"cf-kv-metadata")
        metadata = raw.decode("utf-8", "replace") if raw else None
        limits.check_metadata(metadata)
        expiration = limits.expiration_at(
            self.store.clock(), query.get("expiration"), query.get("expiration_ttl")
        )
        self.store.put(self.namespace, [Pair(key, value, metadata, expiration)])
        return Response()


def bulk_value(pair: Pair | None, type: str, with_metadata: bool) -> Any:
    """Return what a bulk read says of one key: its value, or value and metadata, or null."""
    if pair is None:
        return None
    value = _decoded(pair, type)
    if not with_metadata:
        return value
    return {"value": value, "metadata": parsed_metadata(pair)}


def parsed_metadata(pair: Pair) -> Any:
    """Return a pair's metadata, or None."""
    return None if pair.metadata is None else json.loads(pair.metadata)


async def read_bounded(request: Request, limit: int) -> bytes:
    """Return a body of at most `limit` bytes, of whatever declared length."""
    body, length = bytearray(), 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= limit:
            body += chunk
    if length > limit:
        raise limits.too_large(length, limit)
    return bytes(body)


def refusal(error: PlatformError) -> Response:
    """Return an error's status with its message as the reason."""
    message = str(error).replace("\n", " ")
    response = Response(message, error.status or 503, media_type="text/plain")
    response.raw_headers.append((REASON.encode(), message.encode()))
    return response


def _decoded(pair: Pair, type: str) -> Any:
    if type not in ("text", "json"):
        raise Refusal(f'"{type}" is not a valid type. Use "json" or "text".')
    text = pair.value.decode("utf-8", "replace")
    if type == "text":
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        words = f"The value of {pair.key!r} is not JSON, so a bulk get of type json fails."
        raise Refusal(words) from error
