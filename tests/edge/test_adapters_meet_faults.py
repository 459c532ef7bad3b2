"""Whatever the store does, on either platform the page comes, whole, with nothing ungenuine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_shop import ADAPTERS, World, make_project

from control_plane.emulator.faults import Fault

#: A fault of the store -> what health may call it.
FAULTS = {
    "error": ("failed",),
    "hang": ("late",),
    "reset": ("failed",),
    "cut": ("failed", "digest", "forged", "unreadable"),
    "stall": ("late",),
    "missing": ("missing",),
    "truncated": ("digest", "forged", "unreadable"),
    "corrupted": ("digest", "forged", "unreadable"),
}


@pytest.fixture(scope="module", params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(adapter: str, tmp_path: Path) -> Iterator[World]:
    """A shop whose worker has read nothing yet."""
    project = make_project(tmp_path)
    with ADAPTERS[adapter](project, READ_MS="1000", SLOT_MS="8000") as worker:
        world = World(project, worker)
        world.publish()
        yield world


def fail(world: World, *faults: Fault) -> None:
    world.worker.kv_view.faults.clear()
    world.worker.kv_view.faults.add(*faults)


def shown(world: World) -> str:
    page = world.get("/").text
    assert page.rstrip().endswith("</html>")
    assert "own unknown" in page
    return page


def codes(world: World) -> set[str]:
    fail(world)
    return {code.split("_")[-1] for code in world.get("/_fs/health").json()["faults"]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
def test_first_no_release_then_no_tables_then_all_is_well(world: World, kind: str) -> None:
    fail(world, Fault(kind=kind))
    assert "own hero" in shown(world)
    fail(world, Fault(kind=kind, key="[iulpo]-*"))
    page = shown(world)
    assert "<b>new</b>" in page
    assert "own shelf" in page
    assert codes(world) & set(FAULTS[kind])
    assert 'data-fs-sku="hat-0"' in shown(world)


def test_a_failing_store_costs_a_fragment_and_a_decision_no_more_than_themselves(
    world: World,
) -> None:
    fail(world, Fault(kind="error"))
    assert world.get("/_fs/slot/home.hero").status_code == 503
    assert world.get("/_fs/health").json()["status"] == "no_release"
    assert world.get("/.well-known/gpc.json").json()["gpc"] is True
    assert world.get("/_fs/sdk.js").status_code == 200
