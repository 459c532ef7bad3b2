"""A head that cannot be had: asked for in time, waited for briefly, and never for long trusted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from around_core import around_core
from toy_shop import compile_toy, make_project, variables

from control_plane.deploy.folder import Folder
from control_plane.deploy.publish import publish
from control_plane.emulator.miniflare import Miniflare
from control_plane.keyring import load_visitor_secrets, visitor_key

START = int(time.time() * 1000)
#: What production has.
PATIENCE = {"HEAD_SECONDS": "60", "HEAD_WAIT_MS": "50", "READ_MS": "400"}

Walk = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Return a function that asks for anna's hero at (seconds, state of the store) in turn."""
    project = make_project(tmp_path_factory.mktemp("toy"))
    compile_toy(project)
    store = Folder(tmp_path_factory.mktemp("store"))
    publish(store, project.build / "current", project)
    secrets = load_visitor_secrets(project.keys)
    anna = visitor_key(secrets.secrets[secrets.current], "u", "anna")
    body = {
        "slots": ["home.hero"],
        "visitor": f"{anna:016x}",
        "consent": {"personalization": True},
    }
    given = {**variables(project), **PATIENCE}
    main = Path(__file__).with_name("clocked.js")
    options = around_core(main, variables=given, on_log=lambda line: None)
    with Miniflare(options) as worker:
        for key in list(store.keys()):
            worker.dispatch_fetch(f"http://toy/{key}", method="PUT", content=store.get(key))

        def walk(*moments: tuple[float, str]) -> list[dict[str, Any]]:
            asked = [
                {"at": START + 1000 * seconds, "store": store, "body": body}
                for seconds, store in moments
            ]
            return worker.dispatch_fetch("http://toy/", method="POST", json=asked).json()

        yield walk


def hero(told: dict[str, Any]) -> str:
    return str(told["answer"]["decisions"]["home.hero"]["content"])


def test_within_its_minute_a_head_is_not_asked_for_again(walk: Walk) -> None:
    first, second = walk((0, "answers"), (29, "answers"))
    assert hero(first) == hero(second) == "hero-fan"
    assert second["reads"] == 0


@pytest.mark.parametrize("store", ["hangs", "fails"])
def test_after_a_minute_without_a_head_rules_hold_and_visitor_rows_are_left_out(
    walk: Walk, store: str
) -> None:
    _, late, again, well = walk((0, "answers"), (61, store), (61.5, store), (63, "answers"))
    assert hero(late) == hero(again) == "hero"
    assert late["faults"]["head_overdue"] >= 1
    assert hero(well) == "hero-fan"
    assert well["faults"]["head_overdue"] == again["faults"]["head_overdue"]


def test_a_failing_head_is_asked_for_once_a_second(walk: Walk) -> None:
    told = walk((0, "answers"), *((61 + tenth / 10, "fails") for tenth in range(25)))
    assert sum(one["reads"] for one in told[1:]) == 3
    assert told[-1]["faults"]["head_failed"] == 3
