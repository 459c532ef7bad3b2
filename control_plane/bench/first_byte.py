"""How long a page's first byte takes when the origin sends its second half late."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Mapping
from typing import Any

from control_plane.bench.client import get
from control_plane.bench.contenders import LineUp
from control_plane.bench.measure import spread
from control_plane.bench.origin import LATE_SECONDS
from control_plane.bench.shop import Size
from control_plane.emulator.npm import Talk
from control_plane.errors import PlatformError

#: Pages compared, of the requests a round: each takes as long as the origin holds it.
MAX_PAGES, PAGES_SHARE = 60, 30
BAR_MS = 2.0


def first_byte(line_up: LineUp, _size: Size, requests: int, _talk: Talk) -> Mapping[str, Any]:
    """Compare, page by page, the edge with a worker that passes the page through.

    `filled_ms` is when the slot in the page's first half had been filled.
    """
    headers = {**line_up.visitor.headers, "Accept": "text/html", "Sec-Fetch-Dest": "document"}
    request = get("/late", headers)
    edge, passing = line_up.worker("edge").ready, line_up.worker("pass").ready
    _arrivals(edge, request), _arrivals(passing, request)
    ours, theirs = [], []
    pages = min(MAX_PAGES, 5 + requests // PAGES_SHARE)
    for _ in range(pages):
        ours.append(_arrivals(edge, request))
        theirs.append(_arrivals(passing, request))
    later = [a[0] - b[0] for a, b in zip(ours, theirs, strict=True)]
    return {
        "pages": pages,
        "origin_holds_ms": 1000 * LATE_SECONDS,
        "edge_ms": spread([first for first, _ in ours]),
        "pass_ms": spread([first for first, _ in theirs]),
        "later_ms": spread(later),
        "filled_ms": spread([filled for _, filled in ours if filled is not None]),
        "bar_ms": BAR_MS,
        "within": statistics.median(later) <= BAR_MS,
    }


def _arrivals(url: str, request: bytes) -> tuple[float, float | None]:
    """Return when a page's first byte and its first filled slot arrived, in milliseconds."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        started = time.perf_counter()
        connection.sendall(request)
        got, first, filled = b"", None, None
        while b"</html>" not in got[-200:]:
            part = connection.recv(262_144)
            if not part:
                raise PlatformError(f"a page was cut short: {got[-200:]!r}")
            got += part
            elapsed = 1000 * (time.perf_counter() - started)
            if first is None and b"\r\n\r\n" in got and not got.endswith(b"\r\n\r\n"):
                first = elapsed
            if filled is None and b"data-fs-decision" in got:
                filled = elapsed
    return first or 0.0, filled
