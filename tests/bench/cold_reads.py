"""Counts what a cold isolate reads for its first decision: values, and how many one after another.

The worker's own modules decide in real workerd, each time with an empty memory, over a store that
counts. `cold_reads(project, bodies)` takes a compiled project and bodies of `/_fs/decide`.

    python tests/bench/cold_reads.py PROJECT TEST [SLOT]

prints the summary for sessions: TEST has `{"prefix": [item, …]}` a line, such as `test.jsonl` of a
set that `frontshelf bench quality --keep` made PROJECT of.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Run as a file it finds its own folder alone.
sys.path.append(str(Path(__file__).parents[1]))

from around_core import around_core

from control_plane.deploy.folder import Folder
from control_plane.deploy.publish import publish
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.variables import edge_variables
from control_plane.settings import Project, load_project

MAIN = Path(__file__).with_suffix(".js")
BATCH = 200


def cold_reads(
    project: Project,
    bodies: list[dict[str, Any]],
    prepare: Callable[[Folder], object] = lambda store: None,
) -> list[dict[str, Any]]:
    """Return reads, trips, answer and faults of each decision made with an empty memory.

    `prepare` may change the store once the release is in it.
    """
    with _worker(project, prepare) as worker:
        answers: list[dict[str, Any]] = []
        for start in range(0, len(bodies), BATCH):
            content = json.dumps(bodies[start : start + BATCH])
            answers += worker.dispatch_fetch("http://cold/", method="POST", content=content).json()
    return answers


def summary(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians, 95th percentiles and the share within 10 reads and 4 trips."""
    figures: dict[str, Any] = {"sessions": len(answers)}
    for name, most in (("reads", 10), ("trips", 4)):
        counts = sorted(answer[name] for answer in answers)
        figures[name] = {
            "median": counts[len(counts) // 2],
            "p95": counts[len(counts) * 95 // 100],
            "most": counts[-1],
            f"within_{most}": round(100 * sum(c <= most for c in counts) / len(counts), 2),
        }
    return figures


@contextmanager
def _worker(project: Project, prepare: Callable[[Folder], object]) -> Iterator[Miniflare]:
    options = around_core(MAIN, variables=edge_variables(project, trust_loopback=True))
    with tempfile.TemporaryDirectory() as scratch, Miniflare(options) as worker:
        folder = Folder(Path(scratch))
        publish(folder, project.build / "current", project)
        prepare(folder)
        for key in list(folder.keys()):
            url = f"http://cold/{key}"
            worker.dispatch_fetch(url, method="PUT", content=folder.get(key))
        yield worker


def body(slot: str, prefix: list[str]) -> dict[str, Any]:
    """Return what asks for a slot after a session's clicks."""
    return {
        "slots": [{"name": slot, "limit": 20}],
        "session": {"events": [{"event": "view", "item": item} for item in prefix]},
        "consent": {"personalization": True},
    }


def main() -> None:
    """Print the summary of a project's sessions."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("slot", nargs="?", default="repeats")
    asked = parser.parse_args()
    lines = asked.test.read_text(encoding="utf-8").splitlines()
    bodies = [body(asked.slot, json.loads(line)["prefix"]) for line in lines]
    print(json.dumps(summary(cold_reads(load_project(asked.project), bodies)), indent=1))


if __name__ == "__main__":
    main()
