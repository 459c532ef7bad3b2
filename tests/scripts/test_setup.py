"""`scripts/setup` makes an environment of locked packages, mends it, and is quick when it can."""

import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # real environments, about three seconds each


def test_the_first_run_installs_and_the_second_is_instant(clone):
    first = clone.run("scripts/setup")
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"{clone.root}/.venv\n"
    assert "installing 1 locked packages" in first.stderr
    second = clone.run("scripts/setup")
    assert (second.stdout, second.stderr) == (first.stdout, "")
    command = clone.run("scripts/demo", "--check", "a b")
    kept = f"--project {clone.root}/.demo"
    assert (command.stdout, command.stderr) == (f"toy 1 demo {kept} --check a b\n", "")


def test_only_the_locked_package_gets_in_and_a_changed_lock_is_installed(clone):
    clone.lock(toy=1, digest="0" * 64)
    refused = clone.run("scripts/setup")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "could not install requirements.txt" in refused.stderr
    for version in (1, 2):
        clone.lock(toy=version)
        done = clone.run("scripts/demo")
        assert done.stdout == f"toy {version} demo --project {clone.root}/.demo\n"
        assert "anew" not in done.stderr


def _cut_short(clone):
    (clone.root / ".venv" / "frontshelf-incomplete").touch()
    shutil.rmtree(next((clone.root / ".venv" / "lib").glob("python3*/site-packages/toy-1*")))


def _lose_python(clone):
    for link in (clone.root / ".venv" / "bin").glob("python*"):
        link.unlink()


def _move(clone):
    clone.root = clone.root.rename(clone.root.with_name("elsewhere"))


def test_an_environment_that_is_not_whole_is_made_anew(clone):
    clone.run("scripts/setup")
    for damage in (_cut_short, _lose_python, _move):
        damage(clone)
        mended = clone.run("scripts/demo")
        assert mended.stdout == f"toy 1 demo --project {clone.root}/.demo\n", damage
        assert "anew" in mended.stderr, damage


def test_a_folder_that_is_no_environment_is_left_alone(clone):
    (clone.root / ".venv").mkdir()
    (clone.root / ".venv" / "letters.txt").write_text("dear")
    refused = clone.run("scripts/setup")
    assert refused.returncode == 1
    assert "no virtual environment. Move it away" in refused.stderr
    assert (clone.root / ".venv" / "letters.txt").read_text() == "dear"


def test_two_scripts_started_at_once_take_turns(clone):
    command = [clone.root / "scripts" / "demo"]
    both = [
        subprocess.Popen(
            command, env=clone.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in both]
    assert [out for out, _ in said] == [f"toy 1 demo --project {clone.root}/.demo\n".encode()] * 2
    assert sum(b"installing" in talk for _, talk in said) == 1


def test_without_a_fit_python_the_message_says_what_to_install(clone, bare_path):
    old = bare_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = clone.run("scripts/setup", PATH=str(bare_path), PYTHON="")
    assert refused.returncode == 1
    assert "Python 3.11 or newer" in refused.stderr
    assert "apt install python3 python3-venv" in refused.stderr


def test_a_python_that_cannot_make_environments_names_the_debian_package(clone, bare_path):
    lacking = bare_path.with_name("lacking")
    lacking.mkdir()
    (lacking / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    python = bare_path / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{lacking}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    refused = clone.run("scripts/setup", PATH=str(bare_path), PYTHON="")
    assert refused.returncode == 1
    assert "apt install python3-venv" in refused.stderr
    assert not (clone.root / ".venv").exists()


@pytest.mark.parametrize(
    ("there", "needed"),
    [("nothing", True), ("npm", False), ("workerd", False), ("WORKERD_BIN", False),
     ("cache", False)],
)  # fmt: skip
def test_npm_is_installed_only_where_nothing_else_gives_workerd(
    clone, bare_path, tmp_path, there, needed
):
    changes = {"PATH": str(bare_path), "XDG_CACHE_HOME": str(tmp_path), "WORKERD_BIN": ""}
    if there in ("npm", "workerd"):
        (bare_path / there).symlink_to("/bin/true")
    elif there == "WORKERD_BIN":
        changes["WORKERD_BIN"] = "/bin/true"
    elif there == "cache":
        kept = tmp_path / "frontshelf" / "workerd-1-linux-64"
        kept.mkdir(parents=True)
        (kept / "workerd").touch()
    asked = subprocess.run(
        [sys.executable, "-c", "import make_venv; print(make_venv.needs_npm())"],
        cwd=clone.root / "scripts", env=clone.environment(**changes),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert asked.stdout == f"{needed}\n"


def test_an_unknown_argument_is_refused(clone):
    assert clone.run("scripts/setup", "--devel").returncode == 2
