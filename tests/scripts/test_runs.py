"""`scripts/test`, `.ci/run` and `scripts/deploy` do every step, and fail when one does."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
case " {failing} " in *" $(basename "$0") "*) exit 3 ;; esac
"""


@pytest.fixture
def stubbed(clone, bare_path, tmp_path):
    """A clone whose environment is complete, but whose programs only note that they ran."""
    log = tmp_path / "log"
    programs = clone.root / ".venv" / "bin"
    programs.mkdir(parents=True)
    (bare_path / "basename").symlink_to("/usr/bin/basename")
    (bare_path / "python3").symlink_to(os.path.realpath(sys.executable))
    locks = ("requirements.txt", "requirements-npm.txt", "requirements-dev.txt")
    stamps = {name: hashlib.sha256((clone.root / name).read_bytes()).hexdigest() for name in locks}
    stamps["checkout"] = str(clone.root)
    (clone.root / ".venv" / "frontshelf-installed.json").write_text(json.dumps(stamps))

    def run(script: str, *arguments: str, failing: str = "", missing: str = "", **changes: str):
        for name in ("python", "ruff", "mypy", "lint-imports", "frontshelf"):
            (programs / name).write_text(STUB.format(log=log, failing=failing))
            (programs / name).chmod(0o755)
        log.write_text("")
        for name in {"chromium", "java"} - {missing}:
            (bare_path / name).unlink(missing_ok=True)
            (bare_path / name).symlink_to("/bin/true")
        inherited = {"PYTHON": "", "CHROMIUM_BIN": "", "JAVA_HOME": ""}
        changes = {"PATH": str(bare_path), **inherited, **changes}
        done = clone.run(script, *arguments, **changes)
        lines = [line for line in log.read_text().splitlines() if line != "python -c pass"]
        return done, lines

    return run


STEPS = [
    "python scripts/fetch_spark.py",
    "python scripts/fetch_workerd.py",
    "ruff check",
    "ruff format --check",
    "mypy ",
    "lint-imports ",
    "python scripts/check_types.py",
    "python -m pytest -p tests.plugins.no_skips -n auto --dist loadfile --durations=15",
]


@pytest.mark.parametrize("script", ["scripts/test", ".ci/run"])
def test_every_step_runs(stubbed, script):
    done, lines = stubbed(script, CI="true")
    assert (done.returncode, lines) == (0, STEPS), done.stderr


def test_arguments_go_to_pytest(stubbed):
    _, lines = stubbed("scripts/test", "tests/deploy", "-k", "head")
    assert lines[-1] == f"{STEPS[-1]} tests/deploy -k head"


@pytest.mark.parametrize(
    ("failing", "named"), [("ruff", "ruff check"), ("mypy", "mypy"), ("lint-imports", "imports")]
)
def test_a_step_that_fails_stops_no_other_but_fails_the_run(stubbed, failing, named):
    done, lines = stubbed("scripts/test", failing=failing)
    assert done.returncode == 1
    assert f"FAILED: {named}" in done.stderr
    assert lines == STEPS


@pytest.mark.parametrize(("missing", "named"), [("chromium", "Chromium"), ("java", "Java")])
def test_ci_fails_at_once_without_what_some_tests_need(stubbed, missing, named):
    done, lines = stubbed("scripts/test", missing=missing, CI="true")
    assert (done.returncode, lines) == (1, [])
    assert f"no {named}" in done.stderr


@pytest.mark.parametrize(
    ("missing", "named", "mark"),
    [("chromium", "browser tests", "not browser"), ("java", "Spark's tests", "not spark")],
)
def test_without_it_the_rest_is_tested_and_the_run_still_fails(stubbed, missing, named, mark):
    done, lines = stubbed("scripts/test", missing=missing)
    assert done.returncode == 1
    assert lines[-1] == f"{STEPS[-1]} -m {mark}"
    assert f"FAILED: {named}" in done.stderr


def test_deploy_compiles_the_same_project_first(stubbed):
    for given in (("--project", "my shop"), ("--project=my shop",)):
        _, lines = stubbed("scripts/deploy", *given, "--yes")
        assert lines == [
            "frontshelf compile --project my shop",
            f"frontshelf deploy {' '.join(given)} --yes",
        ]


def test_what_does_not_compile_is_not_deployed(stubbed):
    done, lines = stubbed("scripts/deploy", failing="frontshelf")
    assert (done.returncode, lines) == (3, ["frontshelf compile --project ."])


SKIPPING = """
import pytest
@pytest.mark.{mark}
def test_nothing():
    assert {truth}
"""


@pytest.mark.parametrize(
    ("mark", "truth", "ci", "status"),
    [
        ("skip(reason='tired')", True, "true", 1),
        ("skip(reason='tired')", True, "", 0),
        ("xfail", False, "true", 0),
        ("slow", True, "true", 0),
    ],
)
def test_a_skipped_test_fails_ci(tmp_path, mark, truth, ci, status):
    test = tmp_path / "test_lazy.py"
    test.write_text(SKIPPING.format(mark=mark, truth=truth))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.plugins.no_skips", "-c",
         ROOT / "pyproject.toml", "--rootdir", tmp_path, "-p", "no:cacheprovider", test],
        cwd=ROOT, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stdout
    assert ("tired" in done.stdout.rpartition("CI does not allow")[2]) == (mark[:4] == "skip")
