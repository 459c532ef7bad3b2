"""The stand-ins for EdgeWorkers' modules allow what the platform allows, and nothing more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from control_plane.emulator.akamai import AkamaiLimits, akamai_options
from control_plane.emulator.miniflare import Miniflare
from control_plane.errors import InputError

PROBE = Path(__file__).with_name("akamai_probe.js")
NESTED = 'import { btoa } from "encoding";\nexport const nested = () => btoa("in");\n'
PLACE = {"namespace": "shop-1", "group": "live", "token": "a-token"}
HEADERS = {"X-Akamai-EdgeDB-Auth": "a-token"}


async def origin(scope: Any, receive: Any, send: Any) -> None:
    """Answer quickly, slowly, or at length."""
    request = Request(scope, receive)
    if request.url.path == "/slowly":
        await asyncio.sleep(0.2)
    body = "x" * 200_000 if request.url.path == "/large" else f"{request.method} ok"
    await Response(body)(scope, receive, send)


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def worker(said: list[str]) -> Iterator[Miniflare]:
    """The probe bundle, running."""
    bundle = {"main.js": PROBE.read_bytes(), "parts/nested.js": NESTED.encode()}
    options = akamai_options(
        bundle,
        **PLACE,
        origin=origin,
        property_variables={"PMUSER_A": "1"},
        limits=AkamaiLimits(wall_seconds=60),
        on_log=lambda line: said.append(line.message),
    )
    with Miniflare(options) as worker:
        yield worker


def fetch(worker: Miniflare, path: str, **options: Any) -> httpx.Response:
    return worker.dispatch_fetch(f"http://shop.example/{path}", **options)


def probe(worker: Miniflare, path: str, **options: Any) -> Any:
    return fetch(worker, path, **options).json()


def test_nothing_of_the_web_is_global(worker: Miniflare) -> None:
    assert probe(worker, "globals") == []
    assert probe(worker, "language") == ["function"] * 3
    assert "EvalError" in probe(worker, "generate")["error"]


def test_the_clock_stands_still_within_a_request(worker: Miniflare) -> None:
    assert probe(worker, "clock") == 0


def test_five_sub_requests_run_at_once_and_no_sixth(worker: Miniflare) -> None:
    assert probe(worker, "parallel?5") == ["GET ok"] * 5
    assert "more than 5" in probe(worker, "parallel?6")["error"]


def test_fifty_sub_requests_are_all_a_request_may_make(worker: Miniflare) -> None:
    assert probe(worker, "sequence?50") == "all"
    assert "more than 50" in probe(worker, "sequence?51")["error"]


def test_requests_side_by_side_are_counted_apart(worker: Miniflare) -> None:
    address = f"{worker.ready}/sequence?30"
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(httpx.get, address, timeout=60) for _ in range(3)]
        assert [answer.result().json() for answer in asked] == ["all"] * 3


@pytest.mark.parametrize(
    "name", ["Connection", "transfer-encoding", "Host", "Content-Length", "TE"]
)
def test_a_sub_request_sets_no_header_of_the_connection(worker: Miniflare, name: str) -> None:
    assert "must not be set" in probe(worker, f"header?{name}")["error"]


def test_a_sub_request_has_the_platforms_methods_places_and_time(worker: Miniflare) -> None:
    assert probe(worker, "method?DELETE") == 200
    assert "cannot PATCH" in probe(worker, "method?PATCH")["error"]
    assert "port" in probe(worker, "port")["error"]
    assert probe(worker, "elsewhere") == 400
    assert "timed out" in probe(worker, "timeout")["error"]
    assert "131072" in probe(worker, "large")["error"]
    assert probe(worker, "sent") == "POST ok"


def test_crypto_knows_what_the_documentation_names(worker: Miniflare) -> None:
    assert probe(worker, "hmac") == 32
    assert probe(worker, "pem") == 3
    assert "Ed25519 is not supported" in probe(worker, "ed25519")["error"]


def test_a_request_shows_itself_as_on_the_platform(worker: Miniflare) -> None:
    shown = probe(worker, "request?a=%20b", headers={"x-twice": "1"})
    assert shown == {
        "method": "GET", "host": "shop.example", "scheme": "http", "path": "/request",
        "query": "a=%20b", "url": "/request?a=%20b", "userLocation": {},
    }  # fmt: skip
    assert probe(worker, "headers", headers={"X-Mixed": "1"})["x-mixed"] == ["1"]
    assert probe(worker, "variable?PMUSER_A") == "1"
    assert probe(worker, "variable?PMUSER_B") is None
    assert "PMUSER_" in probe(worker, "variable?OTHER")["error"]


def test_a_request_body_is_read_at_once_up_to_16_kb(worker: Miniflare) -> None:
    assert probe(worker, "body", method="POST", content=b"x" * 16_384) == 16_384
    assert "16384" in probe(worker, "body", method="POST", content=b"x" * 16_385)["error"]


def test_small_modules_do_what_they_say(worker: Miniflare, said: list[str]) -> None:
    assert probe(worker, "encodings") == ["hi", "aGk=", "hi", 2, "hi", "é", True]
    made = "c=%C3%A4; Max-Age=5; Path=/; HttpOnly; SameSite=Lax"
    assert probe(worker, "cookies") == [["1", "2"], ["a", "a"], "a=1; a=2", made]
    assert probe(worker, "query") == [["1", "3"], 3, True]
    assert probe(worker, "nested") == "aW4="
    probe(worker, "log")
    # The log comes through a pipe of its own.
    deadline = time.monotonic() + 30
    while "said this and 7" not in said and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "said this and 7" in said


@pytest.mark.parametrize(
    "name",
    ["long-text", "hop-by-hop", "length", "split", "informational", "plain", "many-headers"],
)
def test_a_response_that_the_platform_refuses_is_a_500(worker: Miniflare, name: str) -> None:
    assert fetch(worker, name).status_code == 500


def test_responses_carry_lists_of_headers_and_long_streams(worker: Miniflare) -> None:
    assert len(fetch(worker, "long-stream").text) == 20_000
    assert fetch(worker, "set-cookies").headers.get_list("set-cookie") == ["a=1", "b=2"]
    made = fetch(worker, "options")
    assert (made.status_code, made.text, made.headers["x-a"]) == (201, "body", "b")


def test_a_stream_may_ask_further_while_it_runs(worker: Miniflare) -> None:
    assert fetch(worker, "in-stream").text == "x"


def test_the_rewriter_changes_elements_at_once_or_not_at_all(worker: Miniflare) -> None:
    assert fetch(worker, "rewritten").text == "<div data-x='1' id=\"div\"><i>own</i></div>"
    assert fetch(worker, "replaced").text == "<div data-x='1'>new</div>"


def test_selectors_are_those_that_the_documentation_names(worker: Miniflare) -> None:
    for selector in ("div[data-x]", "img:not(%23hero)", "head%20script[type=module]", "a%3Eb.c"):
        assert probe(worker, f"selector?{selector}") is None
    for selector in ("div,p", "a%2Bb", "p:first-child", "a~b"):
        assert "beyond" in probe(worker, f"selector?{selector}")["error"]


@pytest.mark.parametrize("name", ["async-handler", "promised-text", "text-stream"])
def test_a_stream_that_the_platform_refuses_breaks_off(worker: Miniflare, name: str) -> None:
    with pytest.raises(httpx.HTTPError):
        fetch(worker, name)


def test_a_bundle_without_main_js_is_refused() -> None:
    with pytest.raises(InputError, match=r"main\.js"):
        akamai_options({"core.js": b""}, **PLACE)
