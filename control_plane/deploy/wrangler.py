"""Reads wrangler.jsonc, the one description of a worker: for the local edge and for uploads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from control_plane.deploy.jsonc import line_of_key, parse_jsonc
from control_plane.errors import InputError, suggest

#: Keys of wrangler's that are for wrangler alone.
DEPLOYMENT_KEYS = frozenset(
    ("$schema", "account_id", "keep_names", "keep_vars", "limits", "logpush", "minify",
     "placement", "preview_urls", "route", "routes", "send_metrics",
     "tail_consumers", "triggers", "upload_source_maps", "workers_dev")
)  # fmt: skip


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How modules whose name matches one of `globs` are read."""

    type: Literal["ESModule", "Text", "Data"]
    globs: tuple[str, ...]
    fallthrough: bool = False


class KVBinding(msgspec.Struct, frozen=True, kw_only=True):
    """A key-value namespace and the name the worker knows it by."""

    binding: str
    id: str = ""
    preview_id: str = ""


class ServiceBinding(msgspec.Struct, frozen=True, kw_only=True):
    """Another service and the name the worker knows it by."""

    binding: str
    service: str


class WorkerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What wrangler.jsonc says; `file` is where it stands and `main` is relative to it."""

    file: Path
    name: str
    main: str
    compatibility_date: str
    compatibility_flags: tuple[str, ...] = ()
    kv_namespaces: tuple[KVBinding, ...] = ()
    vars: dict[str, Any] = {}
    services: tuple[ServiceBinding, ...] = ()
    rules: tuple[Rule, ...] = ()
    observability: dict[str, Any] = {}
    no_bundle: bool = False
    find_additional_modules: bool = False


def read_wrangler(file: Path) -> WorkerConfig:
    """Read `file`; raise InputError with the line of what is missing, wrong or not supported."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(
            "no such worker configuration", file=file, remedy="Name a wrangler.jsonc."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", file=file) from error
    raw = parse_jsonc(text, file)
    if not isinstance(raw, dict):
        raise InputError("not a JSON object", file=file, line=1)
    _refuse_unknown(raw, text, file)
    try:
        known = {key: value for key, value in raw.items() if key not in DEPLOYMENT_KEYS}
        return msgspec.convert({**known, "file": file}, WorkerConfig)
    except msgspec.ValidationError as error:
        key = str(error).rpartition("$.")[2].split("[")[0].split(".")[0].rstrip("`")
        raise InputError(str(error), file=file, line=line_of_key(text, key)) from error


def _refuse_unknown(raw: dict[str, Any], text: str, file: Path) -> None:
    known = set(WorkerConfig.__struct_fields__) - {"file"} | DEPLOYMENT_KEYS
    for key in raw:
        if key not in known:
            raise InputError(
                "neither the local edge nor an upload knows this key",
                file=file,
                line=line_of_key(text, key),
                field=key,
                remedy=suggest(key, sorted(known)),
            )
