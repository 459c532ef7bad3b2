"""The command line as a shop's engineer meets it: a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command_line import COMMAND, Run

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
