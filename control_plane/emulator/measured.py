"""A front of the local edge that hands the worker one request at a time, to measure each."""

from __future__ import annotations

import asyncio

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from control_plane.emulator.miniflare import Miniflare

#: Of one connection, or of a body as it was before it was read.
NOT_PASSED_ON = {b"connection", b"keep-alive", b"transfer-encoding", b"content-encoding"}
NOT_PASSED_ON |= {b"content-length"}
#: What the address and the content of a call say already.
IN_THE_CALL = {"host", "x-forwarded-proto", "content-length", "transfer-encoding", "connection"}


class Measured:
    """Answer as the worker does, whole and one after another: only then is it known what a
    request used. Where the allowance is strict, the platform's error stands for the answer.
    """

    def __init__(self, worker: Miniflare) -> None:
        self._worker, self._turn = worker, asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for the requests before this one, and ask the worker."""
        request = Request(scope, receive)
        body = await request.body()
        async with self._turn:
            answer = await asyncio.to_thread(self._ask, request, body)
        await _response(answer)(scope, receive, send)

    def _ask(self, request: Request, body: bytes) -> httpx.Response:
        headers = {k: v for k, v in request.headers.items() if k not in IN_THE_CALL}
        # What comes back is read here, and this is all that can be read everywhere.
        headers["accept-encoding"] = "gzip"
        return self._worker.dispatch_fetch(
            str(request.url), method=request.method, headers=headers, content=body or None
        )


def _response(answer: httpx.Response) -> Response:
    response = Response(answer.content, answer.status_code)
    length = [pair for pair in response.raw_headers if pair[0] == b"content-length"]
    pairs = [(name.lower(), value) for name, value in answer.headers.raw]
    response.raw_headers = [pair for pair in pairs if pair[0] not in NOT_PASSED_ON]
    if answer.request.method != "HEAD":
        response.raw_headers += length
    return response
