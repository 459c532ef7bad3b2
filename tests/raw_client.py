"""A client that sends whatever bytes it is given, over many connections at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

#: Long enough for the busiest machine: no test is about time.
PATIENCE_SECONDS = 60.0


class Request(NamedTuple):
    """A request as bytes; the length of its body is added when no header tells it."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    def encoded(self) -> bytes:
        """Return it as it goes over the wire."""
        names = {name.lower() for name, _ in self.headers}
        own = [] if b"host" in names else [(b"Host", b"shop.example")]
        if not names & {b"content-length", b"transfer-encoding"} and self.body:
            own.append((b"Content-Length", str(len(self.body)).encode()))
        lines = [b"%s: %s\r\n" % pair for pair in (*own, *self.headers)]
        return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (
            self.method,
            self.target,
            b"".join(lines),
            self.body,
        )


class Reply(NamedTuple):
    """An answer; status 0 when the connection was closed without one."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        wanted = name.lower().encode()
        return [value.decode("latin-1") for key, value in self.headers if key == wanted]

    def get(self, name: str) -> str:
        """Return a header, or nothing."""
        return ", ".join(self.all(name))


Check = Callable[[Request, Reply], None]


def send_all(address: str, requests: Iterable[Request], check: Check, connections: int = 32) -> int:
    """Send every request and check every answer; return how many there were."""
    return asyncio.run(_send_all(address, iter(requests), check, connections))


async def _send_all(
    address: str, requests: Iterator[Request], check: Check, connections: int
) -> int:
    workers = [_one_connection(address, requests, check) for _ in range(connections)]
    return sum(await asyncio.gather(*workers))


async def _one_connection(address: str, requests: Iterator[Request], check: Check) -> int:
    wire, sent = Wire(address), 0
    try:
        for request in requests:
            check(request, await wire.ask(request))
            sent += 1
    finally:
        wire.close()
    return sent


class Wire:
    """One connection, opened again when the server closes it."""

    def __init__(self, address: str) -> None:
        self._address = urlsplit(address)
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: Request) -> Reply:
        """Send a request and read its answer."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            fresh = self._writer is None
            reply = await self._once(request)
            # The server may have closed an idle connection just before.
            return await self._once(request) if reply.status == 0 and not fresh else reply

    def close(self) -> None:
        """Close the connection."""
        if self._writer:
            self._writer.close()
            self._writer = None

    async def _once(self, request: Request) -> Reply:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                self._address.hostname, self._address.port, limit=2**20
            )
        try:
            self._writer.write(request.encoded())
            await self._writer.drain()
            return await self._read(request.method == b"HEAD")
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            return Reply(0)

    async def _read(self, head: bool) -> Reply:
        status = 100
        while status // 100 == 1:
            lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
            status = int(lines[0].split(b" ")[1])
        pairs = [line.partition(b":") for line in lines[1:] if line]
        headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
        told = dict(headers)
        body = b""
        if not head and status not in (204, 304):
            if told.get(b"transfer-encoding", b"").lower() == b"chunked":
                body = await self._chunks()
            elif b"content-length" in told:
                body = await self._reader.readexactly(int(told[b"content-length"]))
        if told.get(b"connection", b"").lower() == b"close":
            self.close()
        return Reply(status, headers, body)

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._reader.readline(), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readline()
        await self._reader.readline()
        return body
