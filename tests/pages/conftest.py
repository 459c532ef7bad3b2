"""A small shop on loopback, for the scripts that pages load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from page_shop import Handler, Shop


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
