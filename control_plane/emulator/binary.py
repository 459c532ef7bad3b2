"""Finds workerd, or fetches it through npm and checks it against a pinned digest."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from control_plane.emulator.npm import Talk, cache_folder, failure, fetch, fetching_beside
from control_plane.errors import InputError, PlatformError

VERSION = "1.20261117.1"
MEMBER = "package/bin/workerd"
FETCH_MEGABYTES, UNPACKED_MEGABYTES = 47, 162

#: SHA-512 of the published packages; on other platforms workerd has to be there already.
DIGESTS = {
    "linux-64": (
        "gZLA8X11m/luZwn+YA3+mDu61vdxNJzpksP/QZqjydKTQ+VUCulsK5gtn9Bqst1p3KJu2kafQpJ1nDQv4B23jA=="
    ),
    "linux-arm64": (
        "gxWngFojq41ULKNKb9rpWYvKotN5hT2I/xot+Bpy31cXzrwcTgtDLSMb2t75sW5BJxH7hihFvikgYb577kB3Zg=="
    ),
}


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
        try:
            _fetch(kept, talk, variables)
        except PlatformError as error:
            raise PlatformError(
                f"{error}\n  Or put a workerd, which runs the edge on this machine, on PATH,"
                " or name one: WORKERD_BIN=/path/to/workerd."
            ) from error
    return kept


def platform_name() -> str:
    """Return the platform as workerd's packages are named: linux-64, darwin-arm64, …"""
    system = {"linux": "linux", "darwin": "darwin", "win32": "windows"}.get(sys.platform)
    machine = {"x86_64": "64", "amd64": "64", "aarch64": "arm64", "arm64": "arm64"}
    return f"{system or sys.platform}-{machine.get(platform.machine().lower(), 'unknown')}"


def _named(file: Path) -> Path:
    if not (file.is_file() and os.access(file, os.X_OK)):
        raise InputError(
            f"{file} is not a program", field="WORKERD_BIN", remedy="Correct or unset WORKERD_BIN."
        )
    return file


def _fetch(target: Path, talk: Talk, environment: Mapping[str, str]) -> None:
    name = platform_name()
    package = f"@cloudflare/workerd-{name}@{VERSION}"
    if name not in DIGESTS:
        raise failure(package, f"no digest is known for workerd on {name}")
    with fetching_beside(target.parent) as place:
        size = f"{FETCH_MEGABYTES} MB"
        archive = fetch(package, DIGESTS[name], place, talk, environment, size)
        talk(f"checking and unpacking workerd ({UNPACKED_MEGABYTES} MB)")
        _unpack(archive, target)
    talk(f"workerd is at {target}")


def _unpack(archive: Path, target: Path) -> None:
    """Put the package's one program at `target`, atomically."""
    partial = archive.with_name("workerd")
    try:
        with tarfile.open(archive) as package:
            source = package.extractfile(MEMBER)
            if source is None:
                raise failure(archive.name, f"{MEMBER} is not a file")
            with partial.open("wb") as stream:
                shutil.copyfileobj(source, stream, 1024 * 1024)
        partial.chmod(0o755)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)
    except (tarfile.TarError, KeyError) as error:
        raise failure(archive.name, f"it cannot be unpacked: {error}") from error
    except OSError as error:
        raise failure(
            archive.name, f"{target} cannot be written: {error.strerror}", "Free some space"
        ) from error
