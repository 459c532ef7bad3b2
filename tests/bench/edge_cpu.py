"""Compares the CPU of a personalised slot with that of a worker that returns a constant.

    python tests/bench/edge_cpu.py PROJECT [--rounds 5] [--requests 2000]

PROJECT is a deployed project, for example the demo's `.demo`. Both workers run in real workerd;
rounds alternate, and CPU is the server processes' own (user and system, all threads). Prints
JSON: microseconds a request as medians, and the ratio of each pair of rounds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import time
from pathlib import Path

from control_plane.emulator import Miniflare, Options
from control_plane.emulator.dev import LocalEdge
from control_plane.settings import load_project

CONSTANT = "const body = 'x'.repeat(1024); export default { fetch: () => new Response(body) };"
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def round_of(worker: Miniflare, path: str, headers: dict[str, str], requests: int) -> float:
    """Send requests over one connection; return the worker's CPU in microseconds a request."""
    host = worker.ready.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    assert worker.pid
    before = cpu_seconds(worker.pid)
    for _ in range(requests):
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
    used = cpu_seconds(worker.pid) - before
    connection.close()
    return 1e6 * used / requests


def session_headers(project_root: Path) -> dict[str, str]:
    """Return the cookies of a consenting visitor with five views."""
    rows = (project_root / "shop" / "items.jsonl").read_text().splitlines()[:50:10]
    items = "~".join("v" + json.loads(row)["item_id"] for row in rows)
    # The cookie's times are base 36; `zzzzzz` is in 2038, so the session is never over.
    session = f"1.zzzzzz.zzzzzz.5.0.0.{items}"
    consent = f"1.personalization+analytics.{int(time.time())}"
    return {"cookie": f"fs_c={consent}; fs_id={'A' * 22}; fs_s={session}"}


def main() -> None:
    """Run the comparison and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000)
    arguments = parser.parse_args()
    headers = session_headers(arguments.project)
    slot = "/_fs/slot/home.recommended"
    ours, bare = [], []
    with (
        Miniflare(Options(script=CONSTANT)) as constant,
        LocalEdge(load_project(arguments.project)) as edge,
    ):
        round_of(constant, "/", {}, arguments.requests)
        round_of(edge.miniflare, slot, headers, arguments.requests)
        for _ in range(arguments.rounds):
            bare.append(round_of(constant, "/", {}, arguments.requests))
            ours.append(round_of(edge.miniflare, slot, headers, arguments.requests))
    ratios = sorted(a / b for a, b in zip(ours, bare, strict=True))
    figures = {
        "constant_us": round(statistics.median(bare), 1),
        "slot_us": round(statistics.median(ours), 1),
        "ratio": {
            "min": round(ratios[0], 2),
            "median": round(statistics.median(ratios), 2),
            "max": round(ratios[-1], 2),
        },
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
