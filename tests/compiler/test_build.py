"""A release as a whole: the same bytes from the same input, and nothing half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from toy_shop import RULES, compile_toy, make_project

from control_plane.errors import InputError, WorkError
from control_plane.tables import MAX_VALUE_BYTES


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    first = compile_toy(project)
    before = files(project.build / "current")
    second = compile_toy(project)
    assert first == second
    assert files(project.build / "current") == before


def test_every_value_fits_every_platform(tmp_path: Path) -> None:
    release = compile_toy(make_project(tmp_path))
    assert max(value["bytes"] for value in release.values) <= MAX_VALUE_BYTES
    assert set(release.bytes_by_kind) == {"items", "visitors", "popular", "manifest"}


def test_keys_are_never_digits_alone_and_hold_no_odd_sign(tmp_path: Path) -> None:
    for value in compile_toy(make_project(tmp_path)).values:
        assert value["key"].replace("-", "").isalnum()
        assert not value["key"].isdigit()


def test_changed_rules_change_the_manifest_alone(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    before = {value["key"] for value in compile_toy(project).values}
    project.rules.write_text(RULES.replace("<b>new</b>", "<b>newer</b>"))
    after = {value["key"] for value in compile_toy(project).values}
    assert {key[0] for key in after ^ before} == {"m"}


def test_rules_that_name_an_unknown_segment_are_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, RULES.replace("[shoe-fans]", "[shoe-fan]"))
    with pytest.raises(InputError, match="Did you mean 'shoe-fans'"):
        compile_toy(project)


def test_content_too_large_for_a_value_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, RULES.replace("<b>new</b>", "x" * 80_000))
    with pytest.raises(InputError, match="the manifest takes"):
        compile_toy(project)


def test_a_full_disk_leaves_the_release_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path)
    release = compile_toy(project)
    before = files(project.build / "current")
    project.rules.write_text(RULES.replace("<b>new</b>", "<b>newer</b>"))

    def full(_self: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(WorkError, match="No space left"):
            compile_toy(project)
    assert files(project.build / "current") == before
    assert not (project.build / ".partial").exists()
    assert compile_toy(project).release != release.release


KILLED = """
import os, signal, sys
from pathlib import Path
from toy_shop import compile_toy, make_project, RULES

calls, limit = 0, int(sys.argv[2])


def counted(function):
    def call(*arguments, **named):
        global calls
        calls += 1
        if calls > limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)

    return call


root = Path(sys.argv[1])
project = make_project(root, RULES.replace("<b>new</b>", "<b>newer</b>"))
Path.write_bytes, Path.rename = counted(Path.write_bytes), counted(Path.rename)
Path.symlink_to, os.replace = counted(Path.symlink_to), counted(os.replace)
compile_toy(project)
print(calls)
"""


@pytest.mark.slow
def test_killed_at_any_write_the_release_before_stands_and_the_next_run_finishes(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path)
    first = compile_toy(project).release
    before = files(project.build / "current")
    for limit in range(100):
        result = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), str(limit)],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode == 0:
            break
        assert result.returncode == -signal.SIGKILL, result.stderr
        assert files(project.build / "current") == before
    assert limit > 5
    assert compile_toy(project).release != first
    assert not (project.build / ".partial").exists()
