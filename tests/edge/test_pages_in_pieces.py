"""A page goes on as it comes: breaks, visitors who leave and slow readers reach the other side."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from toy_shop import World, make_project, start_worker

PIECE = b"<p>text</p>" * 4000
SLOT = b'<div data-fs-slot="home.hero">own</div>'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
#: More than the sockets between an origin and a visitor hold.
MUCH = 100_000_000

Serve = Callable[[socket.socket], None]


class Origin:
    """Answers each request by what `serve` does with its connection."""

    def __init__(self) -> None:
        self.serve: Serve = lambda connection: connection.close()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return  # the test is over
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            self.serve(connection)


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    origin = Origin()
    yield origin
    origin.listening.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, origin: Origin) -> Iterator[World]:
    project = make_project(tmp_path_factory.mktemp("toy"))
    with start_worker(project, shop=origin.url) as worker:
        world = World(project, worker)
        world.publish()
        yield world


@contextmanager
def asking(world: World) -> Iterator[socket.socket]:
    """Ask for the page; give the visitor's connection."""
    host, port = world.worker.ready.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\nAccept: text/html\r\n\r\n")
        yield visitor


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def received(visitor: socket.socket) -> bytes:
    got = b""
    while part := visitor.recv(65536):
        got += part
    return got


def received_until(visitor: socket.socket, text: bytes) -> bytes:
    got = b""
    while text not in got:
        part = visitor.recv(65536)
        assert part, f"the page ended without {text!r}: {got[-200:]!r}"
        got += part
    return got


@pytest.mark.parametrize(
    "length", [b"Content-Length: 900000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"]
)
def test_an_origin_that_breaks_off_breaks_the_page_off(
    world: World, origin: Origin, length: bytes
) -> None:
    # What is on its way when a stream is aborted may be lost, so the origin waits with that.
    seen = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(HEAD + length)
        connection.sendall(SLOT + PIECE if b"Length" in length else chunk(SLOT + PIECE))
        seen.wait(20)

    origin.serve = serve
    with asking(world) as visitor:
        got = received_until(visitor, b"<b>new</b>")
        seen.set()
        got += received(visitor)
    assert b" 200 OK" in got
    assert not got.endswith(b"0\r\n\r\n")


def test_a_short_page_that_breaks_off_is_never_told_as_whole(world: World, origin: Origin) -> None:
    seen = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 60000\r\n\r\n" + SLOT + b"half")
        seen.wait(20)

    origin.serve = serve
    with asking(world) as visitor:
        got = received_until(visitor, b"half")
        seen.set()
        got += received(visitor)
    assert b"content-length" not in got.lower()
    assert not got.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("pause", [0, 0.02])
@pytest.mark.parametrize("size", [9_000, 1_500])
def test_a_short_page_in_pieces_comes_whole_and_filled(
    world: World, origin: Origin, size: int, pause: float
) -> None:
    page = SLOT + PIECE[:19_800] + SLOT + b"<footer>end</footer>"

    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(page))
        for start in range(0, len(page), size):
            connection.sendall(page[start : start + size])
            time.sleep(pause)

    origin.serve = serve
    got = world.get("/").content
    assert got.count(b"<b>new</b>") == 2
    assert PIECE[:19_800] in got
    assert got.endswith(b"<footer>end</footer>")


def test_an_origin_that_drips_holds_back_little(world: World, origin: Origin) -> None:
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 60000\r\n\r\n" + SLOT)
        while not over.is_set():
            connection.sendall(b"-")
            time.sleep(0.0005)

    origin.serve = serve
    with asking(world) as visitor:
        got = b""
        while b"<b>new</b>" not in got:
            got += visitor.recv(65536)
        # Far less than a page that was waited for.
        assert len(got) < 5_000
        over.set()


def test_a_visitor_who_leaves_ends_the_origins_answer(world: World, origin: Origin) -> None:
    left, ended = threading.Event(), threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(SLOT))
        left.wait()
        try:
            for _ in range(MUCH // len(PIECE)):
                connection.sendall(chunk(PIECE))
        except OSError:
            ended.set()

    origin.serve = serve
    with asking(world) as visitor:
        while b"<b>new</b>" not in visitor.recv(65536):
            pass
    left.set()
    assert ended.wait(20)


def test_an_origin_waits_for_a_visitor_who_reads_slowly(world: World, origin: Origin) -> None:
    sent = 0
    stalled = threading.Event()

    def serve(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.settimeout(1)
        try:
            while sent < MUCH:
                connection.sendall(chunk(PIECE))
                sent += len(PIECE)
        except TimeoutError:
            stalled.set()

    origin.serve = serve
    with asking(world):
        assert stalled.wait(20)
    assert sent < MUCH


def test_the_connection_to_the_origin_serves_again(world: World, origin: Origin) -> None:
    served: list[int] = []
    page = SLOT + PIECE
    answer = HEAD + b"Content-Length: %d\r\n\r\n" % len(page) + page

    def serve(connection: socket.socket) -> None:
        served.append(0)
        asked = True
        while asked:
            served[-1] += 1
            connection.sendall(answer)
            asked = bool(connection.recv(65536))

    origin.serve = serve
    for _ in range(20):
        assert "data-fs-decision" in world.get("/").text
    assert max(served) >= 18, served
