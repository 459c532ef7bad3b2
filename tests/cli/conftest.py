"""The command line as a shop's engineer meets it: a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cloud import TOKEN, Cloud, lead_to, open_cloud
from command_line import COMMAND, Run
from toy_shop import make_project

from control_plane.cli.main import main
from control_plane.settings import Project

EVENTS = """timestamp,user_id,session_id,item_id,event
2026-10-01T10:00:00Z,anna,s1,boots,Product Viewed
2026-10-01T10:01:00Z,anna,s1,socks,Product Viewed
2026-10-02T10:00:00Z,ben,s2,boots,Product Viewed
2026-10-02T10:01:00Z,ben,s2,socks,Product Added
2026-10-02T10:02:00Z,ben,s2,laces,Product Viewed
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `frontshelf …` in a directory of its own."""

    def call(
        *arguments: str, stdin: str = "", cwd: Path = tmp_path
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture
def shop(run: Run, tmp_path: Path) -> Path:
    """A project with five events."""
    (tmp_path / "events.csv").write_text(EVENTS)
    assert run("init", "shop").returncode == 0
    assert run("ingest", "events.csv", "--project", "shop").returncode == 0
    return tmp_path / "shop"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with open_cloud(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def toy(tmp_path: Path, cloud: Cloud) -> Project:
    """The toy shop, whose settings lead to the cloud of this machine."""
    project = make_project(tmp_path / "toy")
    lead_to(project, cloud)
    return project


@pytest.fixture
def call(toy: Project) -> Callable[..., Result]:
    """Run `frontshelf …` on the toy shop, in this process."""

    def run(*arguments: str, status: int = 0, token: str = TOKEN, **environment: str) -> Result:
        whole = [*arguments, "--project", str(toy.root)]
        variables = {"CLOUDFLARE_API_TOKEN": token, **environment}
        result = CliRunner().invoke(main, whole, env=variables)
        assert result.exit_code == status, result.output
        return result

    return run
