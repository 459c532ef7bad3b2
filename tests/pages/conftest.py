"""A small shop on loopback, and a real Chromium to visit it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from page_shop import Handler, Shop
from playwright.sync_api import Browser, BrowserContext, sync_playwright


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop of its own for each test."""
    record = Shop()
    handler = type("ShopHandler", (Handler,), {"shop": record})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        record.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield record
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium that keeps pages for Back, as visitors' browsers do."""
    program = os.environ.get("CHROMIUM_BIN") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    assert program, "no Chromium: install one, or name it in CHROMIUM_BIN"
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
