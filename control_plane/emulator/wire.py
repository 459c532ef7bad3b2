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
from control_plane.emulator.failing import Met, answer_with, faulty_pair, suffer
from control_plane.emulator.faults import Operation
from control_plane.emulator.limits import Refusal
from control_plane.emulator.store import Pair
from control_plane.emulator.view import DEFAULT_TTL_SECONDS, ViewedStore
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
    """Serve one namespace of a store, as a location sees it, to workerd."""

    def __init__(self, store: ViewedStore, namespace: str) -> None:
        self.store, self.namespace = store, namespace
        self.view = store.view

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
                return await self._get_many(request)
            case "GET", _:
                return await self._get(key, query, request)
            case "PUT", _:
                return await self._put(key, query, request)
            case "DELETE", _:
                return await self._delete(key, request)
        raise Refusal(f"{request.method} is not part of the protocol.", 405)

    async def _get(self, key: str, query: dict[str, str], request: Request) -> Response:
        limits.check_key(key)
        limits.check_cache_ttl(query.get("cache_ttl"))
        fault = await self._meet("read", [key], request)
        pair = self._seen([key], query.get("cache_ttl"), fault).get(key)
        if pair is None:
            raise Refusal("Not Found", 404)
        response = Response(pair.value, media_type="application/octet-stream")
        if pair.metadata is not None:
            # Raw UTF-8, as the platform sends it; Starlette would insist on Latin-1.
            response.raw_headers.append((b"cf-kv-metadata", pair.metadata.encode()))
        if pair.expiration is not None:
            response.headers["CF-Expiration"] = str(pair.expiration)
        return answer_with(response, fault)

    async def _get_many(self, request: Request) -> Response:
        try:
            wanted = msgspec.json.decode(await request.body(), type=BulkGet)
        except msgspec.DecodeError as error:
            raise Refusal(f"Malformed bulk get: {error}") from error
        limits.check_bulk_get(wanted.keys)
        ttl = None if wanted.cache_ttl is None else str(wanted.cache_ttl)
        limits.check_cache_ttl(ttl)
        fault = await self._meet("read", wanted.keys, request)
        found = self._seen(wanted.keys, ttl, fault)
        limits.check_value(sum(len(pair.value) for pair in found.values()))
        response = JSONResponse(
            {
                key: bulk_value(found.get(key), wanted.type, wanted.with_metadata)
                for key in wanted.keys
            }
        )
        return answer_with(response, fault)

    async def _meet(self, operation: Operation, keys: list[str], request: Request) -> Met | None:
        """Return the first fault met and its key, after what it does to the request."""
        for key in keys:
            fault = self.view.faults.meet(operation, key)
            if fault:
                await suffer(fault, request, self.view.clock)
                return Met(key, fault)
        return None

    def _seen(self, keys: list[str], cache_ttl: str | None, met: Met | None) -> dict[str, Pair]:
        ttl = float(cache_ttl or DEFAULT_TTL_SECONDS)
        seen = self.view.read(self.store, self.namespace, keys, ttl)
        if met:
            shown = faulty_pair(met, self.store, self.namespace, seen.pop(met.key, None))
            if shown is not None:
                seen[met.key] = shown
        return seen

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
        met = await self._meet("write", [key], request)
        raw = dict(request.scope["headers"]).get(b"cf-kv-metadata")
        metadata = raw.decode("utf-8", "replace") if raw else None
        limits.check_metadata(metadata)
        expiration = limits.expiration_at(
            self.store.clock(), query.get("expiration"), query.get("expiration_ttl")
        )
        self.store.put(self.namespace, [Pair(key, value, metadata, expiration)])
        self.view.see_at_once(self.namespace, key)
        return answer_with(Response(), met)

    async def _delete(self, key: str, request: Request) -> Response:
        limits.check_key(key)
        met = await self._meet("write", [key], request)
        self.store.delete(self.namespace, [key])
        self.view.see_at_once(self.namespace, key)
        return answer_with(Response(), met)


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
