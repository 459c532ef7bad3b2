"""A release of the format before today's goes on serving under today's worker."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy_shop import World, start_worker

from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key

KEPT = json.loads(Path(__file__).with_name("format1.json").read_text())


@pytest.fixture(scope="module")
def before(world: World) -> Iterator[World]:
    """The toy shop as version 0.1.0 compiled and deployed it."""
    with start_worker(world.project, **KEPT["variables"]) as worker:
        old = World(world.project, worker)
        for key, value in KEPT["values"].items():
            old.kv.put(key, base64.b64decode(value))
        yield old


def views(*items: str) -> dict[str, Any]:
    return {"events": [{"event": "view", "item": item} for item in items]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"session": views("hat-0")},
        {"session": views("hat-1", "no-such-item", "hat-2", "shoe-3")},
        {"page": {"item": "hat-2"}},
        {"visitor": "anna"},
        {"visitor": "anna", "session": views("shoe-3")},
    ],
    ids=str,
)
def test_it_shows_what_the_same_shop_shows_in_todays_format(
    world: World, before: World, body: dict[str, Any]
) -> None:
    slots = ["home.recommended", "home.discover", "product.alike"]
    secrets = load_visitor_secrets(world.project.keys)
    anna = format_visitor_key(visitor_key(secrets.secrets[secrets.current], "u", "anna"))

    def shown(asked: World, key: str) -> list[Any]:
        answer = asked.decide(*slots, **body | ({"visitor": key} if "visitor" in body else {}))
        decisions = answer["decisions"].values()
        return [answer["segments"], *((one["items"], one["reason"]) for one in decisions)]

    assert shown(before, KEPT["anna"]) == shown(world, anna)


def test_its_cards_are_whole(world: World, before: World) -> None:
    assert "Hat &lt;hat-0&gt;" in before.get("/_fs/slot/home.recommended").text
    assert (
        before.get("/_fs/slot/home.recommended").text
        == world.get("/_fs/slot/home.recommended").text
    )


def test_nothing_of_it_is_called_a_fault(before: World) -> None:
    before.decide("home.recommended", session=views("shoe-0"), visitor=KEPT["anna"])
    assert before.get("/_fs/health").json()["faults"] == {}
