"""Who takes part: each contender's worker, started when first needed, and its request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import msgspec

from control_plane.bench.client import get, post
from control_plane.bench.flags import (
    ATTRIBUTES,
    GROWTHBOOK,
    GROWTHBOOK_FILE,
    flag_rules,
    growthbook_worker,
)
from control_plane.bench.measure import Contender
from control_plane.bench.origin import running_origin
from control_plane.bench.project import bench_project
from control_plane.bench.shop import Size
from control_plane.bench.visitors import BROWSER, Crowd, Visitor
from control_plane.bench.workers import (
    CONSTANT,
    OFREP_FLOOR,
    PAGE_FLOOR,
    PARSE,
    PASS,
    REWRITE_NOTHING,
    SLOT_FLOOR,
    edge_worker,
)
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.npm import Talk, lay_out
from control_plane.emulator.options import Options

FLAGS_SIZE = Size(1000, 1000)
#: So many that an isolate has forgotten each when it comes again.
CROWD = 1500


class Entry(msgspec.Struct, frozen=True):
    """Which worker, asked what in turn, and what its answer must show that many times."""

    worker: str
    request: bytes | Sequence[bytes]
    shows: bytes
    times: int = 1


class LineUp:
    """The workers and their requests; a context manager that ends what it started."""

    def __init__(self, size: Size, talk: Talk) -> None:
        self._size, self._talk = size, talk
        self._closing = ExitStack()
        self._running: dict[str, Miniflare] = {}
        self._origin: str | None = None
        self.crowd = Crowd(size)
        self.visitor = self.crowd.regular()
        self._entries = self._make_entries()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    def contender(self, name: str) -> Contender:
        """Return a contender, its worker running."""
        entry = self._entries[name]
        worker = self.worker(entry.worker)
        asked = entry.request
        requests = [asked] if isinstance(asked, bytes) else asked
        return Contender(name, worker, requests, entry.shows, entry.times)

    def worker(self, name: str) -> Miniflare:
        """Return a worker, started when this is the first call for it."""
        if name not in self._running:
            self._running[name] = self._closing.enter_context(self._starters[name]())
        return self._running[name]

    @property
    def _starters(self) -> Mapping[str, Callable[[], Miniflare]]:
        return {
            "edge": lambda: edge_worker(bench_project(self._size, self._talk), self.origin),
            "flags": lambda: edge_worker(bench_project(FLAGS_SIZE, self._talk, flag_rules())),
            "constant": lambda: Miniflare(Options(script=CONSTANT)),
            "parse": lambda: Miniflare(Options(script=PARSE)),
            "pass": lambda: Miniflare(Options(script=PASS, origin=self.origin)),
            "rewrite-nothing": lambda: Miniflare(
                Options(script=REWRITE_NOTHING, origin=self.origin)
            ),
            "slot-floor": lambda: Miniflare(Options(script=SLOT_FLOOR)),
            "ofrep-floor": lambda: Miniflare(Options(script=OFREP_FLOOR)),
            "page-floor": lambda: Miniflare(Options(script=PAGE_FLOOR, origin=self.origin)),
            "growthbook": lambda: self._growthbook(kept=True),
            "growthbook-fresh": lambda: self._growthbook(kept=False),
        }

    @property
    def origin(self) -> str:
        """The address of the shop's origin."""
        if self._origin is None:
            origin = running_origin(self.visitor.items[0])
            self._origin = self._closing.enter_context(origin)
        return self._origin

    def _growthbook(self, kept: bool) -> Miniflare:
        sdk = lay_out(GROWTHBOOK, self._talk) / GROWTHBOOK_FILE
        modules = {"worker.js": growthbook_worker(kept), "growthbook.js": sdk.read_text("utf-8")}
        return Miniflare(Options(modules=modules))

    def _make_entries(self) -> dict[str, Entry]:
        visitor = self.visitor
        browser = visitor.headers
        decide = post("/_fs/decide", visitor.decide_body())
        features = json.dumps({"context": {"id": visitor.device, **ATTRIBUTES}}).encode()
        page = get("/", {**browser, "Accept": "text/html", "Sec-Fetch-Dest": "document"})
        return {
            "constant": Entry("constant", get("/", browser), b"x", 1024),
            "parse": Entry("parse", decide, b"x", 1024),
            "slot": Entry("edge", visitor.slot(), b"fs-card", 12),
            "slot-crowd": Entry(
                "edge", [one.slot() for one in self.crowd.regulars(CROWD)], b"fs-card", 12
            ),
            "slot-html": Entry("edge", get("/_fs/slot/home.hero", browser), b"/new"),
            "decide": Entry("edge", decide, b'"key":"blend"'),
            "decide-crowd": Entry(
                "edge",
                [post("/_fs/decide", one.decide_body()) for one in self.crowd.regulars(CROWD)],
                b'"key":"blend"',
            ),
            "page": Entry("edge", page, b"fs-card", 24),
            "pass": Entry("pass", page, b"data-fs-slot", 3),
            "rewrite-nothing": Entry("rewrite-nothing", page, b"data-fs-slot", 3),
            "slot-floor": Entry("slot-floor", visitor.slot(), b"x", 3500),
            "page-floor": Entry("page-floor", page, b"fs-card", 360),
            "ofrep": Entry("flags", flags_of(visitor), b'"variant":"on"', 14),
            "ofrep-crowd": Entry(
                "flags",
                [flags_of(one) for one in self.crowd.regulars(CROWD)],
                b'"variant":"on"', 14,
            ),
            "ofrep-floor": Entry("ofrep-floor", flags_of(visitor), b"x", 4000),
            "growthbook": Entry("growthbook", post("/", features), b'"value":"on"', 14),
            "growthbook-fresh": Entry("growthbook-fresh", post("/", features), b'"value":"on"', 14),
        }  # fmt: skip


def flags_of(visitor: Visitor) -> bytes:
    """Return a call for all flags, as the shop's own server asks for a visitor."""
    context = {"targetingKey": visitor.device, **ATTRIBUTES, "consent": {"personalization": True}}
    body = json.dumps({"context": context}).encode()
    return post("/ofrep/v1/evaluate/flags", body, {"User-Agent": BROWSER})
