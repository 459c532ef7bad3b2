"""The two APIs behind one gate, as an ASGI app."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl, unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from control_plane.emulator.akamai_api.auth import ApiClient, Gate
from control_plane.emulator.akamai_api.edgekv import EdgeKVApi
from control_plane.emulator.akamai_api.edgeworkers import EdgeWorkersApi
from control_plane.emulator.akamai_api.items import Shelf
from control_plane.emulator.akamai_api.limits import Limits
from control_plane.emulator.akamai_api.problems import Problem, gate_problem
from control_plane.emulator.call import Call
from control_plane.emulator.store import Store
from control_plane.emulator.wire import read_bounded
from control_plane.errors import PlatformError

#: No body that these APIs take is longer.
BODY_BYTES = 4 * 1024 * 1024


class AkamaiApi:
    """Serve the APIs of one account to its clients.

    Signatures go by `gate_clock`, which is this machine's, so that a test may set the store's
    clock, by which activations go, as far forward as it likes. What stands at `shelf` is what the
    local edge serves.
    """

    def __init__(
        self,
        store: Store,
        clients: Iterable[ApiClient],
        *,
        limits: Limits | None = None,
        shelf: Shelf | None = None,
        gate_clock: Callable[[], float] = time.time,
    ) -> None:
        self.limits = limits or Limits()
        self.gate = Gate(clients, gate_clock)
        self.edgekv = EdgeKVApi(store, self.limits, shelf)
        self.edgeworkers = EdgeWorkersApi(store, self.limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            body = await read_bounded(request, BODY_BYTES)
            # SQLite must not hold up the worker's own reads.
            response = await asyncio.to_thread(self._answer, request, body)
        except ClientDisconnect:
            return
        except Problem as problem:
            response = problem.response()
        except PlatformError as error:
            status = error.status or 503
            response = gate_problem(status, str(error), request.method, str(request.url)).response()
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Response:
        self.gate.enter(request, body)
        raw = request.scope["raw_path"].partition(b"?")[0].decode("ascii")
        path = tuple(unquote(part) for part in raw.strip("/").split("/"))
        call = Call(
            method=request.method,
            path=path[2:],
            query=dict(parse_qsl(request.scope["query_string"].decode("ascii"))),
            content_type=request.headers.get("content-type", ""),
            body=body,
            client="api",
        )
        if path[:2] == ("edgekv", "v1"):
            return self.edgekv.answer(call)
        if path[:2] == ("edgeworkers", "v1"):
            return self.edgeworkers.answer(call)
        raise gate_problem(404, "Not Found", request.method, str(request.url))
