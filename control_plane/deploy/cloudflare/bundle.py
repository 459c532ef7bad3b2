"""What an upload of the worker is made of: its modules as they stand, its settings and secrets.

Nothing is bundled: the platform resolves imports among modules of one upload just as the local
edge does, and all of them, gzipped, are a thirtieth of the smallest plan's limit.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from control_plane import __version__
from control_plane.deploy.modules import Module, collect_modules
from control_plane.deploy.worker_settings import worker_secrets, worker_variables
from control_plane.deploy.worker_target import WorkerFile
from control_plane.deploy.wrangler import read_wrangler
from control_plane.errors import InputError
from control_plane.settings import Project
from control_plane.tables import FORMAT

#: Bytes of one variable or secret; Cloudflare's own limit.
VARIABLE_BYTES = 5 * 1024

_TAG = re.compile(r"frontshelf-(\d+)-([0-9a-f]{12})-([0-9a-f]{12})-([0-9a-f]{12})")


class Tag(msgspec.Struct, frozen=True):
    """What a version says of itself: the tables it reads, and digests of its parts."""

    tables: int
    code: str
    settings: str
    secrets: str

    def __str__(self) -> str:
        return f"frontshelf-{self.tables}-{self.code}-{self.settings}-{self.secrets}"


class WorkerBundle(msgspec.Struct, frozen=True, kw_only=True):
    """All of an upload. `secrets` must reach the platform's API and nothing else."""

    modules: tuple[Module, ...]
    compatibility_date: str
    compatibility_flags: tuple[str, ...]
    observability: dict[str, Any]
    variables: dict[str, str]
    namespaces: dict[str, str]
    secrets: dict[str, str]

    def __repr__(self) -> str:
        return f"WorkerBundle({self.tag})"

    @property
    def tag(self) -> Tag:
        """What a version of this bundle is known by; the same bundle has the same."""
        settings = [
            *sorted(self.variables.items()),
            *sorted(self.namespaces.items()),
            ("date", self.compatibility_date),
            *(("flag", flag) for flag in self.compatibility_flags),
        ]
        code = [(module.name, module.kind, module.source) for module in self.modules]
        return Tag(
            FORMAT,
            digest_parts(code),
            digest_parts(settings),
            digest_parts(sorted(self.secrets.items())),
        )

    @property
    def message(self) -> str:
        """What people read beside a version."""
        return f"Frontshelf {__version__}, tables of format {FORMAT} and {FORMAT - 1}"

    @property
    def files(self) -> tuple[WorkerFile, ...]:
        """Return the modules' names and sizes."""
        return tuple(
            WorkerFile(
                name=module.name,
                bytes=len(module.source),
                gzipped=len(gzip.compress(module.source)),
            )
            for module in self.modules
        )

    def bindings(self) -> list[dict[str, str]]:
        """Return what the worker finds in its environment, as the API takes it."""
        return [
            *(
                {"type": "plain_text", "name": name, "text": text}
                for name, text in self.variables.items()
            ),
            *(
                {"type": "kv_namespace", "name": name, "namespace_id": id}
                for name, id in self.namespaces.items()
            ),
            *(
                {"type": "secret_text", "name": name, "text": text}
                for name, text in self.secrets.items()
            ),
        ]


def make_bundle(project: Project, namespace_id: str) -> WorkerBundle:
    """Return the upload of a project's worker, whose releases live in a namespace.

    Raises InputError when keys are missing or a setting is longer than the platform takes.
    """
    config = read_wrangler(Path(str(files("edge_bundle"))) / "wrangler.jsonc")
    variables = {**config.vars, **worker_variables(project)}
    secrets = worker_secrets(project)
    _refuse_long(variables)
    _refuse_long(secrets)
    return WorkerBundle(
        modules=collect_modules(
            config.file.parent,
            config.main,
            config.rules,
            additional=config.find_additional_modules,
        ),
        compatibility_date=config.compatibility_date,
        compatibility_flags=config.compatibility_flags,
        observability=config.observability,
        variables=variables,
        namespaces={binding.binding: namespace_id for binding in config.kv_namespaces},
        secrets=secrets,
    )


def parse_tag(text: str | None) -> Tag | None:
    """Return what a version's tag says, or None when it is not one of ours."""
    match = _TAG.fullmatch(text or "")
    return Tag(int(match[1]), match[2], match[3], match[4]) if match else None


def _refuse_long(texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        if len(text.encode()) > VARIABLE_BYTES:
            raise InputError(
                f"{len(text.encode()):,} bytes, at most {VARIABLE_BYTES:,} are taken",
                field=name,
                remedy="Shorten the setting or keys that it is made of (docs/deploy.md).",
            )


def digest_parts(parts: object) -> str:
    """Return what a part of a version is known by."""
    return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()[:12]
