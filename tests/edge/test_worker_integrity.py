"""Nothing but genuine releases is ever shown, and the page comes whatever fails."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_shop import ADAPTERS, HATS, World, make_project

from control_plane.settings import Project, Settings, Shop


@pytest.fixture(params=ADAPTERS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    project = make_project(tmp_path)
    with ADAPTERS[request.param](project) as worker:
        yield World(project, worker)


def shown(world: World) -> str:
    page = world.get("/").text
    assert page.rstrip().endswith("</html>")
    return page


def test_with_nothing_deployed_the_page_is_the_shops_own(world: World) -> None:
    assert "own hero" in shown(world)
    assert world.get("/_fs/health").json()["status"] == "no_release"
    assert world.get("/_fs/slot/home.hero").status_code == 503


def test_a_deployed_release_shows_without_a_restart(world: World) -> None:
    assert "own hero" in shown(world)
    world.publish()
    assert "<b>new</b>" in shown(world)


def test_changed_rules_show_and_only_manifest_and_head_are_written(world: World) -> None:
    world.publish()
    before = {key.name for key in world.kv.list().keys}
    rules = world.project.rules
    rules.write_text(rules.read_text().replace("<b>new</b>", "<b>newer</b>"))
    world.publish()
    assert "<b>newer</b>" in shown(world)
    after = {key.name for key in world.kv.list().keys}
    assert [name[0] for name in after - before] == ["m"]


def test_a_head_of_another_shop_is_refused(world: World) -> None:
    other = Project(world.project.root, Settings(shop=Shop(name="other", environment="test")))
    World(other, world.worker).publish()
    assert "own hero" in shown(world)
    assert world.get("/_fs/health").json()["faults"]["head_forged"] > 0


def test_an_older_head_does_not_bring_an_older_release_back(world: World) -> None:
    world.publish()
    old = world.kv.get("head", "bytes")
    rules = world.project.rules
    rules.write_text(rules.read_text().replace("<b>new</b>", "<b>newer</b>"))
    world.publish()
    assert "<b>newer</b>" in shown(world)
    world.kv.put("head", old)
    assert "<b>newer</b>" in shown(world)


def test_a_missing_head_leaves_the_live_release(world: World) -> None:
    world.publish()
    assert "<b>new</b>" in shown(world)
    world.kv.delete("head")
    assert "<b>new</b>" in shown(world)
    assert world.get("/_fs/health").json()["faults"]["head_missing"] > 0


@pytest.mark.parametrize("prefix", ["i-", "u-", "p-", "m-", "head"])
def test_a_changed_byte_changes_nothing_but_to_the_pages_own_content(
    world: World, prefix: str
) -> None:
    world.publish()
    draw = random.Random(prefix)
    for key in [key.name for key in world.kv.list(prefix=prefix).keys]:
        value = world.kv.get(key, "bytes")
        place = draw.randrange(len(value))
        changed = bytearray(value)
        changed[place] ^= 1 + draw.randrange(255)
        world.kv.put(key, bytes(changed))
    page = shown(world)
    genuine = 'data-fs-sku="hat-0"' in page or "own shelf" in page
    assert genuine
    if prefix in ("m-", "head"):
        assert "own hero" in page
    if prefix == "i-":
        shelf = world.decide("home.recommended")["decisions"]["home.recommended"]["items"]
        assert shelf == HATS[:4]  # the popular value carries its own cards
