"""What nothing names goes after a while, visitor values in time, and no kept release breaks."""

from __future__ import annotations

from collections.abc import Iterator

import msgpack
import msgspec
import pytest

from control_plane.deploy.cloudflare.kv import CloudflareKV
from control_plane.deploy.folder import Folder
from control_plane.deploy.gc import collect_garbage
from control_plane.deploy.head import KEY, Canary, read_head, sign
from control_plane.deploy.history import releases, rollback
from control_plane.deploy.lock import deployment_lock
from control_plane.deploy.overlays import changes as overlay_changes
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.publish import publish
from control_plane.emulator.local_api import local_api
from control_plane.envelope import MANIFEST, seal, unpack
from control_plane.errors import InputError, LockedError, TableError, WorkError
from control_plane.keyring import load_signing_key
from control_plane.tables import FORMAT, digest, value_key

HOUR = 3600.0
START = 1_800_000_000.0


class Shop:
    """A target whose clock a test turns."""

    def __init__(self, target, project, build) -> None:
        self.target, self.project, self.build, self.now = target, project, build, START

    def clock(self) -> float:
        return self.now

    def deploy(self, name: str, *, draft: bool = False, hours: float = 0) -> None:
        """Deploy a release with an item and a visitor row of its own, and a shared item."""
        self.now += hours * HOUR
        folder = self.project.root.parent / f"build-{name}"
        if not folder.exists():
            self.build(name, [b"shared", name.encode()], [f"row of {name}".encode()])
        publish(self.target, folder, self.project, draft=draft, clock=self.clock)

    def gc(self, hours: float = 0, **how):
        self.now += hours * HOUR
        return collect_garbage(self.target, self.project, clock=self.clock, **how)

    def items(self) -> set[str]:
        """Return the releases whose own item is there."""
        return self._there("i", "{}")

    def rows(self) -> set[str]:
        """Return the releases whose visitor row is there."""
        return self._there("u", "row of {}")

    def _there(self, letter: str, text: str) -> set[str]:
        names = [path.name[6:] for path in self.project.root.parent.glob("build-*")]
        keys = {value_key(letter, text.format(name).encode()): name for name in names}
        return {keys[key] for key in self.target.keys(f"{letter}-") if key in keys}


@pytest.fixture
def shop(target, project, build) -> Shop:
    """A shop at the API in memory."""
    return Shop(target, project, build)


@pytest.fixture(params=["folder", "local"])
def shelf(request, tmp_path, project, build) -> Iterator[Shop]:
    """A shop at each kind of target."""
    if request.param == "folder":
        yield Shop(Folder(tmp_path / "cdn"), project, build)
        return
    with (
        local_api(project) as api,
        CloudflareKV(
            api.base_url, api.token, api.account_id, api.namespace_id, name="local"
        ) as target,
    ):
        yield Shop(target, project, build)


def test_the_last_releases_stay_and_older_ones_go_on_every_target(shelf):
    for name in ("red", "green", "blue", "pink"):
        shelf.deploy(name, hours=30)
    found = shelf.gc(hours=30, keep=2)
    assert [(one.release, one.why) for one in found.kept] == [
        ("pink", "live"),
        ("blue", "previous"),
    ]
    assert found.removed == {"items": 2, "manifest": 2, "visitors": 3}
    assert shelf.items() == {"pink", "blue"}
    assert shelf.rows() == {"pink"}
    assert [one.release for one in releases(shelf.target, shelf.project, clock=shelf.clock)] == [
        "pink",
        "blue",
    ]
    assert shelf.gc(keep=2).removed == {}


def test_a_dry_run_says_the_same_and_removes_nothing(shop, memory):
    for name in ("red", "green", "blue"):
        shop.deploy(name, hours=30)
    memory.log.clear()
    local = {path.name for path in shop.project.local.iterdir()}
    planned = shop.gc(hours=30, keep=1, dry_run=True)
    assert memory.writes() == []
    assert {path.name for path in shop.project.local.iterdir()} == local
    assert shop.gc(keep=1).removed == planned.removed == {"items": 1, "manifest": 1, "visitors": 2}


def test_what_was_live_lately_stays_beyond_the_number(shop):
    for name in ("red", "green", "blue", "pink"):
        shop.deploy(name, hours=2)
    assert shop.gc(keep=1).removed == {}
    assert shop.rows() == {"red", "green", "blue", "pink"}
    shop.gc(hours=25, keep=1)
    assert shop.items() == {"blue", "pink"}


def test_visitor_rows_go_24_hours_after_their_release_was_live_though_it_is_kept(shop):
    shop.deploy("red")
    shop.deploy("green", hours=100)
    shop.gc(hours=23.9)
    assert shop.rows() == {"red", "green"}
    found = shop.gc(hours=0.2)
    assert found.removed == {"visitors": 1}
    assert (shop.rows(), shop.items()) == ({"green"}, {"red", "green"})


def test_a_release_that_is_live_again_has_its_rows_again_with_the_next_deployment(shop):
    shop.deploy("red")
    shop.deploy("green", hours=1)
    shop.gc(hours=25)
    rollback(shop.target, shop.project, clock=shop.clock)
    shop.deploy("red", hours=1)
    assert shop.gc().removed == {}
    assert shop.rows() == {"red", "green"}  # green stopped being live just now
    shop.gc(hours=25)
    assert shop.rows() == {"red"}


def test_drafts_stay_until_newer_ones_or_until_they_were_live(shop):
    shop.deploy("red")
    for name in ("one", "two", "three"):
        shop.deploy(name, draft=True, hours=1)
    shop.gc(hours=100, keep=2)
    assert shop.items() == {"red", "two", "three"}
    assert shop.rows() == {"red", "two", "three"}
    shop.deploy("two")
    shop.deploy("red", hours=30)
    shop.gc(hours=30, keep=2)
    assert shop.rows() == {"red", "three"}


def test_a_canary_stays_with_its_rows(shop):
    for name in ("red", "green", "blue"):
        shop.deploy(name, hours=1)
    head = read_head(shop.target, shop.project, shop.clock)
    red = releases(shop.target, shop.project, clock=shop.clock)[-1]
    named = Canary(red.manifest, bytes.fromhex(red.digest), "red", share=0.1)
    canary = msgspec.structs.replace(head, canary=named)
    shop.target.put(KEY, sign(canary, load_signing_key(shop.project.keys, "head")))
    found = shop.gc(hours=100, keep=1)
    assert [one.why for one in found.kept] == ["live", "canary", "previous"]
    assert shop.rows() == {"red", "blue"}


def test_values_of_unknown_origin_wait_from_when_they_were_first_seen(shop, memory):
    shop.deploy("red")
    stray, foreign = value_key("i", b"stray"), "i-of-somebody-else"
    memory.values |= {stray: b"stray", foreign: b"x", "z-" + 32 * "0": b"x"}
    found = shop.gc(hours=100)
    assert (found.removed, found.waiting) == ({}, {"items": 1})
    assert found.next_at == (shop.now + 24 * HOUR) * 1000
    assert shop.gc(hours=23).waiting == {"items": 1}
    assert shop.gc(hours=2).removed == {"items": 1}
    assert stray not in memory.values
    assert {foreign, "z-" + 32 * "0"} <= set(memory.values)


@pytest.mark.parametrize("request_number", [6, 12])
def test_what_a_killed_deployment_wrote_waits_again(shop, memory, request_number):
    """Killed before its manifest is written, and before its head is."""
    shop.deploy("red")
    memory.values[value_key("i", b"green")] = b"green"
    shop.gc()
    shop.now += 25 * HOUR
    memory.log.clear()
    memory.die_at = request_number
    assert memory.kills(lambda: shop.deploy("green"))
    memory.die_at = None
    assert len([key for key in memory.values if key.startswith("m-")]) == request_number / 6
    assert read_head(shop.target, shop.project, shop.clock).live.release == "red"
    assert shop.gc().removed == {}
    assert "green" in shop.items()


def test_a_manifest_of_another_machine_keeps_its_values_until_it_goes(shop, memory):
    shop.deploy("red")
    shop.deploy("green", draft=True)
    record = shop.project.local / "releases-cloudflare.jsonl"
    record.write_bytes(b"".join(record.read_bytes().splitlines(keepends=True)[:-1]))
    red = read_head(shop.target, shop.project, shop.clock).live.manifest
    (green,) = (key for key in memory.values if key.startswith("m-") and key != red)
    manifest = memory.values.pop(green)
    assert shop.gc().waiting == {"items": 1, "visitors": 1}
    memory.values[green] = manifest  # the other machine comes to write it
    assert shop.gc(hours=20).waiting == {"items": 1, "manifest": 1, "visitors": 1}
    found = shop.gc(hours=5)
    assert (found.removed, found.next_at) == ({}, (START + 44 * HOUR) * 1000)
    assert shop.gc(hours=20).removed == {"items": 1, "manifest": 1, "visitors": 1}


def test_values_of_overlays_stay_while_the_head_names_them(shop, memory):
    shop.deploy("red")
    for key in (1 << 40, 2 << 40):
        change_overlays(
            shop.target,
            shop.project,
            lambda target, head, key=key: overlay_changes.erase(target, head, "k1", [key]),
            clock=shop.clock,
            sleep=lambda seconds: None,
        )
    before = {key for key in memory.values if key.startswith("e-")}
    assert len(before) == 2
    assert shop.gc(hours=25).removed == {"erased": 1}
    assert shop.gc(hours=100).removed == {}
    assert len([key for key in memory.values if key.startswith("e-")]) == 1


def test_what_cannot_be_read_stops_it_before_anything_is_removed(shop, memory):
    for name in ("red", "green", "blue"):
        shop.deploy(name, hours=30)
    green = releases(shop.target, shop.project, clock=shop.clock)[1].manifest
    genuine = memory.values[green]
    shop.now += 100 * HOUR
    for broken in (None, genuine[:-1], genuine + b"!"):
        memory.values.pop(green)
        if broken is not None:
            memory.values[green] = broken
        before = dict(memory.values)
        with pytest.raises(TableError, match=r"green \(previous\) cannot be read, so nothing was"):
            shop.gc(keep=1)
        assert memory.values == before
        memory.values[green] = genuine
    memory.values.pop("head")
    with pytest.raises(InputError, match="has no head; nothing was removed"):
        shop.gc()


def test_notes_that_cannot_be_read_are_an_error_with_a_remedy(shop):
    shop.deploy("red")
    (shop.project.local / "unnamed-cloudflare.json").write_text("{")
    with pytest.raises(WorkError, match="Delete it"):
        shop.gc()


def test_it_takes_the_deployment_lock(shop):
    shop.deploy("red")
    with deployment_lock(shop.project, "cloudflare"), pytest.raises(LockedError):
        shop.gc()
    with deployment_lock(shop.project, "cloudflare"):
        assert shop.gc(dry_run=True).removed == {}


def whole(memory) -> set[str]:
    """Return the names of the releases in the store, and fail on one whose items are not there."""
    names = set()
    for key in [key for key in memory.values if key.startswith("m-")]:
        body = msgpack.unpackb(unpack(memory.values[key]).body)
        assert set(body["values"]) <= set(memory.values)
        names.add(body["name"])
    return names


@pytest.mark.parametrize("die", ["before", "after"])
def test_killed_at_any_request_every_release_is_whole_and_the_next_run_finishes(
    die, new_memory, connect, build, project
):
    for request in range(100):
        memory = new_memory()
        shop = Shop(connect(memory), project, build)
        (project.local / "releases-cloudflare.jsonl").unlink(missing_ok=True)
        (project.local / "unnamed-cloudflare.json").unlink(missing_ok=True)
        for name in ("red", "green", "blue", "pink"):
            shop.deploy(name, hours=30)
        memory.on_write = lambda memory=memory: whole(memory)
        memory.log.clear()
        memory.die, memory.die_at = die, request
        killed = memory.kills(lambda shop=shop: shop.gc(hours=30, keep=2))
        memory.die_at = None
        assert {"pink", "blue"} <= whole(memory)
        shop.gc(keep=2)
        assert whole(memory) == shop.items() == {"pink", "blue"}
        assert shop.rows() == {"pink"}
        if not killed:
            assert request > 5
            return
    pytest.fail("it never ended")


def test_pages_of_a_manifest_are_read_and_a_missing_one_stops_it(shop, memory):
    page = msgpack.packb(
        {"format": FORMAT, "kind": "index", "firsts": b"", "digests": digest(b"far")[:16]}
    )
    body = msgpack.packb(
        {
            "format": FORMAT,
            "kind": "manifest",
            "values": [],
            "items": {"paged": True, "digests": digest(page)[:16]},
        }
    )
    shop.deploy("red")
    manifest = seal(MANIFEST, "toys", "dev", body, load_signing_key(shop.project.keys, "release"))
    head = read_head(shop.target, shop.project, shop.clock)
    live = msgspec.structs.replace(
        head.live, manifest=value_key("m", manifest), digest=digest(manifest), release="large"
    )
    large = msgspec.structs.replace(head, live=live)
    memory.values |= {
        live.manifest: manifest,
        value_key("x", page): page,
        value_key("i", b"far"): b"far",
        "head": sign(large, load_signing_key(shop.project.keys, "head")),
    }
    shop.gc(hours=50)
    shop.gc(hours=50)
    assert {value_key("x", page), value_key("i", b"far")} <= set(memory.values)
    del memory.values[value_key("x", page)]
    with pytest.raises(TableError, match="nothing was removed"):
        shop.gc(hours=50)
    assert value_key("i", b"far") in memory.values
