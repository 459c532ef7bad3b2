"""Make the checkout's virtual environment, or repair it; called by scripts/setup.

Only packages whose hashes are locked get in. Where packages come from is pip's own
configuration; the environment is passed through. Prints the environment's folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "frontshelf-installed.json"
#: There while packages are being installed: an environment that was cut short is made anew.
INCOMPLETE = VENV / "frontshelf-incomplete"

RUN, NPM, DEV = "requirements.txt", "requirements-npm.txt", "requirements-dev.txt"

# Started by sh, so that neither spaces nor length of the folder's name matter.
LAUNCHER = """#!/bin/sh
'''exec' "$(dirname -- "$0")/python" "$0" "$@"
' '''
import sys
from control_plane.cli import main
sys.exit(main())
"""


def main(arguments: list[str]) -> int:
    """Make the environment ready; return the exit status."""
    if unknown := set(arguments) - {"--dev"}:
        return _fail(f"unknown argument {min(unknown)!r}. Usage: scripts/setup [--dev]", 2)
    wanted = [DEV] if arguments else [RUN, *([NPM] if needs_npm() else [])]
    descriptor = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # two scripts started at once take turns
    status = 0 if is_ready(wanted) else make_ready(wanted)
    if status == 0:
        print(VENV)
    return status


def needs_npm() -> bool:
    """Say whether npm has to come from PyPI, since nothing else can fetch workerd."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "frontshelf"
    return not (
        os.environ.get("WORKERD_BIN")
        or shutil.which("workerd")
        or shutil.which("npm")
        or any(cache.glob("workerd-*/workerd"))
    )


def is_ready(wanted: list[str]) -> bool:
    """Say whether the environment runs and holds what the files ask for."""
    have = _stamps()
    return (
        not INCOMPLETE.exists()
        and all(have.get(name) == _digest(name) for name in wanted)
        and have.get("checkout") == str(ROOT)
        and _runs("-c", "pass")
    )


def make_ready(wanted: list[str]) -> int:
    """Make or mend the environment; return the exit status."""
    if (problem := _make_venv()) or (problem := _install(wanted)):
        return _fail(problem)
    covered = [RUN, NPM, DEV] if DEV in wanted else wanted
    _link_checkout()
    stamps = {**_stamps(), **{name: _digest(name) for name in covered}, "checkout": str(ROOT)}
    STAMPS.write_text(json.dumps(stamps, indent=1), encoding="utf-8")
    return 0


def _make_venv() -> str | None:
    """Make the environment unless a sound one is there; return what is wrong, if anything."""
    if _is_whole():
        return None if _runs("-c", "import pip") or _runs("-m", "ensurepip") else _no_venv()
    if importlib.util.find_spec("ensurepip") is None:
        return _no_venv()
    if VENV.exists():
        ours = INCOMPLETE.exists() or (VENV / "pyvenv.cfg").exists() or not any(VENV.iterdir())
        if not ours:
            return f"{VENV} is there and no virtual environment. Move it away."
        _say("making .venv anew, since the last one is not whole")
        shutil.rmtree(VENV)
    VENV.mkdir()
    INCOMPLETE.touch()
    # Never a Python out of the environment that is being made.
    base = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run([base, "-m", "venv", VENV], stdout=sys.stderr, check=False)
    return _no_venv() if made.returncode else None


def _is_whole() -> bool:
    # The programs of an environment name its folder: one that was moved is of no use.
    moved = _stamps().get("checkout", str(ROOT)) != str(ROOT)
    python = "import sys; sys.exit(sys.version_info < (3, 11))"
    return not moved and not INCOMPLETE.exists() and _runs("-c", python)


def _install(wanted: list[str]) -> str | None:
    count = sum(line.count("==") for name in wanted for line in _lines(name))
    _say(f"installing {count} locked packages from {' and '.join(wanted)}")
    command = [PYTHON, "-m", "pip", "install", "--require-hashes", "--no-deps"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]
    command += ["--quiet"] if not sys.stderr.isatty() else []
    for name in wanted:
        command += ["-r", ROOT / name]
    INCOMPLETE.touch()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if done.returncode < 0:
        return "pip was killed. Run the script again; the environment is then made anew."
    INCOMPLETE.unlink()
    if done.returncode:
        return (
            f"pip could not install {' and '.join(wanted)} (its words stand above).\n"
            "  Check the network and pip's own settings, then run the script again."
        )
    return None


def _link_checkout() -> None:
    """Let the environment import this checkout and offer the command `frontshelf`."""
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.check_output([PYTHON, "-c", query], text=True).strip()
    (Path(packages) / "frontshelf-checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    launcher = VENV / "bin" / "frontshelf"
    launcher.unlink(missing_ok=True)
    launcher.write_text(LAUNCHER, encoding="utf-8")
    launcher.chmod(0o755)


def _stamps() -> dict[str, str]:
    try:
        return json.loads(STAMPS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # none yet, or cut short: then everything is checked again


def _digest(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def _lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def _runs(*arguments: str) -> bool:
    try:
        done = subprocess.run([PYTHON, *arguments], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _no_venv() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"Python {version} ({sys.executable}) cannot make virtual environments.\n"
        f"  On Debian and Ubuntu: apt install python3-venv (or python{version}-venv)."
    )


def _say(words: str) -> None:
    print(f"setup: {words}", file=sys.stderr, flush=True)


def _fail(problem: str, status: int = 1) -> int:
    _say(problem)
    return status


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"setup: {error}. Make room or mend its permissions, then run the script again.")
