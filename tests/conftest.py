"""What tests of several rooms share: the workerd of this machine, and the edge's JavaScript."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_js import EdgeJs

from control_plane.emulator.binary import find_workerd


@pytest.fixture(scope="session")
def workerd() -> Path:
    """The workerd that the product itself would run, fetched when there is none."""
    return find_workerd(lambda line: print(line, file=sys.stderr))


@pytest.fixture(scope="session")
def edge_js(workerd: Path) -> Iterator[EdgeJs]:
    """The modules of edge_bundle/core, callable from Python, in real workerd."""
    harness = EdgeJs(workerd=workerd)
    yield harness
    harness.close()


@pytest.fixture(autouse=True, scope="session")
def _no_proxies() -> None:
    """Keep clients in tests from sending loopback traffic through a proxy."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
