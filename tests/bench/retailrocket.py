"""Asks the running edge for RetailRocket's next clicks, from raw files to the answer.

    python tests/bench/retailrocket.py DATA [--keep DIR]

DATA holds `train.parquet` (session_id, item_id, timestamp) and `test.jsonl` ({"prefix", "target"}
a line). Runs the command line's own steps, each a process of its own, and prints JSON: seconds
and peak memory by step, table bytes by kind, quality at 20 of what the edge answered, with
repeats and where items already seen are left out, and what a cold worker reads for each session.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from cold_reads import cold_reads, summary

from control_plane.settings import load_project

RULES = """
content:
  strip: {items: {from: [session, popular], limit: 20}}
  discover: {items: {from: [session, popular], limit: 20, exclude: {seen: true}}}
slots:
  home.recommended: {default: strip}
  home.discover: {default: discover}
"""
AT = 20


def frontshelf(*arguments: str) -> list[str]:
    """Return the command line's own call."""
    return [sys.executable, "-c", "from control_plane.cli import main; main()", *arguments]


def run_step(*arguments: str) -> dict[str, Any]:
    """Run a command; return its seconds and peak memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(frontshelf(*arguments), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"frontshelf {' '.join(arguments)} failed")
    return {
        "seconds": round(time.monotonic() - started, 2),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def body(slot: str, prefix: list[str]) -> dict[str, Any]:
    """Return what asks for a slot after a session's clicks."""
    return {
        "slots": [{"name": slot, "limit": AT}],
        "session": {"events": [{"event": "view", "item": item} for item in prefix]},
        "consent": {"personalization": True},
    }


def ask(client: httpx.Client, slot: str, prefix: list[str]) -> list[str]:
    """Return the items the edge shows after a session's clicks."""
    answer = client.post("/_fs/decide", json=body(slot, prefix))
    answer.raise_for_status()
    return list(answer.json()["decisions"][slot]["items"])


def score(client: httpx.Client, slot: str, tests: list[dict[str, Any]]) -> dict[str, float]:
    """Return HR and MRR at 20, in per cent, and the time of an answer."""
    ranks, times = [], []
    for test in tests:
        started = time.perf_counter()
        items = ask(client, slot, test["prefix"])
        times.append(time.perf_counter() - started)
        ranks.append(items.index(test["target"]) + 1 if test["target"] in items else 0)
    times.sort()
    return {
        "tests": len(tests),
        "hr": round(100 * sum(rank > 0 for rank in ranks) / len(tests), 2),
        "mrr": round(100 * sum(1 / rank for rank in ranks if rank) / len(tests), 2),
        "p50_ms": round(1000 * times[len(times) // 2], 2),
        "p99_ms": round(1000 * times[len(times) * 99 // 100], 2),
    }


def measure(data: Path, project: Path) -> dict[str, Any]:
    """Take the data from files to answers; return all figures."""
    here = ["--project", str(project)]
    steps = {"init": run_step("init", str(project))}
    (project / "rules.yaml").write_text(RULES, encoding="utf-8")
    steps["ingest"] = run_step("ingest", str(data / "train.parquet"), *here)
    steps["train"] = run_step("train", *here)
    steps["compile"] = run_step("compile", *here)
    steps["deploy"] = run_step("deploy", *here)
    release = json.loads((project / "build" / "current" / "release.json").read_text())
    tests = [json.loads(line) for line in (data / "test.jsonl").read_text().splitlines()]
    edge = subprocess.Popen(frontshelf("dev", "--port", "0", *here), stdout=subprocess.PIPE)
    try:
        assert edge.stdout
        address = edge.stdout.readline().decode().split()[1]
        with httpx.Client(base_url=address, timeout=30) as client:
            repeats = score(client, "home.recommended", tests)
            unseen = [test for test in tests if test["target"] not in test["prefix"]]
            discover = score(client, "home.discover", unseen)
    finally:
        edge.terminate()
        edge.wait(20)
    sizes = release["bytes_by_kind"]
    cold = cold_reads(load_project(project), [body("home.recommended", t["prefix"]) for t in tests])
    return {
        "steps": steps,
        "items": release["items"],
        "bytes_by_kind": sizes,
        "bytes_an_item": round(sizes["items"] / release["items"], 2),
        "cold": summary(cold),
        "with_repeats": repeats,
        "without_seen": discover,
    }


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, help="project directory to make and leave")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(arguments.data, arguments.keep or Path(scratch) / "retailrocket")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
