"""Rolls back under load, at a warm edge with the patience that production has.

    python tests/bench/rollback_under_load.py PROJECT [--clients 4]

PROJECT holds two releases at the local target, the newer live (`frontshelf releases`). Clients ask
without a pause for a page and a fragment each; the release is rolled back, and forward again.
Prints JSON: seconds from the store's showing the head until the last answer of the release before,
answers, and how many of them were not 200 or of no release.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from control_plane.cli.targets import open_target
from control_plane.deploy.head import read_head
from control_plane.deploy.history import rollback
from control_plane.emulator.dev import LocalEdge
from control_plane.emulator.server import ServerThread
from control_plane.settings import Project, load_project

SLOT = "home.recommended"
PAGE = f"<html><body><section data-fs-slot='{SLOT}'>own</section></body></html>"
CONSENT = {"cookie": "fs_c=1.personalization+analytics.1; fs_id=" + "B" * 22}
#: What wrangler.jsonc gives the worker everywhere but on a laptop.
PATIENCE = {"HEAD_SECONDS": "60", "HEAD_WAIT_MS": "50", "READ_MS": "400", "SLOT_MS": "500"}
#: A head is looked at again after 60 s; this is long enough for the last of the old.
WATCH_SECONDS = 75.0


async def shop(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand for the shop's own pages."""
    await Response(PAGE, media_type="text/html")(scope, receive, send)


class Load:
    """Clients that ask again and again, and what they were answered: (when, release or None)."""

    def __init__(self, url: str, clients: int) -> None:
        self.url, self.over = url, threading.Event()
        self.answers: list[tuple[float, str | None]] = []
        self.threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """Let the clients finish."""
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self.url, trust_env=False, headers=CONSENT) as client:
            while not self.over.is_set():
                fragment = client.get(f"/_fs/slot/{SLOT}")
                mark = fragment.headers.get("frontshelf-decision", "")
                self._keep(fragment, mark)
                page = client.get("/", headers={"accept": "text/html"})
                self._keep(page, page.text.partition('data-fs-decision="')[2].partition('"')[0])

    def _keep(self, answer: httpx.Response, decision: str) -> None:
        release = decision.split(".")[1] if answer.status_code == 200 and "." in decision else None
        self.answers.append((time.monotonic(), release))


def measure(project: Project, clients: int) -> list[dict[str, float]]:
    """Roll back and forward under load; return what each took."""
    told = []
    with (
        closing(ServerThread(shop)) as origin,
        LocalEdge(project, origin=origin.url) as edge,
        open_target(project, "local") as target,
    ):
        options = edge.miniflare.options
        patient = {**options.variables, **PATIENCE}
        edge.miniflare.set_options(msgspec.structs.replace(options, variables=patient))
        load = Load(edge.url, clients)
        try:
            time.sleep(5)
            for _ in range(2):
                before = len(load.answers)
                head = read_head(target, project)
                if head is None:
                    raise SystemExit("nothing is deployed at the local target")
                old = head.live.release
                new = rollback(target, project).release
                moved = time.monotonic()
                time.sleep(WATCH_SECONDS)
                seen = load.answers[before:]
                last = max((at for at, release in seen if release == old), default=moved)
                told.append(
                    {
                        "seconds": round(last - moved, 1),
                        "answers": len(seen),
                        "lost": sum(release not in (old, new) for _at, release in seen),
                        "new": sum(release == new for _at, release in seen),
                    }
                )
        finally:
            load.end()
    return told


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--clients", type=int, default=4)
    chosen = parser.parse_args()
    project = load_project(chosen.project)
    print(json.dumps(measure(project, chosen.clients), indent=1))


if __name__ == "__main__":
    main()
