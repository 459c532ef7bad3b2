"""`frontshelf explain` asks a running edge, and people can read what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import Run
from toy_shop import RULES, compile_toy, make_project

from control_plane.cli import main
from control_plane.cli.targets import open_target
from control_plane.deploy.publish import publish
from control_plane.emulator.dev import LocalEdge

WORDS = {
    "": ["visitor row: none; segments: none", "consent: personalization"],
    "home.hero": ["home.hero: hero-fr (rule:france)", "✓ country: wants FR, is FR"],
    "home.recommended": ["stage 1: 1 session + 0.4 visitor", "kept off:", "sold out"],
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A toy project whose edge runs here."""
    root = tmp_path_factory.mktemp("explained")
    project = make_project(root, RULES)
    (root / "frontshelf.toml").write_text('[shop]\nname = "toy"\nenvironment = "test"\n')
    compile_toy(project)
    with LocalEdge(project, on_log=lambda line: None):
        with open_target(project, "local") as target:
            publish(target, project.build / "current", project)
        yield root


def test_people_read_rules_scores_and_what_was_kept_off(run: Run, shop: Path) -> None:
    asked = ["--country", "FR", "--view", "shoe-4", "--view", "shoe-5", "--project", str(shop)]
    done = run("explain", "--slot", "home.hero", "--slot", "home.recommended", *asked)
    assert done.returncode == 0, done.stderr
    for words in WORDS.values():
        for word in words:
            assert word in done.stdout


def test_machines_read_the_answer_itself(run: Run, shop: Path) -> None:
    asked = ["--user", "anna", "--at", "2019-12-01T10:00", "--json", "--project", str(shop)]
    done = run("explain", *asked)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["segments"] == ["shoe-fans"]
    assert answer["explain"]["visitor_row"] == "found"
    assert answer["explain"]["at"] == "2019-12-01T09:00:00.000Z"
    assert answer["decisions"]["home.hero"]["reason"] == "rule:fan"
    assert answer["decisions"]["home.recommended"]["explain"]["shelf"]["items"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--slot", "no.such"], "no.such"),
        (["--at", "soon"], "2026-11-27T09:00"),
        (["--user", "anna", "--visitor", "0" * 16], "one way"),
        (["--url", "shop.example"], "https://"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(shop: Path, arguments: list[str], word: str) -> None:
    done = CliRunner().invoke(main, ["explain", *arguments, "--project", str(shop)])
    assert done.exit_code == 2
    assert word in done.stderr


def test_without_an_edge_it_says_how_to_start_one(run: Run, tmp_path: Path) -> None:
    assert run("init", "shop").returncode == 0
    done = run("explain", "--project", "shop")
    assert done.returncode == 2
    assert "frontshelf dev" in done.stderr
