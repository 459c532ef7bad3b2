"""What an upload to EdgeWorkers is made of: the code bundle, and what its version is known by."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tarfile
import zlib

import msgspec

from control_plane import __version__
from control_plane.deploy.akamai.bundle import (
    MANIFEST,
    SETTINGS,
    TOKENS,
    bundle_files,
    pack,
    unpack,
)
from control_plane.deploy.akamai.edgekv import checked_name
from control_plane.deploy.cloudflare.bundle import Tag, digest_parts, parse_tag
from control_plane.deploy.worker_settings import worker_secrets, worker_variables
from control_plane.deploy.worker_target import WorkerFile
from control_plane.errors import InputError
from control_plane.keyring import credential
from control_plane.settings import Project
from control_plane.tables import FORMAT

#: Holds the access token that the worker reads EdgeKV with, unless the settings name it.
TOKEN_VARIABLE = "AKAMAI_EDGEKV_TOKEN"
TOKEN = "EDGEKV_TOKEN"

_TAGGED = re.compile(r"\[(frontshelf-[0-9a-f-]+)\]")
_OBJECT = re.compile(rb"= (\{.*\});\s*$", re.DOTALL)


class EdgeWorkerBundle(msgspec.Struct, frozen=True, kw_only=True):
    """All of an upload. `secrets` must reach the platform's API and nothing else."""

    contents: dict[str, bytes]
    packed: bytes
    tag: Tag
    version: str
    variables: dict[str, str]
    token_reference: str
    secrets: dict[str, str]

    def __repr__(self) -> str:
        return f"EdgeWorkerBundle({self.version}, {self.tag})"

    @property
    def files(self) -> tuple[WorkerFile, ...]:
        """Return the modules' names and sizes."""
        return tuple(
            WorkerFile(name=name, bytes=len(source), gzipped=len(gzip.compress(source)))
            for name, source in self.contents.items()
        )


class Uploaded(msgspec.Struct, frozen=True):
    """What a version says of itself; `tag` is None when Frontshelf did not make it."""

    tag: Tag | None
    settings: dict[str, str]
    token_reference: str


def make_edgeworker_bundle(project: Project) -> EdgeWorkerBundle:
    """Return the upload of a project's EdgeWorker.

    The same code, settings and secrets have the same version. Raises InputError when a setting, a
    key or the access token is missing.
    """
    akamai = project.settings.akamai
    namespace = checked_name("namespace", akamai.namespace, 32)
    variables = {
        **worker_variables(project),
        "EDGEKV_NAMESPACE": namespace,
        "EDGEKV_GROUP": checked_name("group", akamai.group, 120),
    }
    secrets = worker_secrets(project) if akamai.secrets_in_bundle else {}
    given = credential(TOKEN_VARIABLE)
    reference = "" if given else akamai.token_reference
    if not given and not reference:
        raise InputError(
            f"neither akamai.token_reference nor {TOKEN_VARIABLE} is set",
            remedy="Make an EdgeKV access token that may read the namespace (docs/akamai.md).",
        )
    token = {"value": given} if given else {"reference": reference}
    settings = {**variables, **secrets}
    tokens = {f"namespace-{namespace}": {"name": akamai.token_name, **token}}
    if given:
        secrets = {**secrets, TOKEN: given}
    tag = _tag(bundle_files(settings, tokens, ""), variables, reference, secrets)
    version = f"{FORMAT}.{int(hashlib.sha256(str(tag).encode()).hexdigest()[:7], 16)}"
    said = f"Frontshelf {__version__} [{tag}]"
    contents = bundle_files(settings, tokens, version, said)
    return EdgeWorkerBundle(
        contents=contents,
        packed=pack(contents),
        tag=tag,
        version=version,
        variables=variables,
        token_reference=reference,
        secrets=secrets,
    )


def read_uploaded(packed: bytes) -> Uploaded:
    """Return what a version's code bundle says, of whoever's making it is."""
    try:
        contents = unpack(packed)
        described = str(json.loads(contents[MANIFEST])["description"])
        settings = _object(contents[SETTINGS])
        [token, *_others] = _object(contents[TOKENS]).values()
    except (tarfile.TarError, OSError, EOFError, zlib.error, KeyError, TypeError, ValueError):
        return Uploaded(None, {}, "")
    found = _TAGGED.search(described)
    return Uploaded(
        parse_tag(found[1] if found else None),
        {name: str(value) for name, value in settings.items()},
        str(token.get("reference", "")),
    )


def _tag(
    contents: dict[str, bytes], variables: dict[str, str], reference: str, secrets: dict[str, str]
) -> Tag:
    made = (MANIFEST, SETTINGS, TOKENS)
    code = sorted((name, source) for name, source in contents.items() if name not in made)
    settings = [*sorted(variables.items()), (TOKEN, reference)]
    return Tag(
        FORMAT, digest_parts(code), digest_parts(settings), digest_parts(sorted(secrets.items()))
    )


def _object(module: bytes) -> dict[str, dict[str, str]]:
    found = _OBJECT.search(module)
    if not found:
        raise ValueError("no object")
    return json.loads(found[1])
