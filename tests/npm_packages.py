"""Packages of the npm registry for tests: fetched by npm, pinned by SHA-512, run as they are."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from control_plane.emulator.binary import cache_folder, npm_command

FETCH_SECONDS = 120


def lay_out(packages: Mapping[str, str]) -> Path:
    """Return a folder with `node_modules`, given SHA-512 digests (base64) by `name@version`.

    It stays in the user's cache; nothing of a package is run on the way.
    """
    name = hashlib.sha256(repr(sorted(packages.items())).encode()).hexdigest()[:16]
    kept = cache_folder(os.environ) / f"npm-{name}"
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=kept.parent) as place:
        root = Path(place) / "packages"
        for package, digest in packages.items():
            modules = root / "node_modules" / package.rpartition("@")[0]
            _unpack(_fetch(package, digest, Path(place)), modules)
        root.rename(kept)
    return kept


def _fetch(package: str, digest: str, folder: Path) -> Path:
    npm = npm_command(os.environ)
    assert npm, "npm is needed to fetch packages: pip install 'frontshelf[npm]'"
    with tempfile.TemporaryDirectory(dir=folder) as place:
        subprocess.run(
            [*npm, "pack", package, "--ignore-scripts", "--pack-destination", place],
            cwd=place, check=True, capture_output=True, timeout=FETCH_SECONDS,
        )  # fmt: skip
        (archive,) = Path(place).glob("*.tgz")
        content = archive.read_bytes()
    actual = base64.b64encode(hashlib.sha512(content).digest()).decode()
    assert actual == digest, f"{package} is not the pinned one: {actual}"
    target = folder / f"{digest[:8].replace('/', '_')}.tgz"
    target.write_bytes(content)
    return target


def _unpack(archive: Path, target: Path) -> None:
    """Put a package's files below `target`; every archive's top folder is dropped."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            _top, _, rest = member.name.partition("/")
            if member.isfile() and rest:
                tar.extract(member.replace(name=rest), target, filter="data")
