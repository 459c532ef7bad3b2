"""Fragments need none of the modules loaded on demand; one that fails breaks no page."""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from toy_shop import BUNDLE, PAGE, World, make_project, origin, variables

from control_plane.deploy.overlays import changes as overlay_changes
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.preview import Preview, preview_token
from control_plane.emulator.miniflare import Miniflare, Options
from control_plane.emulator.workerd import LogLine

KEPT = json.loads(Path(__file__).with_name("format1.json").read_text())


class Lacking(World):
    """The toy shop at an edge some of whose extras throw while they load."""

    def faults(self, count: int) -> list[str]:
        """Return the codes of the faults logged, once there are so many, and forget them."""
        patience = time.monotonic() + 10
        while len(self.lines) < count and time.monotonic() < patience:
            time.sleep(0.01)
        codes = [json.loads(line.message)["frontshelf"] for line in self.lines]
        self.lines.clear()
        return codes

    lines: list[LogLine]


@contextmanager
def without(folder: Path, *broken: str, **said: str) -> Iterator[Lacking]:
    """Give a shop at an edge where none of these modules can be loaded."""
    shutil.copytree(BUNDLE, folder / "edge", ignore=shutil.ignore_patterns("node_modules"))
    for name in broken:
        for place in ("extras", "cloudflare"):
            for file in (folder / "edge" / place).glob(f"{name}.js"):
                file.write_text("throw new Error('broken');\n")
    project = make_project(folder / "toy")
    lines: list[LogLine] = []
    options = Options(
        config_path=folder / "edge" / "wrangler.jsonc",
        variables={**variables(project), **said},
        origin=origin,
        on_log=lines.append,
    )
    with Miniflare(options) as worker:
        world = Lacking(project, worker)
        world.lines = lines
        yield world


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lacking]:
    """The toy shop at an edge that has none of its extras."""
    with without(tmp_path_factory.mktemp("lacking"), "*") as world:
        world.publish()
        yield world


def shown(page: httpx.Response) -> str:
    """Return a page without what differs each time."""
    assert page.text.rstrip().endswith("</html>")
    return re.sub(r'data-fs-decision="[^"]*"', "", page.text)


def test_fragments_need_none_of_them(lacking: Lacking) -> None:
    assert lacking.get("/_fs/slot/home.hero").text == "<b>new</b>"
    assert lacking.get("/_fs/sdk.js").status_code == 200
    # What reads visitors' rows: they are left out.
    assert lacking.faults(1) == ["extra_failed"]


def test_a_page_that_cannot_be_filled_is_the_shops_own(lacking: Lacking) -> None:
    page = lacking.get("/p/hat-1", {"fs_c": "1.none.1"})
    assert page.text == PAGE % "hat-1"
    assert page.headers["etag"] == '"1"'
    assert "frontshelf-user" not in lacking.get("/login").headers
    assert lacking.get("/echo", sec_fetch_dest="empty").status_code == 200
    assert lacking.faults(3) == ["extra_failed"] * 3


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/_fs/decide", 503),
        ("POST", "/_fs/v1/batch", 503),
        ("GET", "/_fs/health", 503),
        ("GET", "/_fs/preview.css", 503),
        ("POST", "/ofrep/v1/evaluate/flags", 500),
    ],
)
def test_a_call_whose_module_cannot_be_loaded_says_so(
    lacking: Lacking, method: str, path: str, status: int
) -> None:
    response = lacking.worker.dispatch_fetch(
        f"http://shop.example{path}", method=method, content="{}" if method == "POST" else None
    )
    assert response.status_code == status
    told: dict[str, Any] = response.json()
    assert told.get("errorCode", told.get("error")) is not None
    assert lacking.faults(1) == ["extra_failed"]


def test_a_preview_that_cannot_be_loaded_leaves_the_page_as_anyone_sees_it(
    lacking: Lacking,
) -> None:
    token = preview_token(Preview(until=int(time.time()) + 60, country="FR"), lacking.project)
    plain = shown(lacking.get("/"))
    assert shown(lacking.get("/", {"fs_p": token})) == plain
    assert shown(lacking.get(f"/?fs_preview={token}")) == plain
    # Thrice what fills pages, twice the preview.
    assert lacking.faults(5) == ["extra_failed"] * 5


def test_without_its_ribbon_a_preview_shows_what_it_forces(tmp_path: Path) -> None:
    with without(tmp_path, "ribbon") as world:
        world.publish()
        token = preview_token(Preview(until=int(time.time()) + 60, country="FR"), world.project)
        page = shown(world.get("/", {"fs_p": token}))
        assert "<b>nouveau</b>" in page
        assert "fs-preview" not in page


def test_without_explanations_decisions_are_told_alone(tmp_path: Path) -> None:
    with without(tmp_path, "explain") as world:
        world.publish()
        told = world.decide("home.hero", explain=True)
        assert told["decisions"]["home.hero"]["content"] == "hero"
        assert "explain" not in told
        assert "explain" not in told["decisions"]["home.hero"]
        assert world.get("/_fs/health").json()["faults"] == {"extra_failed": 1}


def test_tables_of_the_format_before_are_not_guessed_at(tmp_path: Path) -> None:
    with without(tmp_path, "format1", **KEPT["variables"]) as old:
        for key, value in KEPT["values"].items():
            old.kv.put(key, base64.b64decode(value))
        shown(old.get("/"))
        health = old.get("/_fs/health").json()
        assert health["status"] == "no_release"
        assert health["faults"]["manifest_format"] > 0


def test_a_head_whose_overlays_cannot_be_opened_is_not_heeded(tmp_path: Path) -> None:
    with without(tmp_path, "overlays") as world:
        world.publish()
        change_overlays(
            world.target,
            world.project,
            lambda tree, head: overlay_changes.switch(tree, head, "home.hero", off=True),
            sleep=lambda seconds: None,
        )
        assert "<b>new</b>" not in shown(world.get("/"))
        health = world.get("/_fs/health").json()
        assert health["status"] == "no_release"
        assert health["faults"]["head_unreadable"] > 0
