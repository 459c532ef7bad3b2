"""The edge's own conditions, bucketing and MessagePack reader, in real workerd."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from control_plane.emulator.miniflare import Miniflare, Options

HERE = Path(__file__).parent
CORE = Path(__file__).parents[2] / "edge_bundle" / "core"

#: ask(probe, cases) -> one answer a case
Ask = Callable[[str, list[dict[str, Any]]], list[Any]]


@pytest.fixture(scope="session")
def edge() -> Iterator[Ask]:
    """Return a function that asks the edge's core about several cases at once."""
    names = ("bucket.js", "conditions.js", "msgpack.js")
    modules = {f"core/{name}": (CORE / name).read_text(encoding="utf-8") for name in names}
    modules["core_probe.js"] = (HERE / "core_probe.js").read_text(encoding="utf-8")
    with Miniflare(Options(modules=modules, main="core_probe.js")) as worker:

        def ask(probe: str, cases: list[dict[str, Any]]) -> list[Any]:
            body = json.dumps({"probe": probe, "cases": cases})
            response = worker.dispatch_fetch("http://probe/", method="POST", content=body)
            assert response.status_code == 200, response.text
            return response.json()

        yield ask
