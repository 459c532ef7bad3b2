"""The workers that are measured side by side: ours, and the simplest that do as much I/O."""

from __future__ import annotations

import time
from importlib.resources import files
from pathlib import Path

import msgspec
from starlette.types import ASGIApp

from control_plane.bench.project import device_id, publish_to
from control_plane.bench.shop import item_ids, make_shelf, numbering
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.options import Options
from control_plane.emulator.variables import edge_variables
from control_plane.settings import Project

#: What production has, where the local edge is more eager: one look at the head a minute.
PACE = {"HEAD_SECONDS": "60", "HEAD_WAIT_MS": "50", "READ_MS": "5000", "SLOT_MS": "5000"}

CONSTANT = """const body = "x".repeat(1024);
export default { fetch: () => new Response(body) };"""

PARSE = """const answer = "x".repeat(1024);
export default { async fetch(request) {
  const body = await request.json();
  return body.slots ? new Response(answer) : new Response("no slots", { status: 400 });
} };"""


def edge_worker(project: Project, origin: str | ASGIApp | None = None, **changes: str) -> Miniflare:
    """Start the bundle's worker with the project's release live in it."""
    worker = Miniflare(
        Options(
            config_path=Path(str(files("edge_bundle"))) / "wrangler.jsonc",
            variables={**edge_variables(project, trust_loopback=True), **PACE, **changes},
            origin=origin,
        )
    )
    try:
        publish_to(worker, project)
    except BaseException:
        worker.dispose()
        raise
    return worker


class Visitor(msgspec.Struct, frozen=True):
    """A visitor of the made-up shop: a device with a row of its own, and what it just viewed."""

    device: str
    items: tuple[str, ...]

    @property
    def cookies(self) -> str:
        """The cookies that a browser would send after consent."""
        # Times are in base 36; zzzzzz is in 2038, so that the session is never over.
        views = "~".join(f"v{item}" for item in self.items)
        session = f"1.zzzzzz.zzzzzz.{len(self.items)}.0.0.{views}"
        consent = f"1.personalization+analytics.{int(time.time())}"
        return f"fs_c={consent}; fs_id={self.device}; fs_s={session}"

    def decide_body(self, *slots: str) -> bytes:
        """Return what the shop's own server would post."""
        body = {
            "slots": list(slots),
            "device": self.device,
            "session": {"events": [{"event": "view", "item": item} for item in self.items]},
            "consent": {"personalization": True, "analytics": True},
            "page": {"item": self.items[-1], "category": "boots"},
        }
        return msgspec.json.encode(body)


def some_visitor(items: int, number: int = 7) -> Visitor:
    """Return a visitor who viewed three items of one cluster and two of the next."""
    shelf = make_shelf(items)
    ids = item_ids(items)
    order = numbering(items)
    first, second = shelf.firsts[3], shelf.firsts[4]
    places = [first, first + 17, second + 5, first + 31, second + 40]
    return Visitor(device_id(number), tuple(ids[order[place]] for place in places))
