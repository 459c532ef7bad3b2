"""However requests interleave, each visitor gets their own, and no cache gets anybody's."""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import httpx
import pytest
from raw_client import Reply, Request, Wire
from starlette.requests import Request as AppRequest
from starlette.responses import Response, StreamingResponse
from toy_shop import ADAPTERS, PAGE, World, make_project

VISITORS, ROUNDS = 64, 9
ID = re.compile(r'data-fs-decision="([^"]*)"|"id":"([^"]*)"')
SHARED: dict[str, tuple[dict[str, str], bytes]] = {}
WAITING = threading.Event()
GO_ON = threading.Event()
draw = random.Random(64)


async def origin(scope, receive, send) -> None:
    """Serve slow pages through a shared cache, which keeps what came for a path the first time."""
    request = AppRequest(scope, receive)
    path = request.url.path
    if path == "/login":
        headers = {"Frontshelf-User": request.query_params["as"], "Cache-Control": "private"}
        response: Response = Response("in", headers=headers)
    elif path == "/halves":
        response = StreamingResponse(halves(), media_type="text/html")
    else:
        await asyncio.sleep(draw.random() / 40)
        SHARED.setdefault(path, (dict(request.headers), (PAGE % path[3:]).encode()))
        response = Response(SHARED[path][1], media_type="text/html")
        response.headers["Cache-Control"] = "public, max-age=600"
    await response(scope, receive, send)


async def halves() -> AsyncIterator[bytes]:
    yield b'<html><body><div data-fs-slot="home.hero">own</div>'
    WAITING.set()
    while not GO_ON.is_set():
        await asyncio.sleep(0.01)
    yield b'<section data-fs-slot="home.hero">own</section></body></html>'


@pytest.fixture(scope="module", params=ADAPTERS)
def world(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[World]:
    project = make_project(tmp_path_factory.mktemp("toy"))
    with ADAPTERS[request.param](project, shop=origin) as worker:
        world = World(project, worker)
        world.publish()
        yield world


#: Status, cookies set, and body.
Told = tuple[int, list[str], str]


class Visitor(NamedTuple):
    """Somebody's cookies, and what else their browser says."""

    cookies: dict[str, str]
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def asks(self, what: str, item: str) -> Request:
        """Return a request for a page, a fragment or decisions."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items()).encode()
        headers = ((b"Accept", b"text/html"), (b"Cookie", cookie), *self.headers)
        if what == "page":
            return Request(b"GET", f"/p/{item}".encode(), headers)
        if what == "slot":
            return Request(b"GET", f"/_fs/slot/home.discover?item={item}".encode(), headers)
        body = {"slots": ["home.hero", "home.recommended"], "page": {"item": item}}
        return Request(b"POST", b"/_fs/decide", headers, json.dumps(body).encode())


def base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return (base36(number // 36) if number >= 36 else "") + digits[number % 36]


def consent(purposes: str) -> str:
    return f"1.{purposes}.{int(time.time())}"


def visitors(world: World) -> list[Visitor]:
    """Return people of eight kinds, each with a session of their own."""
    now, people = base36(int(time.time())), []
    granted = consent("personalization+analytics")
    login = world.get("/login?as=anna", {"fs_c": granted, "fs_id": "A" * 22})
    [user] = [c for c in login.headers.get_list("set-cookie") if c.startswith("fs_u=")]
    anna = user[5:].split(";")[0]
    for number in range(VISITORS):
        kind, turn = number % 8, number // 8
        viewed = f"{'shoe' if kind % 2 else 'hat'}-{turn % 6}"
        session = f"1.{now}.{now}.1.0.0.v{viewed}"
        own = {"fs_id": f"{number:022d}", "fs_s": session}
        people.append(
            [
                Visitor({**own, "fs_c": granted}),
                Visitor({**own, "fs_c": granted}, ((b"CF-IPCountry", b"FR"),)),
                Visitor({**own, "fs_c": consent("none")}),
                Visitor({"fs_c": granted, "fs_id": "D" * 22}),
                Visitor({**own, "fs_c": granted, "fs_u": anna}),
                Visitor({**own, "fs_c": granted}, ((b"Sec-GPC", b"1"),)),
                Visitor({}),
                Visitor({**own, "fs_c": consent("analytics")}),
            ][kind]
        )
    return people


def told(reply: Reply) -> Told:
    """Return what an answer says, without the decisions' random ids."""
    body = ID.sub("", reply.body.decode())
    return reply.status, reply.all("set-cookie"), body


def test_sixty_four_visitors_who_interleave_each_get_their_own(world: World) -> None:
    people = visitors(world)
    plans = [
        [
            (draw.choice(["page", "slot", "decide"]), f"hat-{draw.randrange(3)}")
            for _ in range(ROUNDS)
        ]
        for _ in people
    ]
    ids: list[str] = []

    async def walk(person: Visitor, plan: list[tuple[str, str]]) -> list[Told]:
        wire, said = Wire(world.worker.ready), []
        for what, item in plan:
            reply = await wire.ask(person.asks(what, item))
            ids.extend(one or other for one, other in ID.findall(reply.body.decode()))
            ids.extend(reply.all("frontshelf-decision"))
            assert reply.get("cache-control") == "private, no-store"
            said.append(told(reply))
        wire.close()
        return said

    async def one_by_one() -> list[list[Told]]:
        return [await walk(person, plan) for person, plan in zip(people, plans, strict=True)]

    async def at_once() -> list[list[Told]]:
        return await asyncio.gather(*map(walk, people, plans))

    alone = asyncio.run(one_by_one())
    assert asyncio.run(at_once()) == alone
    assert len(ids) == len(set(ids)) > VISITORS * ROUNDS
    # They did get different things, or this would say nothing.
    assert len({json.dumps(said) for said in alone}) > VISITORS / 2
    everything = json.dumps(alone)
    assert all(sign in everything for sign in ("<b>fan</b>", "<b>nouveau</b>", "<b>new</b>"))


def test_what_a_shared_cache_keeps_of_the_shop_is_nobodys(world: World) -> None:
    person = Visitor({"fs_c": consent("personalization"), "fs_id": "P" * 22, "cart": "c"})

    async def first_visit() -> Reply:
        wire = Wire(world.worker.ready)
        try:
            return await wire.ask(person.asks("page", "nobodys"))
        finally:
            wire.close()

    assert b"data-fs-decision" in asyncio.run(first_visit()).body
    asked, kept = SHARED["/p/nobodys"]
    assert asked["cookie"] == "cart=c"
    assert "fs_" not in json.dumps(asked)
    assert b"data-fs-decision" not in kept


def test_two_of_opposite_consent_on_one_slow_page_get_each_their_own(world: World) -> None:
    now = base36(int(time.time()))
    session = {"fs_s": f"1.{now}.{now}.1.0.0.vshoe-1"}
    yes = Visitor({"fs_c": consent("personalization+analytics"), **session})
    no = Visitor({"fs_c": consent("none"), **session, "fs_id": "N" * 22})

    async def both(turn: int) -> tuple[Reply, Reply]:
        wires = Wire(world.worker.ready), Wire(world.worker.ready)
        asking = [w.ask(p.asks("page", "hat-1")) for w, p in zip(wires, (yes, no), strict=True)]
        first, second = await asyncio.gather(*(asking if turn % 2 else reversed(asking)))
        for wire in wires:
            wire.close()
        return (first, second) if turn % 2 else (second, first)

    devices = set()
    for turn in range(8):
        granted, refused = asyncio.run(both(turn))
        assert b'data-fs-sku="shoe-' in granted.body.split(b"home.recommended")[1]
        shelf = refused.body.split(b"home.recommended")[1].split(b"</section>")[0]
        assert b'data-fs-sku="shoe-' not in shelf
        [device] = [c for c in granted.all("set-cookie") if c.startswith("fs_id=")]
        devices.add(device.split(";")[0])
        assert all("Max-Age=0" in c for c in refused.all("set-cookie") if c.startswith("fs_"))
        assert {c.split("=")[0] for c in refused.all("set-cookie")} >= {"fs_id", "fs_s"}
    assert len(devices) == 8


def test_a_release_that_goes_live_in_mid_page_is_not_mixed_into_it(world: World) -> None:
    address = f"{world.worker.ready}/halves"
    with httpx.stream("GET", address, headers={"accept": "text/html"}, timeout=60) as page:
        parts = page.iter_text()
        first = ""
        while "</div>" not in first:
            first += next(parts)
        assert WAITING.wait(30)
        rules = world.project.rules
        rules.write_text(rules.read_text().replace("<b>new</b>", "<b>newer</b>"))
        world.publish()
        assert "<b>newer</b>" in world.get("/_fs/slot/home.hero").text
        GO_ON.set()
        whole = first + "".join(parts)
    assert whole.count("<b>new</b>") == 2
    assert whole.endswith("</html>")
