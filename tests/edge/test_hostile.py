"""Nothing that anybody sends fails a page, the worker, or another visitor."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from hostile import MARK, Enemy
from raw_client import Reply, Request, send_all
from starlette.requests import Request as AppRequest
from starlette.responses import JSONResponse
from toy_shop import ADAPTERS, PAGE, World, make_project

from control_plane.emulator import Miniflare, Options

#: Requests for each platform's worker; Akamai's store and clock are Python's here, and slow.
COUNTS = {"cloudflare": 20_160, "akamai": 1500}
#: The shop itself, in workerd, since 20,000 pages are many for Python.
SHOP = """export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  await request.text();
  const headers = { "content-type": "text/html; charset=utf-8", "cache-control": "public" };
  if (pathname === "/plain") headers["content-type"] = "text/plain";
  // As a careless cache would: what somebody sent comes back to others.
  const user = request.headers.get("frontshelf-user");
  if (user) headers["frontshelf-user"] = user;
  if (pathname === "/login") {
    headers["frontshelf-user"] = "anna";
    headers["cache-control"] = "private";
  }
  return new Response(PAGE, { headers });
} };
const PAGE = %s;"""


async def collector(scope, receive, send) -> None:
    await AppRequest(scope, receive).body()
    await JSONResponse({"success": True})(scope, receive, send)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module", params=ADAPTERS)
def world(request, tmp_path_factory, lines: list[str]) -> Iterator[World]:
    lines.clear()
    project = make_project(tmp_path_factory.mktemp("toy"))
    with Miniflare(Options(script=SHOP % json.dumps(PAGE % ""))) as shop:
        services = {"COLLECT": collector}

        def heard(line):
            lines.append(f"{line.level} {line.message}")

        start = ADAPTERS[request.param]
        with start(project, services, shop=shop.ready, on_log=heard) as worker:
            world = World(project, worker)
            world.publish()
            yield world


def check(request: Request, reply: Reply) -> None:
    """Whatever was asked: no error of ours, no markup of theirs, nothing private in a cache."""
    assert reply.status < 500, (request, reply)
    # A server may hang up on a large body that it has no use for.
    assert reply.status != 0 or len(request.body) > 60_000, request
    names = {name for name, _ in reply.headers}
    assert b"x-injected" not in names, request
    assert b"frontshelf-user" not in names, request
    ours = [cookie for cookie in reply.all("set-cookie") if cookie.startswith("fs_")]
    caching = reply.get("cache-control")
    if ours or b'data-fs-decision="' in reply.body or b'"decisions"' in reply.body:
        assert "private" in caching, (request, reply)
        assert "no-store" in caching, (request, reply)
    for cookie in ours:
        assert not any(sign in cookie for sign in "<>\"'\r\n,"), (request, cookie)
    if reply.get("content-type").startswith("text/html"):
        assert MARK.encode() not in reply.body, (request, reply)
        if request.method == b"GET" and reply.body and b"frontshelf-decision" not in names:
            assert reply.body.rstrip().endswith(b"</html>"), (request, reply)


@pytest.mark.slow
def test_thousands_of_hostile_requests_leave_the_edge_as_it_was(
    world: World, lines: list[str]
) -> None:
    count = COUNTS[world.platform]
    user = signed_user(world)
    before = fingerprint(world)
    statuses: Counter[int] = Counter()

    def checked(request: Request, reply: Reply) -> None:
        statuses[reply.status] += 1
        check(request, reply)

    assert send_all(world.worker.ready, Enemy(8, user).requests(count), checked) == count
    faults = world.get("/_fs/health").json()["faults"]
    assert not {"api_error", "uncaught", "slot_failed"} & faults.keys(), (faults, lines[-5:])
    assert not [line for line in lines if line.startswith("error") or "ncaught" in line][:5]
    # All kinds came through: pages and answers, refusals, unknown names, wrong methods.
    assert statuses[200] > count / 4
    assert {400, 403, 404, 405, 413} <= statuses.keys()
    assert fingerprint(world) == before


def signed_user(world: World) -> str:
    """Return the cookie of somebody who logged in."""
    cookies = {"fs_c": f"1.personalization.{int(time.time())}", "fs_id": "E" * 22}
    set_cookies = world.get("/login", cookies).headers.get_list("set-cookie")
    return next(one for one in set_cookies if one.startswith("fs_u="))[5:].split(";")[0]


def fingerprint(world: World) -> list[object]:
    """Return what an ordinary visitor and a trusted caller get."""
    page = world.get("/p/shoe-2").text
    shelf = world.decide("home.recommended", session={"events": [{"item": "shoe-1"}]})
    return [
        [part.split('"')[0] for part in page.split('data-fs-sku="')[1:]],
        shelf["decisions"]["home.recommended"]["items"],
        shelf["decisions"]["home.recommended"]["reason"],
    ]
