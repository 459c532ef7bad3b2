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

#: What any worker pays that answers as ours does, its headers copied from a response's (those of an
#: array of pairs cost a fifth of the whole): four headers read, a strip's bytes, its headers.
SLOT_FLOOR = """const strip = "x".repeat(3500);
const pattern = new Response(null, { headers: [["content-type", "text/html; charset=utf-8"],
  ["cache-control", "private, no-store"], ["frontshelf-decision", "x".repeat(13)]] });
export default { fetch(request) {
  const read = ["cookie", "user-agent", "sec-gpc", "referer"].map((n) => request.headers.get(n));
  return new Response(read[0] ? strip : "", pattern);
} };"""

#: What any worker pays that is asked for flags: three headers and the body read, an answer's bytes.
OFREP_FLOOR = """const flags = "x".repeat(4000);
const pattern = new Response(null, { headers: [["content-type", "application/json"],
  ["cache-control", "private, no-store"], ["etag", "x".repeat(28)]] });
export default { async fetch(request) {
  for (const name of ["content-length", "cookie", "if-none-match"]) request.headers.get(name);
  return new Response(await request.text() ? flags : "", pattern);
} };"""

#: What any worker pays that fills the page's slots: our selectors and constant markup.
PAGE_FLOOR = """const strip = "<ul>" + "<li class=fs-card>card</li>".repeat(120) + "</ul>";
const body = { element(body) { body.getAttribute("data-fs-item"); } };
const slot = { element(element) {
  element.setAttribute("data-fs-decision", element.getAttribute("data-fs-slot"));
  element.setInnerContent(strip, { html: true });
} };
const tags = ["div", "section", "aside", "ul", "ol"].map((tag) => `${tag}[data-fs-slot]`).join();
export default { async fetch(request) {
  const page = await fetch(request);
  return new HTMLRewriter().on("body[data-fs-item]", body).on(tags, slot).transform(page);
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
