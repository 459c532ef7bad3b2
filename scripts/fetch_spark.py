"""Install the locked Spark for the tests, apart from .venv; prints the folder that has it.

PyPI has Spark as source alone, 430 MB that take a minute: so once a user, and not for everybody
who tests. Where packages come from is pip's own configuration.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements-spark.txt"

#: What builds the rest, of the same lock.
BUILDER = "setuptools"


def main() -> int:
    """Make the folder unless it is there; return the exit status."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(base) / "frontshelf"
    folder = cache / f"spark-{digest}-{sys.version_info.major}.{sys.version_info.minor}"
    cache.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(cache, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # two tests that start at once take turns
    status = 0 if folder.is_dir() else _install(folder)
    if status == 0:
        print(folder)
    return status


def _install(folder: Path) -> int:
    """Install into a folder beside, which takes its name when it is whole."""
    print(f"spark: installing {LOCK.name}, which takes a minute", file=sys.stderr, flush=True)
    pins = re.split(r"\n(?=\S)", LOCK.read_text(encoding="utf-8"))
    builder = [pin for pin in pins if pin.startswith(f"{BUILDER}==")]
    wanted = [pin for pin in pins if pin not in builder]
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="spark-") as scratch:
        tools, made = Path(scratch, "tools"), Path(scratch, "made")
        status = _pip(builder, tools, "--only-binary=:all:") if builder else 0
        if status == 0:
            status = _pip(wanted, made, "--no-build-isolation", tools=tools)
        if status == 0:
            shutil.move(made, folder)
        return status


def _pip(pins: list[str], target: Path, *options: str, tools: Path | None = None) -> int:
    lock = target.with_suffix(".txt")
    lock.write_text("\n".join(pins), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--no-cache-dir", *options]
    environment = dict(os.environ)
    if tools:
        environment["PYTHONPATH"] = str(tools)
    return subprocess.run(
        [*command, "--target", target, "-r", lock], env=environment, stdout=sys.stderr, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
