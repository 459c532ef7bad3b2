"""The edge believes both keys of a rotation, and neither too early nor too long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from msgspec import structs
from toy_shop import World, make_project, start_worker, variables

from control_plane.keyring.rotation import new_key, revoke_key, rotate_key

BOTH = ("head", "release")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    project = make_project(tmp_path)
    with start_worker(project, on_log=lambda line: None) as worker:
        world = World(project, worker)
        world.publish()
        yield world


def upload(world: World) -> None:
    """Tell the worker what `worker upload` would: which keys are believed now."""
    given = {**world.worker.options.variables, **variables(world.project)}
    world.worker.set_options(structs.replace(world.worker.options, variables=given))


def faults(world: World) -> Mapping[str, int]:
    return dict(world.get("/_fs/health").json()["faults"])


def live(world: World) -> str:
    return str(world.decide("home.hero")["release"])


def test_a_head_that_nobody_believes_yet_changes_nothing(world):
    before = live(world)
    for name in BOTH:
        rotate_key(world.project.keys, name)
    now = world.publish()
    assert live(world) == before
    assert faults(world)["head_forged"]
    upload(world)
    assert live(world) == now != before


def test_during_the_overlap_either_key_is_believed(world):
    before = live(world)
    for name in BOTH:
        new_key(world.project.keys, name)
    upload(world)
    assert live(world) == before
    for name in BOTH:
        rotate_key(world.project.keys, name)
    now = world.publish()
    assert live(world) == now != before
    assert not faults(world)


def test_what_a_revoked_key_signed_comes_back_at_no_isolate(world):
    stolen = world.kv.get("head", "bytes")
    gone = [rotate_key(world.project.keys, name)[1] for name in BOTH]
    upload(world)
    now = world.publish()
    good = world.kv.get("head", "bytes")
    for key in gone:
        revoke_key(world.project.keys, key, 2)
    upload(world)
    assert live(world) == now
    world.kv.put("head", stolen)
    assert live(world) == now, "a warm isolate goes on"
    upload(world)
    cold = world.get("/_fs/slot/home.hero")
    assert cold.status_code == 503, "a cold one shows the page's own content"
    world.kv.put("head", good)
    assert live(world) == now
