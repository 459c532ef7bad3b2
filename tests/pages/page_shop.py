"""A small shop that serves the page scripts and records what browsers send."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

BUNDLE = Path(__file__).parents[2] / "edge_bundle"

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>{head}
<script src="/_fs/sdk.js" defer {sdk}></script>{scripts}</head>
<body data-fs-item="tea-1" data-fs-category="tea"><h1>Tea</h1>
<a id="away" href="/away">Away</a> <button id="privacy" data-fs-consent>Privacy</button>
<section data-fs-slot="home.recommended" data-fs-decision="{first}"><ul><li>
<a id="card" href="#card" data-fs-sku="mug-7">Mug</a></li></ul></section>
<div style="height:3000px"></div>
<div data-fs-slot="home.footer" data-fs-decision="{foot}" data-fs-item="pot-2">
<a id="promo" href="#promo">Sale</a></div></body></html>"""


#: Ids as the edge makes them: held out or not under `hold`, and in the experiment `exp1`.
FIRST = "first.0123456789ab.0.0.1.hold.exp1"
FOOT = "foot.0123456789ab.1.2.0.hold.exp1"


class Shop:
    """What the shop was asked and sent, and how it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.retry_after: str | None = None
        self.batches: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.slots: list[str] = []
        self.head = ""
        self.scripts = ""
        self.sdk = ""
        self.first, self.foot = FIRST, FOOT
        self.url = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return all events that were acknowledged."""
        return [event for batch in self.batches for event in batch["batch"]]

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return acknowledged track events of one name."""
        return [event for event in self.events if event.get("event") == name]

    def take(self, body: dict[str, Any]) -> int:
        """Record a batch, and answer with a status."""
        (self.batches if self.status == 200 else self.refused).append(body)
        return self.status


def wait_until(true: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait for something to become true, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError("it did not become true in time")


class Handler(BaseHTTPRequestHandler):
    """Serves pages, scripts, slots and the collector."""

    shop: Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in ("/_fs/sdk.js", "/_fs/consent.js"):
            self.answer(200, (BUNDLE / path[5:]).read_bytes(), "text/javascript")
        elif path.startswith("/_fs/slot/"):
            self.shop.slots.append(self.path)
            number = len(self.shop.slots)
            extra = {"frontshelf-decision": f"d-{number}"}
            self.answer(200, f"<p>filled {number}</p>".encode(), "text/html", extra)
        elif path == "/favicon.ico":
            self.answer(204, b"", "text/plain")
        else:
            shop = self.shop
            parts = {"head": shop.head, "scripts": shop.scripts, "sdk": shop.sdk}
            page = PAGE.format(first=shop.first, foot=shop.foot, **parts)
            self.answer(200, page.encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        extra = {"retry-after": self.shop.retry_after} if self.shop.retry_after else {}
        self.answer(self.shop.take(json.loads(body)), b"{}", "application/json", extra)

    def answer(
        self, status: int, body: bytes, kind: str, extra: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, **(extra or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
