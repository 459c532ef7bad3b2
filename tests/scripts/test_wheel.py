"""The wheel, in an environment with the locked packages and nothing else, does it all."""

import csv
import json
import os
import re
import select
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("control_plane", "edge_bundle")
READY_SECONDS = 60

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built by the locked build backend."""
    folder = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], ROOT)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """An environment that holds the installed wheel and what requirements.txt names."""
    venv = tmp_path_factory.mktemp("environment") / "venv"
    _run([sys.executable, "-m", "venv", "--without-pip", venv], ROOT)
    python = venv / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    _run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], venv)
    [packages] = (venv / "lib").glob("python3*/site-packages")
    # Linked, not installed again: it is the same locked files, and ten times as quick.
    for name, conditional in _pins(ROOT / "requirements.txt"):
        _link(name, conditional, packages)
    return venv


def _pins(lock: Path) -> list[tuple[str, bool]]:
    return [
        (found[1], found[2] == ";")
        for found in re.finditer(r"^([\w.-]+)==\S+ (;|\\)", lock.read_text(), re.MULTILINE)
    ]


def _link(name: str, conditional: bool, packages: Path) -> None:
    try:
        package = distribution(name)
    except PackageNotFoundError:
        assert conditional, name
        return
    for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
        if not (packages / top).exists():
            (packages / top).symlink_to(package.locate_file(top))


def _run(command: list, cwd: Path, **changes: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env={**environment, **changes}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _write_checkerboard(file: Path) -> None:
    """Write events of people who look at red things only, or at blue things only."""
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["timestamp", "user_id", "session_id", "item_id", "event"])
        for person in range(60):
            colour = ("red", "blue")[person % 2]
            for look in range(6):
                when = f"2026-01-{1 + person % 28:02d}T10:{look:02d}:00Z"
                item = f"{colour}-{(person // 2 + look) % 8}"
                rows.writerow([when, f"p{person}", f"s{person}", item, "Product Viewed"])


def test_the_wheel_carries_the_edge_bundle_and_the_templates(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = (file for room in ROOMS for file in (ROOT / room).rglob("*") if file.is_file())
    assert {
        str(file.relative_to(ROOT)) for file in sources if file.parent.name != "__pycache__"
    } <= names
    assert "edge_bundle/wrangler.jsonc" in names
    assert not [name for name in names if name.startswith(("tests/", "build/", "scripts/"))]


def test_an_installed_wheel_goes_from_init_to_a_decision(environment, tmp_path):
    command = environment / "bin" / "frontshelf"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    _write_checkerboard(elsewhere / "events.csv")
    project = ["--project", "shop"]
    where = "import control_plane; print(control_plane.__file__)"
    imported = _run([environment / "bin" / "python", "-c", where], elsewhere).strip()
    assert Path(imported).is_relative_to(environment)
    for step in (
        ["init", "shop"],
        ["ingest", "events.csv", *project],
        ["train", *project],
        ["compile", *project],
        ["deploy", "--target", "local", *project],
    ):
        _run([command, *step], elsewhere)
    edge = subprocess.Popen(
        [command, "dev", "--port", "0", *project], cwd=elsewhere, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        decisions = _decide(_ready_address(edge))
    finally:
        edge.terminate()
        edge.communicate(timeout=30)
    items = decisions["home.discover"]["items"]
    assert decisions["home.discover"]["reason"] == "session"
    assert items[0].startswith("red-")
    assert not {"red-1", "red-2"} & set(items)


def _ready_address(edge: subprocess.Popen) -> str:
    readable, _, _ = select.select([edge.stdout], [], [], READY_SECONDS)
    assert readable, "the edge said nothing"
    word, address = edge.stdout.readline().split()
    assert word == "ready"
    return address


def _decide(address: str) -> dict:
    seen = [{"event": "view", "item": f"red-{number}"} for number in (1, 2)]
    body = {
        "slots": ["home.discover"],
        "session": {"events": seen},
        "consent": {"personalization": True},
    }
    answer = httpx.post(f"{address}/_fs/decide", json=body, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content)["decisions"]
