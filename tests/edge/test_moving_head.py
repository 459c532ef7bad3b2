"""While the head moves under load, each answer is of one release, whatever else goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from broken import head_of, put_head
from raw_client import Reply, Request, Wire
from starlette.responses import Response
from toy_shop import RULES, World, make_project, start_worker

from control_plane.deploy.head import Live
from control_plane.emulator import Fault

SLOT = '<div data-fs-slot="home.hero">own</div>'
SHELF = '<section data-fs-slot="home.recommended"><i>own</i></section>'
PAGE = f"<html><body>{SLOT}{SHELF}{SLOT}<ul data-fs-slot='second'></ul>{SLOT}</body></html>"
#: What each of three releases shows, in both of the slots that name it.
TEXTS = ["<b>one</b>", "<b>two</b>", "<b>three</b>"]
DECISION = re.compile(r'data-fs-decision="[\w-]+\.(\w+)\.')


async def origin(scope, receive, send) -> None:
    await Response(PAGE, media_type="text/html")(scope, receive, send)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    rules = RULES.replace("<b>new</b>", TEXTS[0]) + "  second: {default: hero}\n"
    project = make_project(tmp_path_factory.mktemp("toy"), rules)
    with start_worker(project, shop=origin, on_log=lambda line: None) as worker:
        yield World(project, worker)


@pytest.fixture(scope="module")
def releases(world: World) -> dict[str, str]:
    """Return the text of each release's hero, by the release's name."""
    found = {}
    for text in TEXTS:
        rules = world.project.rules
        rules.write_text(re.sub("<b>(one|two|three)</b>", text, rules.read_text()))
        found[world.publish()] = text
    return found


@contextmanager
def moving(world: World, releases: dict[str, str]) -> Iterator[None]:
    """Let another release go live again and again."""
    over = threading.Event()
    lives = [live_of(world, release) for release in releases]

    def move() -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            put_head(world, head_of(world), lives[turn % len(lives)])
            over.wait(0.003)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        yield
    finally:
        over.set()
        mover.join()


def live_of(world: World, release: str) -> Live:
    [manifest] = [key.name for key in world.kv.list(prefix=f"m-{release}").keys]
    digest = hashlib.sha256(world.kv.get(manifest, "bytes")).digest()
    return Live(manifest=manifest, digest=digest, release=release)


def ask_all(world: World, request: Request, rounds: int, at_once: int = 16) -> list[Reply]:
    async def one() -> list[Reply]:
        wire = Wire(world.worker.ready)
        try:
            return [await wire.ask(request) for _ in range(rounds)]
        finally:
            wire.close()

    async def all_of_them() -> list[list[Reply]]:
        return await asyncio.gather(*(one() for _ in range(at_once)))

    return [reply for replies in asyncio.run(all_of_them()) for reply in replies]


@pytest.mark.parametrize(
    "fault",
    [None, Fault(kind="missing", share=0.2), Fault(kind="late", seconds=0.05, share=0.3)],
    ids=["well", "missing", "late"],
)
def test_no_page_and_no_decision_mixes_releases(world, releases, fault) -> None:
    page = Request(b"GET", b"/", ((b"Accept", b"text/html"),))
    body = json.dumps({"slots": ["home.hero", "second"]}).encode()
    if fault:
        world.worker.kv_view.faults.add(fault)
    with moving(world, releases):
        pages = ask_all(world, page, 10)
        answers = ask_all(world, Request(b"POST", b"/_fs/decide", (), body), 10)
    world.worker.kv_view.faults.clear()
    seen = set()
    for reply in pages:
        text = reply.body.decode()
        assert text.endswith("</html>")
        shown = {release for release, hero in releases.items() if hero in text}
        assert len(shown) == 1, text
        assert set(DECISION.findall(text)) == shown
        assert text.count(releases[next(iter(shown))]) == 4
        seen |= shown
    for reply in answers:
        assert reply.status == 200, reply
        answer = json.loads(reply.body)
        ids = {one["id"].split(".")[1] for one in answer["decisions"].values()}
        assert ids == {answer["release"]}
    assert len(seen) > 1
