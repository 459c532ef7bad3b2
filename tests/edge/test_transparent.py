"""To everything it does not rewrite, the worker is a transparent proxy."""

import base64
import gzip
import hashlib
import html
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from plain_http import Answer, PlainOrigin, Seen, ask
from toy_shop import RULES, World, make_project, start_worker

SIGNS = "naïve €12 — 日本 😀"
GZIPPED = gzip.compress(b"let it = 'be';" * 40, mtime=0)
BROTLI = b"\x0b\x02\x80hello\x03"
IMAGE = bytes(range(256)) * 4
SLOT = '<div data-fs-slot="home.hero">eigen</div>'
SHELF = '<section data-fs-slot="home.recommended">eigen</section>'
PAGE = f"<!doctype html><html><head>%s</head><body><p>%s</p>{SLOT}{SHELF}</body></html>"

ANSWERS = {
    "/odd": Answer(
        299,
        "Quite Fine",
        [
            ("Set-Cookie", "a=1; Path=/; HttpOnly"),
            ("Set-Cookie", "b=2, 3; SameSite=None; Secure"),
            ("Set-Cookie", "fs_like=theirs"),
            ("Link", "</a.css>; rel=preload; as=style"),
            ("Vary", "Accept-Language"),
            ("X-Empty", ""),
            ("X-Signs", "caf\xe9"),
            ("Server-Timing", 'db;dur=1, app;desc="a, b"'),
            ("Content-Type", "application/json; charset=UTF-8; odd=yes"),
            ("Cache-Control", "public, max-age=60"),
            ("ETag", 'W/"x"'),
        ],
        b'{"a": 1}',
    ),
    "/empty": Answer(204, "No Content", [("X-A", "1")]),
    "/same": Answer(304, "Not Modified", [("ETag", '"1"'), ("Cache-Control", "max-age=9")]),
    "/part": Answer(
        206,
        "Partial Content",
        [("Content-Type", "video/mp4"), ("Content-Range", "bytes 2-5/1024")],
        IMAGE[2:6],
    ),
    "/beyond": Answer(416, "Range Not Satisfiable", [("Content-Range", "bytes */1024")]),
    "/image": Answer(200, "OK", [("Content-Type", "image/png"), ("ETag", '"i"')], IMAGE),
    "/gzip": Answer(
        200,
        "OK",
        [("Content-Type", "text/javascript"), ("Content-Encoding", "gzip"), ("ETag", '"g"')],
        GZIPPED,
    ),
    "/brotli": Answer(
        200, "OK", [("Content-Type", "text/css"), ("Content-Encoding", "br")], BROTLI
    ),
    "/unknown-encoding": Answer(
        200, "OK", [("Content-Type", "text/css"), ("Content-Encoding", "zstd")], IMAGE
    ),
    "/gone": Answer(410, "Gone", [("Content-Type", "text/html")], b"<html>gone</html>"),
    "/broken": Answer(503, "Busy", [("Retry-After", "7"), ("Content-Type", "text/html")], b"later"),
    "/sign-in": Answer(401, "Unauthorized", [("WWW-Authenticate", 'Basic realm="a, b"')], b"no"),
    "/untyped": Answer(200, "OK", [], b"<html><div data-fs-slot=home.hero>x</div></html>"),
    "/text": Answer(200, "OK", [("Content-Type", "text/plain")], SLOT.encode()),
    "/xhtml": Answer(200, "OK", [("Content-Type", "application/xhtml+xml")], SLOT.encode()),
}
for status in (301, 302, 303, 307, 308):
    moved = [("Location", f"//other.example/{status}?a=b#c"), ("Set-Cookie", "m=1")]
    ANSWERS[f"/moved-{status}"] = Answer(status, "Moved", moved, b"over there")


def respond(request: Seen) -> Answer:
    path = urlsplit(request.target).path
    if path in ANSWERS:
        return ANSWERS[path]
    if path.startswith("/in-header/"):
        encoding = path.removeprefix("/in-header/")
        kind = f"text/html; charset={encoding}"
        return Answer(200, "OK", [("Content-Type", kind)], page_in(encoding, ""))
    if path.startswith("/in-meta/"):
        encoding = path.removeprefix("/in-meta/")
        body = page_in(encoding, f'<meta charset="{encoding}">')
        return Answer(200, "OK", [("Content-Type", "text/html")], body)
    if request.method != "GET":
        body = f"{request.method} {len(request.body)}".encode()
        return Answer(200, "OK", [("Content-Type", "text/html")], b"" if path == "/none" else body)
    return Answer(200, "OK", [("Content-Type", "text/html")], (PAGE % ("", "x")).encode())


LETTERS = {"shift_jis": "日本", "iso-8859-1": "naïve", "windows-1252": "€ “x”", "utf-16": "é"}


def page_in(encoding: str, head: str) -> bytes:
    letters = LETTERS.get(encoding, SIGNS)
    return (PAGE % (head, letters)).encode("utf-8" if encoding == "nonsense" else encoding)


@pytest.fixture(scope="module")
def shop() -> Iterator[PlainOrigin]:
    with PlainOrigin(respond) as origin:
        yield origin


@pytest.fixture(scope="module")
def world(tmp_path_factory, shop: PlainOrigin) -> Iterator[World]:
    rules = RULES.replace("<b>new</b>", f"<b>{SIGNS}</b>")
    project = make_project(tmp_path_factory.mktemp("toy"), rules)
    with start_worker(project, shop=shop.url) as worker:
        world = World(project, worker)
        world.publish()
        yield world


def told(answer: Answer) -> dict[str, list[str]]:
    """Return the headers without those of the connection; a list in one line or in several."""
    found: dict[str, list[str]] = {}
    for name, value in answer.headers:
        if name.lower() not in ("connection", "transfer-encoding", "date", "keep-alive"):
            found.setdefault(name.lower(), []).append(value)
    return found


@pytest.mark.parametrize("path", ANSWERS)
def test_what_is_no_page_comes_as_the_origin_sent_it(world: World, shop, path: str) -> None:
    accept = [("Accept", "text/html"), ("Accept-Encoding", "gzip, br")]
    for method in ("GET", "HEAD"):
        direct = ask(shop.url, path, method, accept)
        through = ask(world.worker.ready, path, method, accept)
        assert through[:2] == direct[:2]
        assert told(through) == told(direct)
        assert through.body == direct.body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
@pytest.mark.parametrize("path", ["/form", "/none", "/checkout/pay"])
def test_other_methods_arrive_and_are_answered_untouched(
    world: World, shop, method: str, path: str
) -> None:
    body = b"a=%00&b=\xff" if method in ("POST", "PUT", "PATCH") else None
    sent = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Mine", "1")]
    direct = ask(shop.url, f"{path}?q=%2F&q=+", method, sent, body)
    through = ask(world.worker.ready, f"{path}?q=%2F&q=+", method, sent, body)
    first, second = shop.seen[-2:]
    assert (through.status, told(through), through.body) == (200, told(direct), direct.body)
    assert (second.method, second.target, second.body) == (first.method, first.target, first.body)
    assert {(k.lower(), v) for k, v in first.headers} <= {(k.lower(), v) for k, v in second.headers}


def test_a_large_upload_arrives_whole_with_expect_and_in_chunks(world: World, shop) -> None:
    body = IMAGE * 3000
    assert ask(world.worker.ready, "/up", "POST", [("Expect", "100-continue")], body).body == (
        b"POST %d" % len(body)
    )
    assert hashlib.sha256(shop.seen[-1].body).digest() == hashlib.sha256(body).digest()
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(IMAGE), IMAGE) for _ in range(50)) + b"0\r\n\r\n"
    address = urlsplit(world.worker.ready)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        head = "POST /up HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + chunked)
        assert b" 200 " in connection.recv(65536)
    assert shop.seen[-1].body == IMAGE * 50


def test_what_is_asked_arrives_as_it_was_asked(world: World, shop) -> None:
    odd = [("Range", "bytes=0-3"), ("If-None-Match", '"1"'), ("If-Range", '"1"')]
    odd += [("Accept", "image/png"), ("Accept-Encoding", "gzip;q=0.5, zstd")]
    ask(world.worker.ready, "/image", headers=odd)
    assert set(odd) <= set(shop.seen[-1].headers)


def test_a_navigation_asks_for_what_can_be_rewritten(world: World, shop) -> None:
    asked = {
        "gzip, deflate, br, zstd": "gzip, br",
        "gzip;q=0.5, *": "gzip;q=0.5",
        "zstd": "identity",
    }
    for given, wanted in asked.items():
        ask(world.worker.ready, "/x", headers=[("Accept", "text/html"), ("Accept-Encoding", given)])
        assert dict(shop.seen[-1].headers)["Accept-Encoding"] == wanted


def test_our_cookies_stay_here_in_whatever_way_they_come(world: World, shop) -> None:
    for cookies in (
        [("Cookie", "a=1"), ("Cookie", "fs_id=2; b=3"), ("Cookie", "fs_s=4")],
        [("Cookie", "fs_id=2;a=1;fs_u=x ;  b=3")],
    ):
        ask(world.worker.ready, "/x", headers=cookies)
        seen = "; ".join(v for k, v in shop.seen[-1].headers if k.lower() == "cookie")
        assert "fs_" not in seen
        assert [part.strip() for part in seen.replace(",", ";").split(";")] == ["a=1", "b=3"]


def test_a_rewritten_page_keeps_the_headers_that_still_hold(world: World, shop) -> None:
    ANSWERS["/kept"] = Answer(
        200, "Fine", [*ANSWERS["/odd"].headers[:8], ("Content-Type", "text/html")], b"<html></html>"
    )
    direct, through = ask(shop.url, "/kept"), ask(world.worker.ready, "/kept")
    assert told(through) == {**told(direct), "cache-control": ["private, no-store"]}
    assert (through.status, through.reason, through.body) == (200, "Fine", direct.body)


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "windows-1252", "shift_jis"])
@pytest.mark.parametrize("place", ["in-header", "in-meta"])
def test_no_page_turns_to_mojibake_whatever_its_encoding(
    world: World, encoding: str, place: str
) -> None:
    answer = ask(world.worker.ready, f"/{place}/{encoding}")
    page = answer.body.decode(encoding)
    assert f"<b>{SIGNS}</b>" in html.unescape(page)
    assert html.unescape(page).count("€12.90") == 4
    # What was put in has the same bytes in every encoding that pages come in.
    assert answer.body.partition(b"</p>")[2].isascii()
    assert f"<p>{LETTERS.get(encoding, SIGNS)}</p>" in page
    assert page.endswith("</html>")


@pytest.mark.parametrize("encoding", ["utf-16", "nonsense"])
def test_a_page_that_no_parser_reads_comes_as_it_is(world: World, encoding: str) -> None:
    answer = ask(world.worker.ready, f"/in-header/{encoding}")
    assert answer.status == 200
    assert answer.body == page_in(encoding, "")
    assert world.get("/_fs/health").json()["faults"]["page_unreadable"] >= 1


def test_a_web_socket_goes_through_to_the_origin(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with start_worker(make_project(tmp_path), shop=address) as worker:
            mine = socket.create_connection(("127.0.0.1", urlsplit(worker.ready).port), timeout=20)
            with mine:
                mine.sendall(HANDSHAKE)
                theirs, _ = listening.accept()
                with theirs:
                    theirs.settimeout(20)
                    theirs.sendall(accepted(theirs.recv(65536)))
                    assert b" 101 " in mine.recv(65536).split(b"\r\n")[0]
                    mine.sendall(b"\x81\x82\0\0\0\0hi")
                    assert theirs.recv(100)[1] & 0x7F == 2
                    theirs.sendall(b"\x81\x03you")
                    assert mine.recv(100) == b"\x81\x03you"


HANDSHAKE = (
    b"GET /live HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def accepted(request: bytes) -> bytes:
    lines = dict(line.lower().split(b": ", 1) for line in request.split(b"\r\n") if b": " in line)
    key = next(
        line.split(b": ", 1)[1]
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    assert lines[b"upgrade"] == b"websocket"
    magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    proof = base64.b64encode(hashlib.sha1(key + magic).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )
