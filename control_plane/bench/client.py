"""A client that costs little: one kept connection, one request at a time, raw bytes."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from control_plane.errors import PlatformError

ANSWER_SECONDS = 60.0


class Client:
    """Sends prepared requests over one connection; a context manager."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def ask(self, request: bytes) -> bytes:
        """Send a request and return the body; raise PlatformError unless the status is 200."""
        self._socket.sendall(request)
        head, body = self._until(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise PlatformError(f"a measured worker answered {head[:200]!r}")
        lowered = head.lower()
        place = lowered.find(b"content-length:")
        if place < 0:
            return self._chunks(body)
        return self._exactly(int(lowered[place + 15 :].split(b"\r\n", 1)[0]), body)

    def _until(self, mark: bytes) -> tuple[bytes, bytes]:
        got = self._left
        while (place := got.find(mark)) < 0:
            got += self._receive()
        self._left = b""
        return got[:place], got[place + len(mark) :]

    def _exactly(self, length: int, got: bytes) -> bytes:
        while len(got) < length:
            got += self._receive()
        self._left = got[length:]
        return got[:length]

    def _chunks(self, got: bytes) -> bytes:
        body: list[bytes] = []
        while True:
            self._left = got
            size, got = self._until(b"\r\n")
            chunk = self._exactly(int(size, 16) + 2, got)
            got = self._left
            if size == b"0":
                return b"".join(body)
            body.append(chunk[:-2])

    def _receive(self) -> bytes:
        part = self._socket.recv(262_144)
        if not part:
            raise PlatformError("a measured worker closed the connection")
        return part


def get(path: str, headers: dict[str, str] | None = None) -> bytes:
    """Return a GET's bytes."""
    return _head("GET", path, headers or {}) + b"\r\n"


def post(path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a POST of JSON."""
    sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    return _head("POST", path, sent) + b"\r\n" + body


def _head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.example"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "".join(f"{line}\r\n" for line in lines).encode()
