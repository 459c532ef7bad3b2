"""HTTP as it is on the wire: an origin that answers just so, a client that changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit


class Seen(NamedTuple):
    """A request as the origin got it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


class Answer(NamedTuple):
    """An answer, its headers in order and its body undecoded."""

    status: int
    reason: str = "OK"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class PlainOrigin:
    """Answer what `respond` says, on 127.0.0.1; `seen` keeps every request."""

    def __init__(self, respond: Callable[[Seen], Answer]) -> None:
        self.seen: list[Seen] = []
        handler = type("Handler", (_Handler,), {"respond": staticmethod(respond), "origin": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    respond: Callable[[Seen], Answer]
    origin: PlainOrigin

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        # `path` would be tidied up: two slashes at its start become one.
        target = self.requestline.split()[1]
        request = Seen(self.command, target, self.headers.items(), self._body())
        self.origin.seen.append(request)
        answer = self.respond(request)
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers:
            self.send_header(name, value)
        names = [name.lower() for name, _ in answer.headers]
        bodiless = answer.status in (204, 304) or self.command == "HEAD"
        if "content-length" not in names and not bodiless:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not bodiless:
            self.wfile.write(answer.body)

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def ask(
    address: str,
    target: str,
    method: str = "GET",
    headers: list[tuple[str, str]] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send exactly these headers (and a Host), read the whole answer, follow and decode nothing."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers or []:
            connection.putheader(name, value)
        if "host" not in [name.lower() for name, _ in headers or []]:
            connection.putheader("Host", "shop.example")
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.reason, response.getheaders(), response.read())
    finally:
        connection.close()
