"""Nothing that is somebody's may be kept by any cache: pages, fragments, answers, refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from plain_http import Answer, PlainOrigin, Seen, ask
from toy_shop import ADAPTERS, PAGE, World, make_project

#: What tells a cache on the way more than Cache-Control does.
FOR_CACHES = [
    ("CDN-Cache-Control", "public, max-age=600"),
    ("Cloudflare-CDN-Cache-Control", "max-age=600"),
    ("Surrogate-Control", "max-age=600"),
    ("Edge-Control", "!no-store, max-age=600s"),
    ("X-Accel-Expires", "600"),
]
KEPT = [("Cache-Control", "public, max-age=600"), ("Age", "3"), ("ETag", '"1"'), *FOR_CACHES]
HTML = ("Content-Type", "text/html")


def respond(request: Seen) -> Answer:
    if request.target == "/signed-in":
        who = [("Frontshelf-User", "anna"), ("Cache-Control", "private"), ("Location", "/")]
        return Answer(303, "See Other", [*who, *FOR_CACHES])
    if request.target == "/lost":
        return Answer(404, "Not Found", [HTML, *KEPT], b"<html>lost</html>")
    return Answer(200, "OK", [HTML, *KEPT], (PAGE % "").encode())


class Edge(NamedTuple):
    """Where an edge answers."""

    url: str

    def get(self, path: str, method: str = "GET", body: bytes | None = None, **more: str) -> Answer:
        headers = {"Cookie": f"fs_c=1.personalization+analytics.{int(time.time())}", **more}
        pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return ask(self.url, path, method, [("Accept", "text/html"), *pairs], body)


@pytest.fixture(scope="module", params=ADAPTERS)
def edge(request, tmp_path_factory) -> Iterator[Edge]:
    project = make_project(tmp_path_factory.mktemp("toy"))
    with (
        PlainOrigin(respond) as shop,
        ADAPTERS[request.param](project, shop=shop.url) as worker,
    ):
        World(project, worker).publish()
        yield Edge(worker.ready)


def caching(answer: Answer) -> list[str]:
    names = {name.lower() for name, _ in FOR_CACHES} | {"cache-control", "age", "etag", "expires"}
    return [value for name, value in answer.headers if name.lower() in names]


FLAGS = "/ofrep/v1/evaluate/flags"
CALLS = [
    (200, "GET", "/_fs/slot/home.hero", None),
    (200, "HEAD", "/_fs/slot/home.hero", None),
    (204, "GET", "/_fs/slot/empty.slot", None),
    (404, "GET", "/_fs/slot/no.such", None),
    (400, "GET", "/_fs/slot/no%20such", None),
    (404, "GET", "/_fs/nothing", None),
    (405, "GET", "/_fs/decide", None),
    (200, "POST", "/_fs/decide", b'{"slots": ["home.hero"]}'),
    (400, "POST", "/_fs/decide", b"{"),
    (413, "POST", "/_fs/decide", b" " * 70_000),
    (404, "POST", f"{FLAGS}/no.such", b"{}"),
    (400, "POST", FLAGS, b"["),
    (503, "POST", "/_fs/v1/batch", b'{"batch": []}'),
    (400, "POST", "/_fs/v1/batch", b"["),
    (200, "GET", "/_fs/health", None),
    (303, "GET", "/?fs_preview=off", None),
]


@pytest.mark.parametrize(("status", "method", "path", "body"), CALLS)
def test_no_answer_of_ours_is_kept_by_anybody(edge: Edge, status, method, path, body) -> None:
    answer = edge.get(path, method, body)
    assert answer.status == status
    assert caching(answer) == ["private, no-store"]


def test_flags_carry_a_validator_and_are_private_all_the_same(edge: Edge) -> None:
    body = b'{"context": {"plan": "x"}}'
    first = edge.get(FLAGS, "POST", body, Cookie="a=1")
    again = edge.get(FLAGS, "POST", body, Cookie="a=1", If_None_Match=first.all("etag")[0])
    assert (first.status, again.status) == (200, 304)
    for answer in (first, again):
        assert answer.all("cache-control") == ["private, no-store"]


def test_a_page_tells_no_cache_on_the_way_to_keep_it(edge: Edge) -> None:
    for method in ("GET", "HEAD"):
        answer = edge.get("/", method)
        assert caching(answer) == ["private, no-store"]
        assert any(cookie.startswith("fs_id=") for cookie in answer.all("set-cookie"))


def test_an_answer_that_says_who_somebody_is_is_kept_by_nobody(edge: Edge) -> None:
    answer = edge.get("/signed-in")
    assert answer.status == 303
    assert any(cookie.startswith("fs_u=1.") for cookie in answer.all("set-cookie"))
    assert caching(answer) == ["private"]


def test_what_may_be_kept_has_no_cookie_of_ours(edge: Edge) -> None:
    crawler = {"User_Agent": "Googlebot/2.1"}
    for path, more in (("/lost", {}), ("/", crawler), ("/_fs/sdk.js", {})):
        answer = edge.get(path, **more)
        assert "public" in answer.all("cache-control")[0]
        assert answer.all("set-cookie") == []
