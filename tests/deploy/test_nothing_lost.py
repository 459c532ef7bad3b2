"""Whatever a change of the shelf meets, the edge has a whole one, and the next run finishes.

Every change there is, killed at every request of it, before the request, half-way and after; and
met by every fault of the API at every request. What must hold at each moment is in `whole`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import msgspec
import pytest

from control_plane.collect.stock import StockLine
from control_plane.compiler.overlays import read_erased_parts
from control_plane.deploy.cloudflare.kv import CloudflareKV
from control_plane.deploy.folder import Folder
from control_plane.deploy.gc import collect_garbage
from control_plane.deploy.head import ErasedOverlay, Head, read_head
from control_plane.deploy.history import promote, rollback
from control_plane.deploy.overlays.changes import erase, switch
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.overlays.stock import change_stock
from control_plane.deploy.overlays.values import find, named_keys, read_values
from control_plane.deploy.publish import publish
from control_plane.deploy.retry import Retry
from control_plane.deploy.target import Target
from control_plane.errors import FrontshelfError
from control_plane.settings import Project
from control_plane.tables import value_key

ANNA, BEN = 7 << 32, 9 << 32
#: Long after all that the shop did, so that clean-up has something to do.
LATER = 4e9

Work = Callable[[Target, Project], object]


class Shop:
    """A shop with two releases, of which the newer is live, an erased visitor and some stock."""

    def __init__(self, memory, build, project: Project, live) -> None:
        self.memory, self.project, self.live = memory, project, live
        self.builds = {name: build(name, ITEMS[name], visitors=ROWS) for name in ITEMS}
        target = self.target()
        for name in ("zero", "one", "two"):
            publish(target, self.builds[name], project)
        quick(target, project, lambda t, h: erase(t, h, "k1", [ANNA]))
        quick(target, project, stock(project, "bear", 900))
        self.kept = dict(memory.values)
        shutil.copytree(project.local, project.root / "kept")

    def target(self, transport: httpx.BaseTransport | None = None) -> CloudflareKV:
        """Connect to the shop's store."""
        retry = Retry(attempts=3, sleep=lambda seconds: None)
        transport = transport or self.memory.transport()
        return CloudflareKV(
            "https://kv.test/client/v4",
            "s3cret-t0ken",
            "acct",
            "ns1",
            retry=retry,
            transport=transport,
        )

    def begin_again(self) -> None:
        """Let all be as it was at first."""
        self.memory.values = dict(self.kept)
        self.memory.log.clear()
        self.memory.die_at = None
        shutil.rmtree(self.project.local)
        shutil.copytree(self.project.root / "kept", self.project.local)

    def whole(self) -> Head:
        """Return the head, having seen that all it names is there and nobody erased is back."""
        head = self.live(self.memory.values)
        for key in named_keys(head.overlays):
            assert value_key(key[0], self.memory.values[key]) == key
        assert ANNA >> 16 in erased(self.target(), head)
        return head


ITEMS = {
    "zero": [b"bear", b"boat"],
    "one": [b"bear", b"ball"],
    "two": [b"ball", b"kite", b"drum"],
    "three": [b"kite", b"yoyo", b"top", b"ring"],
}
ROWS = [b"a row", b"another"]


def quick(target: Target, project: Project, make) -> object:
    return change_overlays(target, project, make, sleep=lambda seconds: None)


def stock(project: Project, item: str, price: int):
    lines = {item: StockLine(True, price, "EUR")}
    return lambda target, head: change_stock(target, project, head, lines, {})


def erased(target: Target, head: Head) -> set[int]:
    found = set()
    for overlay in find(head.overlays, ErasedOverlay):
        found |= {int(key) >> 16 for key in read_erased_parts(read_values(target, overlay))}
    return found


@pytest.fixture
def shop(memory, build, project, live) -> Shop:
    return Shop(memory, build, project, live)


def works(shop: Shop) -> dict[str, tuple[Work | None, Work, Callable[[Head], bool]]]:
    """Return all changes by name: what comes before, the change, and whether a head shows it."""
    three = shop.builds["three"]
    begin: Work = lambda target, project: publish(target, three, project, canary=0.1)  # noqa: E731
    return {
        "deploy": (
            None,
            lambda target, project: publish(target, three, project),
            lambda head: head.live.release == "three",
        ),
        "canary": (None, begin, lambda head: head.canary is not None),
        "promote": (
            begin,
            promote,
            lambda head: head.live.release == "three",
        ),
        "end": (begin, rollback, lambda head: head.canary is None),
        "share": (
            begin,
            lambda target, project: publish(target, three, project, canary=0.5),
            lambda head: head.canary.share == 0.5,
        ),
        "instead": (
            begin,
            lambda target, project: publish(target, shop.builds["one"], project),
            lambda head: head.live.release == "one" and head.canary is None,
        ),
        "draft": (
            None,
            lambda target, project: publish(target, three, project, draft=True),
            lambda head: head == shop.before,
        ),
        "rollback": (
            None,
            lambda target, project: rollback(target, project, "one"),
            lambda head: head.live.release == "one",
        ),
        "erase": (
            None,
            lambda target, project: quick(target, project, lambda t, h: erase(t, h, "k1", [BEN])),
            lambda head: BEN >> 16 in erased(shop.target(), head),
        ),
        "stock": (
            None,
            lambda target, project: quick(target, project, stock(project, "ball", 500)),
            lambda head: head.overlays != shop.before.overlays,
        ),
        "off": (
            None,
            lambda target, project: quick(
                target, project, lambda t, h: switch(t, h, "home.hero", off=True)
            ),
            lambda head: head.overlays != shop.before.overlays,
        ),
        "gc": (
            None,
            lambda target, project: collect_garbage(target, project, keep=1, clock=lambda: LATER),
            lambda head: head.live.release == "two",
        ),
    }


def from_here(shop: Shop, before: Work | None) -> Head:
    shop.begin_again()
    if before:
        before(shop.target(), shop.project)
    shop.before = shop.whole()
    shop.memory.log.clear()
    return shop.before


def finish(shop: Shop, work: Work, shows: Callable[[Head], bool], before: Head) -> None:
    """Do the work again if need be, and see that it is done and whole."""
    seen = shop.whole()
    assert seen.counter in (before.counter, before.counter + 1)
    if seen == before or not shows(seen):
        work(shop.target(), shop.project)
    done = shop.whole()
    assert shows(done)
    assert done.counter >= seen.counter


@pytest.mark.slow
def test_killed_at_any_of_three_hundred_moments_nothing_is_lost(shop: Shop) -> None:
    kills = 0
    for before, work, shows in works(shop).values():
        for die in ("before", "half", "after"):
            for request in count():
                began = from_here(shop, before)
                shop.memory.die, shop.memory.die_at = die, request
                if not shop.memory.kills(lambda work=work: work(shop.target(), shop.project)):
                    break
                kills += 1
                shop.memory.die_at = None
                finish(shop, work, shows, began)
    assert kills >= 300


class Weather(httpx.BaseTransport):
    """Carries requests to the store; at number `at` something happens, once or from there on."""

    def __init__(self, store: httpx.BaseTransport, fault: str, at: int) -> None:
        self.store, self.fault, self.at, self.count = store, fault, at, -1

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        lasts = self.fault in LASTING
        here = self.count >= self.at if lasts else self.count == self.at
        return FAULTS[self.fault](self, request) if here else self.carry(request)

    def carry(self, request: httpx.Request) -> httpx.Response:
        return self.store.handle_request(request)


def refusal(status: int, code: int, message: str, **headers: str) -> httpx.Response:
    body = {"success": False, "errors": [{"code": code, "message": message}]}
    return httpx.Response(status, json=body, headers=headers)


def cut(weather: Weather, request: httpx.Request) -> httpx.Response:
    weather.carry(request)
    raise httpx.ReadError("connection reset", request=request)


def half(weather: Weather, request: httpx.Request) -> httpx.Response:
    """Take half of a bulk call, and say which of it was not taken."""
    pairs = json.loads(request.content) if request.url.path.endswith("/bulk") else []
    answer = weather.carry(request)
    if not pairs:
        return answer
    lost = [pair["key"] for pair in pairs[len(pairs) // 2 :]]
    for key in lost:
        weather.lose(key)
    return httpx.Response(200, json={"success": True, "result": {"unsuccessful_keys": lost}})


FAULTS: dict[str, Callable[[Weather, httpx.Request], httpx.Response]] = {
    "429": lambda w, r: refusal(429, 10000, "slow down", **{"retry-after": "1"}),
    "503": lambda w, r: refusal(503, 10001, "unavailable"),
    "524": lambda w, r: httpx.Response(524, text="<html>a timeout occurred</html>"),
    "cut": cut,
    "half": half,
    "expired token": lambda w, r: refusal(401, 10000, "Authentication error"),
    "deleted namespace": lambda w, r: refusal(404, 10013, "namespace not found"),
    "down for good": lambda w, r: refusal(500, 10001, "internal error"),
}
LASTING = ("expired token", "deleted namespace", "down for good")


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_met_by_a_fault_at_any_request_it_is_finished_or_says_what_to_do(
    shop: Shop, fault: str
) -> None:
    faults = 0
    for before, work, shows in works(shop).values():
        for request in count():
            began = from_here(shop, before)
            weather = Weather(shop.memory.transport(), fault, request)
            weather.lose = lambda key: shop.memory.values.pop(key, None)
            try:
                work(shop.target(weather), shop.project)
            except FrontshelfError as error:
                said = str(error)
                assert fault in LASTING, said
                assert "s3cret-t0ken" not in said
                assert "\n" in said or "Run" in said or "Check" in said, said
            if weather.count < request:
                break
            faults += 1
            finish(shop, work, shows, began)
    assert faults >= 25, "eight kinds of it make two hundred"


class Dying(Folder):
    """A store whose client is killed by the kernel at one of its calls."""

    def __init__(self, root: Path, at: int) -> None:
        super().__init__(root)
        self.left = at

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def get(self, key: str) -> bytes | None:
        self._count()
        return super().get(key)

    def put(self, key: str, value: bytes) -> None:
        self._count()
        super().put(key, value)
        self._count()

    def keys(self, prefix: str = "") -> Iterator[str]:
        self._count()
        return super().keys(prefix)


def deploy_and_die(store: Path, at: int, build: Path, project: Project) -> None:
    publish(Dying(store, at), build, project)


@pytest.mark.slow
def test_killed_by_the_kernel_twenty_times_the_next_process_finishes(
    build, project, live, tmp_path
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "control_plane.deploy.publish"])
    one, two = build("one", ITEMS["one"]), build("two", [*ITEMS["two"], *ITEMS["three"]])
    killed = 0
    for at in count():
        store = tmp_path / f"store-{at}"
        publish(Folder(store), one, project)
        child = context.Process(target=deploy_and_die, args=(store, at, two, project))
        child.start()
        child.join(60)
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        killed += 1
        assert live(stored(store)).live.release in ("one", "two")
        publish(Folder(store), two, project)
        assert live(stored(store)).live.release == "two"
        shutil.rmtree(project.local)
    assert killed >= 20


def stored(folder: Path) -> dict[str, bytes]:
    return {key: Folder(folder).get(key) or b"" for key in Folder(folder).keys("")}


@pytest.mark.parametrize("days", [-400, 400])
def test_a_machine_with_a_wrong_clock_deploys_and_rolls_back(shop: Shop, days: int) -> None:
    wrong = lambda: 1.8e9 + days * 86_400.0  # noqa: E731
    target, project = shop.target(), shop.project
    publish(target, shop.builds["three"], project, clock=wrong)
    assert rollback(target, project, clock=wrong).release == "two"
    publish(target, shop.builds["three"], project)
    assert shop.whole().live.release == "three"


def test_a_full_disk_keeps_the_head_where_it_is(shop: Shop, monkeypatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    began = shop.whole()
    monkeypatch.setattr("control_plane.deploy.record.os.fsync", full)
    with pytest.raises(FrontshelfError, match="Make room"):
        publish(shop.target(), shop.builds["three"], shop.project)
    monkeypatch.undo()
    assert shop.whole() == began
    publish(shop.target(), shop.builds["three"], shop.project)
    assert shop.whole().live.release == "three"


def test_the_heads_of_a_deleted_and_made_anew_namespace_go_on(shop: Shop) -> None:
    before = shop.whole()
    shop.memory.values.clear()
    publish(shop.target(), shop.builds["two"], shop.project)
    head = read_head(shop.target(), shop.project)
    assert (head.live.release, head.counter) == ("two", before.counter + 1)
    assert msgspec.structs.asdict(head)["canary"] is None
