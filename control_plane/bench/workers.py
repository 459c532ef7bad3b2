"""The workers that are measured side by side: ours, and the simplest that do as much I/O."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from starlette.types import ASGIApp

from control_plane.bench.project import publish_to
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

PASS = "export default { fetch: (request) => fetch(request) };"

REWRITE_NOTHING = """const nothing = { element() {} };
export default { async fetch(request) {
  const page = await fetch(request);
  return new HTMLRewriter().on("fs-nothing", nothing).transform(page);
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
