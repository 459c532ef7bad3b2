"""A shop's origin for measuring: a page of 50 KB, whole or with its second half late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PAGE_BYTES = 50_000
LATE_SECONDS = 0.1

_HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Boots</title>
<link rel="stylesheet" href="/shop.css"></head><body data-fs-item="{item}"><header><a href="/">Shop
</a><nav><ul><li><a href="/new">New</a></li><li><a href="/sale">Sale</a></li></ul></nav></header>
<div class="hero" data-fs-slot="home.hero"><p>Hello</p></div>
"""
_BLOCK = """<article class="card"><a href="/p/{n}"><img src="/media/{n}.webp" alt="" width="240"
height="240"><h3>Product number {n}</h3><p class="price">&euro; {n}.99</p></a><p>Waxed cotton, a
lining of recycled wool, and two pockets that close. <em>Made to be mended.</em></p></article>
"""
_SLOT = '<section data-fs-slot="{slot}"><p>Our favourites</p></section>\n'
_END = "<footer><p>End</p></footer></body></html>\n"


def make_page(item: str) -> tuple[bytes, bytes]:
    """Return two halves of a page of 50 KB: one slot in the first, two in the second."""
    count = (PAGE_BYTES - 900) // len(_BLOCK.format(n=100))
    blocks = [_BLOCK.format(n=100 + n) for n in range(count)]
    half = count // 2
    first = _HEAD.format(item=item) + "".join(blocks[:half])
    second = [_SLOT.format(slot="home.recommended"), *blocks[half : half + half // 2]]
    second += [_SLOT.format(slot="product.alike"), *blocks[half + half // 2 :], _END]
    return first.encode(), "".join(second).encode()


class _Origin:
    """Answers on kept connections: `/late` sends the second half after a while."""

    def __init__(self, item: str) -> None:
        self.halves = make_page(item)
        first, second = self.halves
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
        self.whole = head + b"Content-Length: %d\r\n\r\n" % len(first + second) + first + second
        self.started = head + b"Transfer-Encoding: chunked\r\n\r\n" + _chunk(first)
        self.rest = _chunk(second) + _chunk(b"")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests until it closes."""
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                if request.startswith(b"GET /late"):
                    writer.write(self.started)
                    await writer.drain()
                    await asyncio.sleep(LATE_SECONDS)
                    writer.write(self.rest)
                else:
                    writer.write(self.whole)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the worker has closed its connection
        finally:
            writer.close()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@contextmanager
def running_origin(item: str) -> Iterator[str]:
    """Give the address of an origin that serves in a thread of its own."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    address: list[str] = []
    stop = asyncio.Event()

    async def run() -> None:
        server = await asyncio.start_server(_Origin(item).serve, "127.0.0.1", 0)
        address.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    try:
        ready.wait()
        yield address[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
