"""A worker that reads tables with the bundle's own modules, for round-trip tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from control_plane.emulator.miniflare import Miniflare, Options

HERE = Path(__file__).parent
CORE = Path(__file__).parents[2] / "edge_bundle" / "core"

Probe = Callable[..., Any]


@pytest.fixture(scope="session")
def probe() -> Iterator[Probe]:
    """Return a function that asks the probe worker, in real workerd."""
    modules = {f"core/{file.name}": file.read_text() for file in CORE.glob("*.js")}
    modules["probe.js"] = (HERE / "probe.js").read_text()
    with Miniflare(Options(modules=modules, main="probe.js")) as worker:

        def ask(name: str, **arguments: Any) -> Any:
            body = json.dumps({"probe": name, **arguments})
            answer = worker.dispatch_fetch("http://probe/", method="POST", content=body).json()
            assert "error" not in answer, answer["error"]
            return answer["result"]

        yield ask
