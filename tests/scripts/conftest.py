"""A clone of the scripts with one toy package to install, and no network."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CLI = """
import sys, toy
def main():
    print("toy", toy.NUMBER, *sys.argv[1:])
"""


class Clone:
    """A checkout with the real scripts, toy locks and a toy command."""

    def __init__(self, root: Path, wheels: Path) -> None:
        self.root, self.wheels = root, wheels
        shutil.copytree(ROOT / "scripts", root / "scripts")
        shutil.copytree(ROOT / ".ci", root / ".ci")
        (root / "control_plane").mkdir()
        (root / "control_plane" / "__init__.py").touch()
        (root / "control_plane" / "cli.py").write_text(CLI)
        self.lock(toy=1)

    def lock(self, *, toy: int, digest: str | None = None) -> None:
        """Lock version `toy` of the toy package."""
        wheel = _toy_wheel(self.wheels, toy)
        digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
        for name in ("requirements.txt", "requirements-npm.txt", "requirements-dev.txt"):
            (self.root / name).write_text(f"toy=={toy}.0 \\\n    --hash=sha256:{digest}\n")

    def environment(self, **changes: str) -> dict[str, str]:
        """Return an environment whose pip sees the toy wheels alone."""
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "CI": ""}
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**inherited, "PYTHON": sys.executable, **offline, **changes}

    def run(self, script: str, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the clone from another folder."""
        return subprocess.run(
            [self.root / script, *arguments], cwd=self.wheels, env=self.environment(**changes),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


def _toy_wheel(folder: Path, version: int) -> Path:
    wheel = folder / f"toy-{version}.0-py3-none-any.whl"
    files = {
        "toy.py": f"NUMBER = {version}\n",
        f"toy-{version}.0.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: toy\nVersion: {version}.0\n"
        ),
        f"toy-{version}.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = f"toy-{version}.0.dist-info/RECORD"
    lines = [
        f"{name},sha256={_record_digest(text)},{len(text.encode())}" for name, text in files.items()
    ]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, record: "\n".join([*lines, f"{record},,", ""])}.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return wheel


def _record_digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@pytest.fixture
def clone(tmp_path) -> Clone:
    """A clone in a folder whose name has a space."""
    (tmp_path / "wheels").mkdir()
    return Clone(tmp_path / "a clone", tmp_path / "wheels")


@pytest.fixture
def bare_path(tmp_path) -> Path:
    """A PATH with what a bare system has, and neither npm, workerd nor a browser."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "env", "dirname", "id", "printf"):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder
