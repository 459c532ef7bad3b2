"""What only the isolate can tell: the time of a decision itself, and what a cold one reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from control_plane.bench.contenders import LineUp
from control_plane.bench.project import bench_project, publish_to
from control_plane.bench.shop import Size
from control_plane.bench.visitors import SLOT, Visitor
from control_plane.bench.workers import PACE
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.npm import Talk
from control_plane.emulator.options import Options
from control_plane.emulator.variables import edge_variables

VISITORS = 200
REPEATS = 300
BAR_MS = 0.1
BAR_STEPS, BAR_VALUES = 4, 10


def core_compute(line_up: LineUp, size: Size, _requests: int, talk: Talk) -> Mapping[str, Any]:
    """Time the core's answer to a slot request for many warm visitors.

    The isolate's clock counts whole milliseconds, so each visitor's decision is made many times.
    """
    answers = _ask(line_up, size, talk, "compute", line_up.crowd.visitors(VISITORS))
    millis = [answer["millis"] for answer in answers]
    p50, p99 = (round(float(np.percentile(millis, p)), 4) for p in (50, 99))
    return {
        "visitors": VISITORS,
        "decisions": VISITORS * REPEATS,
        "p50_ms": p50,
        "p99_ms": p99,
        "bar_ms": BAR_MS,
        "within": p99 < BAR_MS,
    }


def cold_isolates(line_up: LineUp, size: Size, _requests: int, talk: Talk) -> Mapping[str, Any]:
    """Count what an isolate's very first decision reads, and how often it waits for the store."""
    answers = _ask(line_up, size, talk, "cold", line_up.crowd.visitors(VISITORS))
    steps = [answer["steps"] for answer in answers]
    values = [answer["values"] for answer in answers]
    p95 = [int(np.percentile(of, 95, method="higher")) for of in (steps, values)]
    return {
        "visitors": VISITORS,
        "steps_median": float(np.median(steps)),
        "steps_p95": p95[0],
        "values_median": float(np.median(values)),
        "values_p95": p95[1],
        "kilobytes_median": round(float(np.median([a["bytes"] for a in answers])) / 1000, 1),
        "bar_steps": BAR_STEPS,
        "bar_values": BAR_VALUES,
        "within": p95[0] <= BAR_STEPS and p95[1] <= BAR_VALUES,
    }


def _ask(
    line_up: LineUp, size: Size, talk: Talk, what: str, visitors: list[Visitor]
) -> list[dict[str, Any]]:
    project = bench_project(size, talk)
    variables = {**edge_variables(project, trust_loopback=True), **PACE}
    options = Options(
        modules=_modules(), main="inside.js", kv_namespaces=("SHELF",), variables=variables,
        on_log=lambda line: None,  # that a call takes long is the point
    )  # fmt: skip
    body = {
        "what": what,
        "path": f"/_fs/slot/{SLOT}",
        "repeats": REPEATS,
        "visitors": [visitor.headers for visitor in visitors],
    }
    with Miniflare(options) as worker:
        publish_to(worker, project)
        answer = worker.dispatch_fetch(
            "http://bench.example/", method="POST", content=json.dumps(body), timeout=300
        )
        return list(answer.raise_for_status().json())


def _modules() -> dict[str, bytes]:
    bundle = Path(str(files("edge_bundle")))
    found = {f"core/{file.name}": file.read_bytes() for file in bundle.glob("core/*.js")}
    found["incoming.js"] = (bundle / "incoming.js").read_bytes()
    found["inside.js"] = Path(__file__).with_name("inside.js").read_bytes()
    return found
