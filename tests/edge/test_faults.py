"""Whatever the store does, a page comes whole: of one genuine release, or the shop's own."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from broken import head_of, publish_changed, put_head
from msgspec import structs
from toy_shop import World, make_project, start_worker
from whole_pages import contents, releases_shown

from control_plane.deploy.head import sign
from control_plane.emulator import Fault
from control_plane.emulator.workerd import LogLine
from control_plane.keyring import load_signing_key

#: What the worker logged.
LINES: list[LogLine] = []
HEROES = {
    "<b>new</b>": "one",
    "<b>fan</b>": "one",
    "<b>newer</b>": "two",
    "<b>newest fan</b>": "two",
}


def base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return (base36(number // 36) if number >= 36 else "") + digits[number % 36]


NOW = base36(int(time.time()))
COOKIES = {
    "fs_c": f"1.personalization+analytics.{int(time.time())}",
    "fs_id": "D" * 22,
    "fs_s": f"1.{NOW}.{NOW}.2.0.0.vshoe-1~vshoe-2",
}
LATE = ["late", "hang", "stall"]
FAILED = ["error", "reset", "cut"]
DAMAGED = ["truncated", "corrupted", "swapped"]
WHAT = {"head": "head", "m-*": "manifest", "i-*": "value", "u-*": "value", "p-*": "value"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The toy shop with two releases, and the patience that production has."""
    project = make_project(tmp_path_factory.mktemp("toy"))
    patience = {"READ_MS": "400", "SLOT_MS": "500", "HEAD_WAIT_MS": "50"}
    with start_worker(project, on_log=LINES.append, **patience) as worker:
        world = World(project, worker)
        world.publish()
        rules = project.rules.read_text()
        changed = rules.replace("<b>new</b>", "<b>newer</b>").replace(">fan<", ">newest fan<")
        project.rules.write_text(changed)
        world.publish()
        yield world


@pytest.fixture
def cold(world: World) -> Iterator[World]:
    """An isolate that knows nothing yet."""
    world.worker.set_options(world.worker.options)
    yield world
    world.worker.kv_view.faults.clear()


def shown(world: World, cookies: Mapping[str, str] = COOKIES) -> set[str]:
    return releases_shown(world.get("/p/hat-3", cookies), HEROES)


def counted(world: World, code: str) -> int:
    """Return how often a fault was counted."""
    return int(world.get("/_fs/health").json()["faults"].get(code, 0))


def suffering(world: World, *faults: Fault, cookies: Mapping[str, str] = COOKIES) -> set[str]:
    """Return what is shown while these faults last."""
    met = world.worker.kv_view.faults
    met.clear()
    met.add(*faults)
    before = met.met.total()
    found = shown(world, cookies)
    assert met.met.total() > before, f"{faults} were not met"
    return found


def expected(kind: str, key: str) -> str:
    if kind in LATE:
        return "late"
    if kind in FAILED:
        return "failed"
    if kind == "missing":
        return "missing"
    return "forged" if key == "head" else "digest"


def faults_of(world: World, kind: str, key: str) -> list[Fault]:
    manifest = head_of(world).live.manifest
    other = "head" if key == "m-*" else manifest
    return [Fault(kind=kind, key=key, seconds=30, other=other)]


KINDS = (*LATE, *FAILED, *DAMAGED, "missing")


def test_without_a_head_or_a_manifest_the_page_is_the_shops_own(cold: World) -> None:
    """Nothing that failed is kept, so one isolate meets every fault."""
    for key, kind in product(("head", "m-*"), KINDS):
        assert suffering(cold, *faults_of(cold, kind, key)) == set(), (kind, key)
        faults = cold.get("/_fs/health").json()["faults"]
        codes = {f"{WHAT[key]}_{reason}" for reason in (expected(kind, key), "unreadable")}
        assert codes & faults.keys(), (kind, key)
    assert cold.get("/_fs/health").json()["status"] == "no_release"
    cold.worker.kv_view.faults.clear()
    assert shown(cold) == {"two"}


@pytest.mark.parametrize("key", ["p-*", "i-*", "u-*"])
def test_without_its_tables_the_page_does_with_what_is_left(cold: World, key: str) -> None:
    # Popular items are asked for by those whose own rows do not fill the shelf.
    cookies = {} if key == "p-*" else COOKIES
    for kind in KINDS:
        met = suffering(cold, *faults_of(cold, kind, key), cookies=cookies)
        assert met == {"two"}, (kind, key)
        assert counted(cold, f"value_{expected(kind, key)}") > 0
    cold.worker.kv_view.faults.clear()
    page = contents(cold.get("/p/hat-3", COOKIES))
    assert page["home.hero"] == "<b>newer</b>"
    assert page["home.recommended"].startswith("<ul")
    assert page["product.alike"].startswith("<ul")


def test_with_a_release_in_memory_no_fault_of_the_head_is_seen(cold: World) -> None:
    assert shown(cold) == {"two"}
    for kind in KINDS:
        assert suffering(cold, *faults_of(cold, kind, "head")) == {"two"}
        reason = expected(kind, "head")
        # The page did not wait for what was late; it is counted when it is given up.
        while not any(counted(cold, f"head_{code}") for code in (reason, "unreadable")):
            time.sleep(0.05)
    for code in ("late", "failed", "missing", "forged"):
        assert counted(cold, f"head_{code}") > 0


def test_when_everything_fails_at_once_the_page_is_the_shops_own(cold: World) -> None:
    for kind in ("hang", "error", "corrupted"):
        assert suffering(cold, Fault(kind=kind)) == set()
        assert cold.get("/_fs/slot/home.hero").status_code == 503
    assert "own hero" in contents(cold.get("/", COOKIES))["home.hero"]


def test_half_of_the_reads_failing_shows_one_release_at_most(cold: World) -> None:
    for number, kind in enumerate(("error", "missing", "corrupted", "truncated", "reset")):
        cold.worker.kv_view.faults.clear()
        cold.worker.kv_view.faults.add(Fault(kind=kind, share=0.5 + number / 100))
        for _ in range(6):
            assert shown(cold) in (set(), {"one"}, {"two"})


def test_a_stale_head_is_an_older_genuine_release_and_never_goes_back(cold: World) -> None:
    assert suffering(cold, Fault(kind="stale", key="head")) == {"one"}
    cold.worker.kv_view.faults.clear()
    assert shown(cold) == {"two"}
    assert suffering(cold, Fault(kind="stale", key="head")) == {"two"}
    assert counted(cold, "head_older") > 0


def test_where_the_live_manifest_has_not_arrived_the_previous_release_serves(cold: World) -> None:
    live = head_of(cold).live.manifest
    assert suffering(cold, Fault(kind="missing", key=live)) == {"one"}
    health = cold.get("/_fs/health").json()
    assert health["status"] == "stale"
    assert health["faults"]["manifest_missing"] > 0
    assert suffering(cold, Fault(kind="corrupted", key=live)) == {"one"}
    cold.worker.kv_view.faults.clear()
    assert shown(cold) == {"two"}
    assert cold.get("/_fs/health").json()["status"] == "ok"


def test_a_log_line_names_each_fault_that_health_counts(cold: World) -> None:
    LINES.clear()
    for key, kind in product(("head", "m-*", "[iu]-*"), KINDS):
        suffering(cold, *faults_of(cold, kind, key))
    cold.worker.kv_view.faults.clear()
    found = cold.get("/_fs/health").json()["faults"]
    assert len(found) >= 7
    # Lines come by another way than answers do.
    while any(logged(code) < count for code, count in found.items()):
        time.sleep(0.05)
    assert all(line.level == "warn" for line in LINES if '"frontshelf":' in line.message)


def logged(code: str) -> int:
    return sum(f'"frontshelf":"{code}"' in line.message for line in [*LINES])


SLOTS = ["home.hero", "home.recommended", "empty.slot", "product.alike"]
BROKEN_SLOTS = [
    None,
    7,
    "hero",
    [],
    {},
    {"default": "ghost", "control": None, "rules": []},
    {"default": "hero", "control": None, "rules": None},
    {"default": "hero", "control": None, "rules": [None]},
    {"default": None, "control": None, "rules": [{"id": "x", "show": "hero", "when": 5}]},
    {"default": None, "control": None, "rules": [{"id": "x", "show": 5}]},
    {"default": None, "control": None, "rules": [{"id": "x", "experiment": {}}]},
    {"default": None, "control": None, "rules": [{"id": "x", "when": {"path": {"$regex": "("}}}]},
]
BROKEN_CONTENT = [
    None,
    {"kind": "html"},
    {"kind": "html", "html": 5},
    {"kind": "html", "html": None},
    {"kind": "unknown"},
    {"kind": "items"},
    {"kind": "items", "from": None, "limit": 3, "template": "product-strip"},
    {"kind": "items", "from": [{"session": "x"}], "limit": -1, "template": "ghost"},
]


@pytest.mark.parametrize("slot", SLOTS)
def test_a_slot_that_is_broken_in_any_way_costs_no_other(world: World, slot: str) -> None:
    genuine = head_of(world)
    whole = contents(world.get("/p/hat-3", COOKIES))
    for number, broken in enumerate((*BROKEN_SLOTS, *BROKEN_CONTENT)):

        def change(body, number=number, broken=broken):
            if number < len(BROKEN_SLOTS):
                body["rules"]["slots"][slot] = broken
            else:
                body["rules"]["content"]["bad"] = broken
                body["rules"]["slots"][slot] = {"default": "bad", "control": None, "rules": []}

        publish_changed(world, change)
        found = contents(world.get("/p/hat-3", COOKIES))
        assert {name: found[name] for name in SLOTS if name != slot} == {
            name: whole[name] for name in SLOTS if name != slot
        }, broken
        assert found[slot].startswith(("<i>own", "<b>", "<ul")), (broken, found[slot])
        put_head(world, head_of(world), genuine.live)
    assert counted(world, "slot_failed") > 0
    assert logged("slot_failed") > 0


def test_no_changed_value_is_ever_believed(cold: World) -> None:
    draw = random.Random(8)
    values = {key.name: cold.kv.get(key.name, "bytes") for key in cold.kv.list().keys}
    for round in range(120):
        for key in values:
            # In the first rounds the isolate has no release; then tables alone are changed.
            if round < 60 or key[:2] in ("i-", "u-", "p-", "l-"):
                cold.kv.put(key, changed(values, key, draw))
        if round == 60:
            for key in ("head", *(key for key in values if key.startswith("m-"))):
                cold.kv.put(key, values[key])
        assert shown(cold) == ({"two"} if round >= 60 else set())
    for key, value in values.items():
        cold.kv.put(key, value)
    assert contents(cold.get("/p/hat-3", COOKIES))["home.recommended"].startswith("<ul")


def changed(values: dict[str, bytes], key: str, draw: random.Random) -> bytes:
    """Return a value with flipped bits, cut, grown, spliced with or replaced by another."""
    value = values[key]
    other = values[draw.choice([name for name in values if name != key])]
    place = draw.randrange(len(value))
    flipped = bytearray(value)
    flipped[place] ^= 1 << draw.randrange(8)
    return draw.choice(
        [
            bytes(flipped),
            value[:place],
            value + bytes([draw.randrange(256)]),
            value[:place] + other[place:] + b"\0",
            other,
            b"",
            b"\xc1" * len(value),
            b"\xdf\xff\xff\xff\xff" + value,
        ]
    )


def test_a_staging_head_and_a_manifest_of_another_key_are_refused(world: World) -> None:
    genuine = world.kv.get("head", "bytes")
    head = head_of(world)
    before = counted(world, "head_forged")
    for wrong, key in (
        (structs.replace(head, counter=999, environment="staging"), "head"),
        (structs.replace(head, counter=999), "release"),
    ):
        world.kv.put("head", sign(wrong, load_signing_key(world.project.keys, key)))
        assert shown(world) == {"two"}
    assert counted(world, "head_forged") >= before + 2
    world.kv.put("head", genuine)
