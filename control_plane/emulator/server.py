"""One HTTP server in a thread of its own: key-value bindings, service bindings, the CDN's API."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future
from itertools import count
from typing import Any, TypeVar

import h11
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from control_plane.emulator.failing import BREAK
from control_plane.emulator.wire import REASON
from control_plane.errors import InputError

#: Header that workerd adds to what it sends through a binding: which service is meant.
SERVICE = "frontshelf-service"

#: Longer than workerd keeps an idle connection, so that the server never closes one in use.
KEEP_ALIVE_SECONDS = 120

#: By how an app asks for it: the event in whose place the connection breaks.
LAST_EVENTS = {b"reset": h11.Response, b"cut": h11.EndOfMessage}

Answer = TypeVar("Answer")


class Services:
    """Route requests by the header that workerd injects; anything else goes to `public`.

    A token, new in every process, keeps other programs of this machine out of the bindings.
    """

    def __init__(self, public: ASGIApp) -> None:
        self.public, self._apps = public, dict[str, ASGIApp]()
        self._token, self._numbers = secrets.token_hex(16), count()

    def add(self, name: str, app: ASGIApp) -> str:
        """Serve `app`; return the header value that leads to it."""
        # Numbered, so that during a reload the old worker keeps its own services.
        address = f"{self._token}/{next(self._numbers)}/{name}"
        self._apps[address] = app
        return address

    def remove(self, addresses: Iterable[str]) -> None:
        """Serve these no more."""
        for address in addresses:
            del self._apps[address]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to its service."""
        wanted = dict(scope["headers"]).get(SERVICE.encode())
        if wanted is None:
            await self.public(scope, receive, send)
            return
        app = self._apps.get(wanted.decode("latin-1"), not_found)
        await app(scope, receive, send)


class Paths:
    """Route requests by the first part of their path; others go to `rest`."""

    def __init__(self, apps: Mapping[str, ASGIApp], rest: ASGIApp) -> None:
        self.apps, self.rest = apps, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        first = scope["path"].strip("/").partition("/")[0]
        await self.apps.get(first, self.rest)(scope, receive, send)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a plain 404."""
    await PlainTextResponse("Not Found\n", 404)(scope, receive, send)


def port_taken(port: int, error: OSError) -> InputError:
    """Return what to say when nothing can listen on a port."""
    return InputError(
        f"cannot listen on 127.0.0.1:{port}: {error.strerror}",
        field="port",
        remedy=f"End the program that uses port {port}, or choose another with --port.",
    )


class ServerThread:
    """Run an event loop in a thread, and in it a server for one ASGI app on 127.0.0.1.

    The thread lives until `close`, so children started in it can be tied to its life. Raises
    InputError when the port is taken.
    """

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        # asyncio sets TCP_NODELAY only on sockets that say they are TCP; without it every answer
        # waits 40 ms for an acknowledgement.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise port_taken(port, error) from error
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(_config(app))
        self._loop: asyncio.AbstractEventLoop
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name="frontshelf-emulator", daemon=True)
        self._thread.start()
        self._started.result()

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run a coroutine in the thread; return what it returns or raise what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Stop serving and end the thread."""
        self._server.should_exit = True
        self._thread.join()

    def _main(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            runner.run(self._serve())

    async def _serve(self) -> None:
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.001)
        self._started.set_result(None)
        await serving


class _Protocol(H11Protocol):
    """uvicorn's protocol, with the reason phrase or broken connection that an app asks for."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        size = self.config.h11_max_incomplete_event_size or 65536
        self.conn = _Connection(self._break, h11.SERVER, size)

    def _break(self) -> None:
        connected = self.transport.get_extra_info("socket")
        # Nothing lingers: the other side gets a reset.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class _Connection(h11.Connection):
    def __init__(self, on_break: Callable[[], None], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._on_break, self._broken = on_break, False
        self._last: Any = None

    def send(self, event: Any) -> Any:
        if isinstance(event, h11.Response):
            self._last = LAST_EVENTS.get(_asked(event, BREAK))
            event = _with_reason(event)
        if type(event) is self._last and not self._broken:
            self._broken = True
            self._on_break()
        return b"" if self._broken else super().send(event)


def _asked(response: h11.Response, header: str) -> bytes:
    return next((value for name, value in response.headers if name == header.encode()), b"")


def _with_reason(response: h11.Response) -> h11.Response:
    ours = (REASON.encode(), BREAK.encode())
    kept = [(name, value) for name, value in response.headers if name not in ours]
    if len(kept) == len(response.headers):
        return response
    reason = _asked(response, REASON) or response.reason
    return h11.Response(status_code=response.status_code, headers=kept, reason=reason)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
        # A URL with a key of 512 bytes and metadata too large to be accepted must get through.
        h11_max_incomplete_event_size=256 * 1024,
    )
