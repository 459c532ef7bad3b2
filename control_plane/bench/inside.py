"""What only the isolate can tell: the time of a decision itself, and what a cold one reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from control_plane.bench.client import Client, post
from control_plane.bench.contenders import LineUp
from control_plane.bench.measure import cpu_seconds
from control_plane.bench.project import bench_project, publish_to
from control_plane.bench.shop import Size
from control_plane.bench.visitors import SLOT, Visitor
from control_plane.bench.workers import PACE
from control_plane.deploy.wrangler import read_wrangler
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.npm import Talk
from control_plane.emulator.options import Options
from control_plane.emulator.variables import edge_variables
from control_plane.errors import PlatformError

BUNDLE = Path(str(files("edge_bundle")))
VISITORS = 200
#: Decisions timed a visitor: with so many, the call that asks for them weighs next to nothing.
REPEATS = 400
BAR_MS = 0.1
#: Steps of a cold isolate's first decision by the manifest's levels, and values read.
BAR_STEPS, BAR_VALUES = {1: 4, 2: 5}, 10


def core_compute(line_up: LineUp, size: Size, requests: int, talk: Talk) -> Mapping[str, Any]:
    """Measure the CPU of the core's answer to a slot request, for many warm visitors.

    Each visitor's decision is made many times, and the process's CPU divided by their number:
    neither the isolate's clock, which counts whole milliseconds, nor other work on the machine
    comes into it. The percentiles are over visitors.
    """
    visitors = line_up.crowd.visitors(VISITORS)
    repeats = min(REPEATS, requests)
    with _inside(size, talk) as worker, Client(worker.ready) as client:
        pid = worker.pid
        if pid is None:
            raise PlatformError("the measured worker is not running")
        for visitor in visitors:
            _ask(client, "compute", visitor, 20)
        millis = []
        for visitor in visitors:
            before = cpu_seconds(pid)
            _ask(client, "compute", visitor, repeats)
            millis.append(1000 * (cpu_seconds(pid) - before) / repeats)
    p50, p99 = (round(float(np.percentile(millis, p)), 4) for p in (50, 99))
    return {
        "visitors": VISITORS,
        "decisions": VISITORS * repeats,
        "p50_ms": p50,
        "p99_ms": p99,
        "bar_ms": BAR_MS,
        "within": p99 < BAR_MS,
    }


def cold_isolates(line_up: LineUp, size: Size, _requests: int, talk: Talk) -> Mapping[str, Any]:
    """Count what an isolate's very first decision reads, and how often it waits for the store."""
    with _inside(size, talk) as worker, Client(worker.ready) as client:
        answers = [_ask(client, "cold", v, 1) for v in line_up.crowd.visitors(VISITORS)]
    steps = [answer["steps"] for answer in answers]
    values = [answer["values"] for answer in answers]
    p95 = [int(np.percentile(of, 95, method="higher")) for of in (steps, values)]
    levels = max(answer["levels"] for answer in answers)
    return {
        "visitors": VISITORS,
        "steps_median": float(np.median(steps)),
        "steps_p95": p95[0],
        "values_median": float(np.median(values)),
        "values_p95": p95[1],
        "kilobytes_median": round(float(np.median([a["bytes"] for a in answers])) / 1000, 1),
        "manifest_levels": levels,
        "bar_steps": BAR_STEPS[levels],
        "bar_values": BAR_VALUES,
        "within": p95[0] <= BAR_STEPS[levels] and p95[1] <= BAR_VALUES,
    }


@contextmanager
def _inside(size: Size, talk: Talk) -> Iterator[Miniflare]:
    project = bench_project(size, talk)
    variables = {**edge_variables(project, trust_loopback=True), **PACE}
    options = Options(
        modules=_modules(),
        main="inside.js",
        rules=read_wrangler(BUNDLE / "wrangler.jsonc").rules,
        find_additional_modules=True,
        kv_namespaces=("SHELF",),
        variables=variables,
    )
    with Miniflare(options) as worker:
        publish_to(worker, project)
        yield worker


def _ask(client: Client, what: str, visitor: Visitor, repeats: int) -> dict[str, Any]:
    path = f"/_fs/slot/{SLOT}"
    body = {"what": what, "path": path, "headers": visitor.headers, "repeats": repeats}
    return dict(json.loads(client.ask(post("/", json.dumps(body).encode()))))


def _modules() -> dict[str, bytes]:
    needed = ("core/*.js", "extras/*.js", "cloudflare/*.js", "incoming.js", "load.js")
    sources = [file for pattern in needed for file in BUNDLE.glob(pattern)]
    found = {file.relative_to(BUNDLE).as_posix(): file.read_bytes() for file in sources}
    found["inside.js"] = Path(__file__).with_name("inside.js").read_bytes()
    return found
