"""`scripts/fetch_spark.py` installs what is locked once, apart from the environment, or nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def fetch(clone, tmp_path):
    """Run the clone's script with a cache of its own and the toy lock for Spark's."""

    def run(**changes: str) -> subprocess.CompletedProcess[str]:
        lock = (clone.root / "requirements.txt").read_text()
        (clone.root / "requirements-spark.txt").write_text(lock)
        return subprocess.run(
            [sys.executable, clone.root / "scripts" / "fetch_spark.py"],
            env=clone.environment(XDG_CACHE_HOME=str(tmp_path / "cache"), **changes),
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_what_is_locked_is_installed_once_for_each_lock(clone, fetch):
    first = fetch()
    folder = Path(first.stdout.strip())
    assert (folder / "toy.py").read_text() == "NUMBER = 1\n", first.stderr
    nowhere = fetch(PIP_FIND_LINKS="")
    assert (nowhere.stdout, nowhere.stderr) == (first.stdout, "")
    clone.lock(toy=2)
    newer = Path(fetch().stdout.strip())
    assert (newer / "toy.py").read_text() == "NUMBER = 2\n"
    assert newer.parent == folder.parent


def test_nothing_is_left_of_what_is_not_as_locked(clone, fetch, tmp_path):
    clone.lock(toy=1, digest="0" * 64)
    done = fetch()
    assert (done.returncode, done.stdout) == (1, "")
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert list((tmp_path / "cache" / "frontshelf").iterdir()) == []
