"""What is no page of ours comes through either platform as the shop's origin sent it.

What Akamai cannot do is left out: it writes reason phrases and lengths itself, sends no PATCH,
and has its property, not the worker, answer other methods.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from plain_http import Answer, PlainOrigin, Seen, ask
from toy_shop import ADAPTERS, World, make_project

IMAGE = bytes(range(256)) * 40
NOT_THE_ORIGINS = ("connection", "transfer-encoding", "date", "keep-alive", "content-length")
ANSWERS = {
    "/odd": Answer(
        299,
        "OK",
        [
            ("Set-Cookie", "a=1; Path=/; HttpOnly"),
            ("Set-Cookie", "b=2, 3; SameSite=None; Secure"),
            ("Link", "</a.css>; rel=preload; as=style"),
            ("Vary", "Accept-Language"),
            ("Content-Type", "application/json; charset=UTF-8; odd=yes"),
            ("Cache-Control", "public, max-age=60"),
            ("ETag", 'W/"x"'),
        ],
        b'{"a": 1}',
    ),
    "/empty": Answer(204, "No Content", [("X-A", "1")]),
    "/same": Answer(304, "Not Modified", [("ETag", '"1"')]),
    "/part": Answer(206, "Partial Content", [("Content-Range", "bytes 2-5/10240")], IMAGE[2:6]),
    "/beyond": Answer(416, "Range Not Satisfiable", [("Content-Range", "bytes */10240")]),
    "/image": Answer(200, "OK", [("Content-Type", "image/png"), ("ETag", '"i"')], IMAGE),
    "/gone": Answer(410, "Gone", [("Content-Type", "text/html")], b"<html>gone</html>"),
    "/broken": Answer(503, "Busy", [("Retry-After", "7"), ("Content-Type", "text/html")], b"later"),
    "/text": Answer(200, "OK", [("Content-Type", "text/plain")], b"<div data-fs-slot=home.hero>"),
    **{
        f"/moved-{status}": Answer(
            status, "Moved", [("Location", "//other.example/a?b#c")], b"over"
        )
        for status in (301, 302, 303, 307, 308)
    },
}


UNREADABLE = "<div data-fs-slot=home.hero>é</div>".encode("utf-16")


def respond(request: Seen) -> Answer:
    path = request.target.split("?")[0]
    if path in ANSWERS:
        return ANSWERS[path]
    if path == "/utf-16":
        return Answer(200, "OK", [("Content-Type", "text/html; charset=utf-16")], UNREADABLE)
    said = f"{request.method} {request.target} {len(request.body)}"
    return Answer(200, "OK", [("Content-Type", "text/plain")], said.encode())


class Shop(NamedTuple):
    """An edge, and the origin behind it."""

    origin: PlainOrigin
    edge: str


@pytest.fixture(scope="module", params=ADAPTERS)
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    project = make_project(tmp_path_factory.mktemp("toy"))
    with (
        PlainOrigin(respond) as origin,
        ADAPTERS[request.param](project, shop=origin.url) as worker,
    ):
        World(project, worker).publish()
        yield Shop(origin, worker.ready)


def told(answer: Answer) -> list[tuple[str, str]]:
    headers = [(name.lower(), value) for name, value in answer.headers]
    return sorted(pair for pair in headers if pair[0] not in NOT_THE_ORIGINS)


@pytest.mark.parametrize("path", ANSWERS)
def test_status_headers_cookies_and_bytes_come_as_they_were(shop: Shop, path: str) -> None:
    for method in ("GET", "HEAD"):
        direct = ask(shop.origin.url, path, method, [("Accept", "text/html")])
        through = ask(shop.edge, path, method, [("Accept", "text/html")])
        assert through.status == direct.status
        assert told(through) == told(direct)
        assert through.body == direct.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/form?q=%2F&q=+", "/checkout/pay?a=b", "//double/slash"])
def test_other_methods_arrive_with_their_body(shop: Shop, method: str, path: str) -> None:
    body = b"a=%00&b=\xff" if method != "DELETE" else None
    answer = ask(shop.edge, path, method, [("X-Mine", "1")], body)
    assert answer.body == f"{method} {path} {len(body or b'')}".encode()
    assert shop.origin.seen[-1].body == (body or b"")
    assert ("x-mine", "1") in [(k.lower(), v) for k, v in shop.origin.seen[-1].headers]


def test_what_is_asked_of_a_file_arrives_as_it_was_asked(shop: Shop) -> None:
    odd = [("Range", "bytes=0-3"), ("If-None-Match", '"1"'), ("If-Range", '"1"')]
    ask(shop.edge, "/image", headers=[*odd, ("Accept", "image/png")])
    seen = {(name.lower(), value) for name, value in shop.origin.seen[-1].headers}
    assert {(name.lower(), value) for name, value in odd} <= seen


def test_a_page_that_the_rewriter_cannot_read_comes_as_it_is(shop: Shop) -> None:
    answer = ask(shop.edge, "/utf-16")
    assert answer.body == UNREADABLE
    assert answer.all("cache-control") == ["private, no-store"]


def test_an_origin_that_is_away_is_a_502_and_never_an_exception(tmp_path) -> None:
    for name, start in ADAPTERS.items():
        project = make_project(tmp_path / name)
        with start(project, shop="http://127.0.0.1:9") as worker:
            assert ask(worker.ready, "/").status == 502
