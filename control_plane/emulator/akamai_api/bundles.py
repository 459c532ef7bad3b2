"""What EdgeWorkers checks of a code bundle before it takes it; refusals name their type."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import zlib

from control_plane.deploy.akamai.bundle import COMPRESSED_BYTES, UNPACKED_BYTES, unpack
from control_plane.emulator.akamai_api.problems import Problem, edgeworkers_problem

MANDATORY = ("main.js", "bundle.json")
INVALID_BUNDLE = "EW2000"
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,32}")
_RUNNABLE = 0o111


def version_of_bundle(packed: bytes) -> str:
    """Return the version that a bundle says it is; raise Problem when EdgeWorkers refuses it."""
    if len(packed) > COMPRESSED_BYTES:
        raise invalid("MAX_COMPRESSED_SIZE_EXCEEDED", f"at most {COMPRESSED_BYTES} bytes are taken")
    _check_size(packed)
    contents = _contents(packed)
    missing = [name for name in MANDATORY if name not in contents]
    if missing:
        raise invalid("MISSING_MANDATORY_FILES", f"the bundle has no {', '.join(missing)}")
    try:
        version = json.loads(contents["bundle.json"])["edgeworker-version"]
    except (ValueError, KeyError, TypeError) as error:
        raise invalid("INVALID_MANIFEST", "bundle.json names no edgeworker-version") from error
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise invalid("INVALID_MANIFEST", f"{version!r} is no version")
    return version


def invalid(kind: str, detail: str) -> Problem:
    """Return the refusal of a bundle."""
    return edgeworkers_problem(400, f"{kind}: {detail}", INVALID_BUNDLE)


def _check_size(packed: bytes) -> None:
    # Read no further than the limit, however much it would unpack to.
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            raw = stream.read(2 * UNPACKED_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise invalid("INVALID_GZIP_FORMAT", "the bundle is not gzipped") from error
    if len(raw) >= 2 * UNPACKED_BYTES:
        raise invalid("MAX_UNCOMPRESSED_SIZE_EXCEEDED", "the bundle is too large unpacked")


def _contents(packed: bytes) -> dict[str, bytes]:
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            entries = archive.getmembers()
        contents = unpack(packed)
    except tarfile.TarError as error:
        raise invalid("INVALID_TAR_ARCHIVE", "the bundle is no tar archive") from error
    if not entries:
        raise invalid("EMPTY_TARBALL", "the bundle is empty")
    for entry in entries:
        if entry.isfile() and entry.mode & _RUNNABLE:
            raise invalid("INVALID_FILE_PERMISSION", f"{entry.name} is executable")
    if sum(map(len, contents.values())) > UNPACKED_BYTES:
        raise invalid("MAX_UNCOMPRESSED_SIZE_EXCEEDED", f"at most {UNPACKED_BYTES} bytes are taken")
    return contents
