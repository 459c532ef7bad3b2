"""Makes the code bundle for Akamai's EdgeWorkers: one tgz whose files import nothing outside it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from control_plane.errors import InputError

COMPRESSED_BYTES, UNPACKED_BYTES = 512 * 1024, 1024 * 1024
#: Modules that are made for each bundle, beside those that stand in edge_bundle.
SETTINGS, ASSETS, TOKENS = "settings.js", "assets.js", "edgekv_tokens.js"
MANIFEST = "bundle.json"


def bundle_files(
    settings: Mapping[str, str],
    tokens: Mapping[str, Mapping[str, str]],
    version: str,
    description: str = "",
) -> dict[str, bytes]:
    """Return a code bundle's files by path.

    The adapter's files stand at the top and what it shares beside them in core/ and extras/, as the
    adapter imports it. `settings` are the worker's variables and secrets, with EDGEKV_NAMESPACE
    and EDGEKV_GROUP; `tokens` are EdgeKV's, as its command line writes them:
    {"namespace-NAME": {"value": …}} or {"reference": …}. `version` names the bundle to
    EdgeWorkers, `description` to people.
    """
    edge = files("edge_bundle")
    adapter = {file.name: file.read_bytes() for file in _scripts(edge / "akamai")}
    shared = {
        f"{folder}/{file.name}": file.read_bytes()
        for folder in ("core", "extras")
        for file in _scripts(edge / folder)
    }
    manifest = json.loads((edge / "akamai" / MANIFEST).read_bytes())
    manifest["edgeworker-version"] = version
    manifest["description"] = description or manifest["description"]
    assets = {name: (edge / f"{name}.js").read_text("utf-8") for name in ("sdk", "consent")}
    return {
        **adapter,
        **shared,
        MANIFEST: _json(manifest),
        SETTINGS: b"export const settings = " + _json(dict(settings)) + b";\n",
        ASSETS: b"".join(
            f"export const {name} = ".encode() + _json(text) + b";\n"
            for name, text in assets.items()
        ),
        TOKENS: b"export const edgekv_access_tokens = " + _json(tokens) + b";\n",
    }


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Return the tgz of a bundle's files: the same files give the same bytes.

    Raises InputError when it is larger than EdgeWorkers takes.
    """
    unpacked = sum(len(content) for content in contents.values())
    _check(unpacked, UNPACKED_BYTES, "unpacked")
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(contents):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(contents[name]), 0o644
            archive.addfile(entry, io.BytesIO(contents[name]))
    packed = gzip.compress(raw.getvalue(), mtime=0)
    _check(len(packed), COMPRESSED_BYTES, "compressed")
    return packed


def unpack(packed: bytes) -> dict[str, bytes]:
    """Return the files of a tgz by path."""
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        entries = [entry for entry in archive.getmembers() if entry.isfile()]
        opened = {entry.name: archive.extractfile(entry) for entry in entries}
        return {name: file.read() for name, file in opened.items() if file}


def _scripts(folder: Traversable) -> list[Traversable]:
    return [file for file in folder.iterdir() if file.name.endswith(".js")]


def _json(value: object) -> bytes:
    # Line separators may stand in a JSON text, and in a script only since 2019.
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def _check(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise InputError(
            f"the code bundle is {size} bytes {what}, over EdgeWorkers' limit of {limit}",
            field="bundle",
            remedy="Shorten the settings, or ask Akamai for a higher limit.",
        )
