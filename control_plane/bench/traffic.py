"""How the edge's memory fares under many visitors and items: hit rate, CPU, resident size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control_plane.bench.client import Client, get
from control_plane.bench.contenders import LineUp
from control_plane.bench.measure import cpu_seconds
from control_plane.bench.processors import apart
from control_plane.bench.project import bench_project
from control_plane.bench.shop import Size
from control_plane.bench.visitors import Crowd
from control_plane.bench.workers import edge_worker
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.npm import Talk
from control_plane.errors import PlatformError

BUDGET_BYTES = 64 * 1024 * 1024
ZIPF_BATCHES = 10
MEMORY_BATCHES = 20
MANY = Size(items=200_000, visitors=1_000_000)


def zipf(line_up: LineUp, size: Size, requests: int, talk: Talk) -> Mapping[str, Any]:
    """Serve visitors whose items follow Zipf's law to an isolate that starts empty.

    Tells CPU and hit rate batch by batch, beside the CPU of values all resident.
    """
    crowd = Crowd(size, seed=99)
    resident = line_up.contender("slot").requests
    with (
        edge_worker(bench_project(size, talk)) as worker,
        Client(worker.ready) as client,
        apart([worker.pid] if worker.pid else []),
    ):
        batches = [
            _serve(worker, client, [visitor.slot() for visitor in crowd.visitors(requests)])
            for _ in range(ZIPF_BATCHES)
        ]
        steady = _serve(worker, client, list(resident) * requests)
    late = batches[len(batches) // 2 :]
    return {
        "requests": requests * ZIPF_BATCHES,
        "hit_rate": [batch["hit_rate"] for batch in batches],
        "cpu_over_resident": [round(b["micros"] / steady["micros"], 2) for b in batches],
        "late_hit_rate": round(sum(batch["hit_rate"] for batch in late) / len(late), 4),
        "cache_mb": batches[-1]["cache_mb"],
        "budget_mb": round(BUDGET_BYTES / 1e6, 1),
    }


def memory(line_up: LineUp, size: Size, requests: int, talk: Talk) -> Mapping[str, Any]:
    """Serve visitors of a large shop, drawn at random; tell how process and cache grow.

    The values do not fit the cache together, so that most visitors cost a read.
    """
    many = MANY if size == Size() else size
    crowd = Crowd(many, seed=98)
    constant = line_up.worker("constant")
    with edge_worker(bench_project(many, talk)) as worker, Client(worker.ready) as client:
        client.ask(crowd.regular().slot())
        start = _resident_mb(worker)
        steps = []
        for number in range(1, MEMORY_BATCHES + 1):
            step = _serve(worker, client, [v.slot() for v in crowd.visitors(requests)])
            steps.append({"served": number * requests, "rss_mb": _resident_mb(worker), **step})
            talk(f"{number * requests:,} served, {steps[-1]['rss_mb']} MB resident")
    most = max(step["cache_mb"] for step in steps)
    return {
        "visitors": many.visitors,
        "items": many.items,
        "served": steps[-1]["served"],
        "rss_constant_mb": _resident_mb(constant),
        "rss_start_mb": start,
        "rss_end_mb": steps[-1]["rss_mb"],
        "rss_max_mb": max(step["rss_mb"] for step in steps),
        "cache_max_mb": most,
        "budget_mb": round(BUDGET_BYTES / 1e6, 1),
        "hit_rate": steps[-1]["hit_rate"],
        "within": most * 1e6 <= BUDGET_BYTES,
        "steps": steps,
    }


def _serve(worker: Miniflare, client: Client, requests: list[bytes]) -> dict[str, float]:
    pid = worker.pid
    if pid is None:
        raise PlatformError("the measured worker is not running")
    before, cpu = _tables(client), cpu_seconds(pid)
    for request in requests:
        client.ask(request)
    cpu = cpu_seconds(pid) - cpu
    after = _tables(client)
    hits, reads = after["hits"] - before["hits"], after["reads"] - before["reads"]
    return {
        "micros": round(1e6 * cpu / len(requests), 1),
        "hit_rate": round(hits / max(1, hits + reads), 4),
        "cache_mb": round(after["bytes"] / 1e6, 1),
    }


def _tables(client: Client) -> dict[str, int]:
    return dict(json.loads(client.ask(get("/_fs/health")))["tables"])


def _resident_mb(worker: Miniflare) -> float:
    status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii")
    kilobytes = next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]
    return round(int(kilobytes) / 1000, 1)
