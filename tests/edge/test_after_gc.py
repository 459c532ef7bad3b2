"""What the worker shows of a release whose visitor values are gone."""

from __future__ import annotations

import time

import msgspec
import pytest
from toy_shop import ADAPTERS, World, rows, toy_catalogue, toy_model, views

from control_plane.compiler.build import compile_release
from control_plane.deploy.gc import collect_garbage
from control_plane.deploy.history import rollback
from control_plane.deploy.publish import publish
from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key

pytestmark = pytest.mark.parametrize("world", ADAPTERS, indirect=True)


def anna_of(world: World) -> str:
    secrets = load_visitor_secrets(world.project.keys)
    return format_visitor_key(visitor_key(secrets.secrets[secrets.current], "u", "anna"))


def publish_other_rows(world: World) -> None:
    """Publish a release in which everybody is recommended something else."""
    model = toy_model(world.project)
    people = msgspec.structs.replace(model.visitors, rows=rows([[(1, 1.0)], [(2, 1.0)]]))
    with toy_catalogue() as log:
        compile_release(world.project, msgspec.structs.replace(model, visitors=people), log)
    publish(world.target, world.project.build / "current", world.project)


def test_rolled_back_to_later_visitors_are_served_from_session_and_popular(world: World) -> None:
    def shown(**body: object) -> dict:
        answer = world.decide("home.recommended", visitor=anna_of(world), **body)
        return dict(answer["decisions"]["home.recommended"])

    # The first release's rows are asked for by nobody: an isolate would go on with what it read.
    publish_other_rows(world)
    assert shown()["reason"] == "visitor"
    later = time.time() + 25 * 3600
    removed = collect_garbage(world.target, world.project, clock=lambda: later).removed
    assert removed == {"visitors": 1}
    assert shown()["reason"] == "visitor"
    rollback(world.target, world.project)
    assert len(shown()["items"]) == 4
    assert shown()["reason"] in ("segment", "popular")
    assert shown(session=views("shoe-4"))["reason"] == "session"
    assert "</html>" in world.get("/").text
