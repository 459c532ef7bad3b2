"""EdgeKV as a worker reads it: text over HTTP, opened by a token (an ASGI app)."""

from __future__ import annotations

import base64
import binascii
import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane.deploy.akamai.edgekv import group_of

#: Where an item is read.
ITEM = re.compile(
    r"/api/v1/namespaces/(?P<namespace>[\w-]{1,32})/groups/(?P<group>[\w-]{1,128})"
    r"/items/(?P<item>[\w-]{1,512})",
    re.ASCII,
)
METHODS = ("GET", "PUT", "DELETE")
VALUE_BYTES = 1_000_000


class EdgeKV:
    """Serve one place of a namespace over `values`, a key-value wire that keeps raw bytes.

    What is text here, base64, is bytes there: a release written for one platform serves both.
    """

    def __init__(self, values: ASGIApp, namespace: str, group: str, token: str) -> None:
        self.values, self.token = values, token
        self.place = (namespace, group)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        refused, item = self._check(request)
        if refused is not None:
            await refused(scope, receive, send)
            return
        inner = {**scope, "path": f"/{item}", "raw_path": f"/{item}".encode(), "query_string": b""}
        if scope["method"] == "PUT":
            await self._put(request, inner, send)
        elif scope["method"] == "GET":
            await self.values(inner, receive, _Encoding(send))
        else:
            await self.values(inner, receive, send)

    def _check(self, request: Request) -> tuple[Response | None, str]:
        found = ITEM.fullmatch(request.url.path)
        if not found or request.method not in METHODS:
            return _failure(400, "Bad request"), ""
        if request.headers.get("x-akamai-edgedb-auth") != self.token:
            return _failure(401, "Unauthorized"), ""
        namespace, group = self.place
        if (found["namespace"], found["group"]) != (namespace, group_of(group, found["item"])):
            return _failure(403, "Forbidden"), ""
        return None, found["item"]

    async def _put(self, request: Request, inner: Scope, send: Send) -> None:
        text = await request.body()
        try:
            value = base64.b64decode(text, validate=True)
        except binascii.Error:
            await _failure(400, "not base64")(inner, request.receive, send)
            return
        if len(text) > VALUE_BYTES:
            await _failure(413, "too large")(inner, request.receive, send)
            return

        async def receive() -> Message:
            return {"type": "http.request", "body": value, "more_body": False}

        await self.values(inner, receive, send)


def _failure(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail, "status": status}, status)


class _Encoding:
    """Sends an answer on with its body as base64; errors go as they are."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 0
        self._rest = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [pair for pair in message["headers"] if not _tells_of_bytes(pair[0])]
            await self._send({**message, "headers": headers})
        elif self._status == 200:
            await self._send(self._encoded(message))
        else:
            await self._send(message)

    def _encoded(self, message: Message) -> Message:
        body = self._rest + message.get("body", b"")
        # Only whole groups of three bytes can be sent before the last.
        whole = len(body) - len(body) % 3 if message.get("more_body") else len(body)
        self._rest = body[whole:]
        return {**message, "body": base64.b64encode(body[:whole])}


def _tells_of_bytes(name: bytes) -> bool:
    return name.lower() in (b"content-length", b"content-type", b"cf-kv-metadata", b"cf-expiration")
