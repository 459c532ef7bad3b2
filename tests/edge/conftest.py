"""The toy shop's worker, and one that reads tables with the bundle's own modules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from around_core import around_core
from toy_shop import ADAPTERS, World, make_project

from control_plane.emulator.miniflare import Miniflare

HERE = Path(__file__).parent

Probe = Callable[..., Any]


@pytest.fixture(scope="session")
def probe() -> Iterator[Probe]:
    """Return a function that asks the probe worker, in real workerd."""
    with Miniflare(around_core(HERE / "probe.js")) as worker:

        def ask(name: str, **arguments: Any) -> Any:
            body = json.dumps({"probe": name, **arguments})
            answer = worker.dispatch_fetch("http://probe/", method="POST", content=body).json()
            assert "error" not in answer, answer["error"]
            return answer["result"]

        yield ask


@pytest.fixture(scope="module")
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The toy shop, deployed, at an edge that trusts nobody.

    Tests that ask over HTTP alone run on every platform, with
    `pytestmark = pytest.mark.parametrize("world", ADAPTERS, indirect=True)`.
    """
    project = make_project(tmp_path_factory.mktemp("toy"))
    with ADAPTERS[getattr(request, "param", "cloudflare")](project) as worker:
        world = World(project, worker)
        world.publish()
        yield world
