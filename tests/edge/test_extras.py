"""What few requests need stands in modules of its own; one that can't be loaded breaks nothing."""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from toy_shop import BUNDLE, World, make_project, origin, variables

from control_plane.deploy.preview import Preview, preview_token
from control_plane.emulator.miniflare import Miniflare, Options

KEPT = json.loads(Path(__file__).with_name("format1.json").read_text())


def start_without_extras(folder: Path, said: dict[str, str], which: str = "*") -> Miniflare:
    """Start the bundle with extras that throw while they load."""
    shutil.copytree(BUNDLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    for file in (folder / "extras").glob(f"{which}.js"):
        file.write_text("throw new Error('broken');\n")
    return Miniflare(Options(config_path=folder / "wrangler.jsonc", variables=said, origin=origin))


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The toy shop at an edge none of whose extras can be loaded."""
    project = make_project(tmp_path_factory.mktemp("toy"))
    folder = tmp_path_factory.mktemp("bundle") / "edge"
    with start_without_extras(folder, variables(project)) as worker:
        world = World(project, worker)
        world.publish()
        yield world


def failed(world: World) -> int:
    return int(world.get("/_fs/health").json()["faults"].get("extra_failed", 0))


def shown(page: httpx.Response) -> str:
    """Return a page without what differs each time."""
    return re.sub(r'data-fs-decision="[^"]*"', "", page.text)


def test_a_preview_that_cannot_be_loaded_leaves_the_page_as_anyone_sees_it(lacking: World) -> None:
    token = preview_token(Preview(until=int(time.time()) + 60, country="FR"), lacking.project)
    before = failed(lacking)
    plain = shown(lacking.get("/"))
    assert plain.rstrip().endswith("</html>")
    assert shown(lacking.get("/", {"fs_p": token})) == plain
    assert lacking.get(f"/?fs_preview={token}").status_code == 200
    assert lacking.get("/_fs/preview.css").text == ""
    assert failed(lacking) == before + 3


def test_without_its_ribbon_a_preview_shows_what_it_forces(tmp_path: Path) -> None:
    project = make_project(tmp_path / "toy")
    with start_without_extras(tmp_path / "edge", variables(project), "ribbon") as worker:
        world = World(project, worker)
        world.publish()
        token = preview_token(Preview(until=int(time.time()) + 60, country="FR"), project)
        page = world.get("/", {"fs_p": token}).text
        assert "<b>nouveau</b>" in page
        assert "fs-preview" not in page
        assert page.rstrip().endswith("</html>")


def test_a_decision_is_told_without_the_explanation_that_cannot_be_loaded(lacking: World) -> None:
    told = lacking.decide("home.hero", explain=True)
    assert told["decisions"]["home.hero"]["content"] == "hero"
    assert "explain" not in told
    assert "explain" not in told["decisions"]["home.hero"]


def test_flags_that_cannot_be_loaded_fail_in_their_protocols_shape(lacking: World) -> None:
    response = lacking.worker.dispatch_fetch(
        "http://shop.example/ofrep/v1/evaluate/flags", method="POST", content="{}"
    )
    assert response.status_code == 500
    assert response.json()["errorCode"] == "GENERAL"


def test_tables_of_the_format_before_are_not_guessed_at(tmp_path: Path) -> None:
    project = make_project(tmp_path / "toy")
    said = {**variables(project), **KEPT["variables"]}
    with start_without_extras(tmp_path / "edge", said) as worker:
        old = World(project, worker)
        for key, value in KEPT["values"].items():
            old.kv.put(key, base64.b64decode(value))
        assert old.get("/").text.rstrip().endswith("</html>")
        health = old.get("/_fs/health").json()
        assert health["status"] == "no_release"
        assert health["faults"]["manifest_format"] > 0
