"""The limits of Cloudflare's Workers API, checked where uploads come in, and its error codes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from control_plane.deploy.modules import Module
from control_plane.emulator.limits import Refusal

MIB = 1024 * 1024
#: Gzipped bytes of all modules, by plan.
SCRIPT_BYTES = {"free": 3 * MIB, "paid": 10 * MIB}
#: Variables and secrets of a version, and the bytes of each.
VARIABLES = {"free": 64, "paid": 128}
VARIABLE_BYTES = 5 * 1024
#: How many of the newest versions may be deployed.
DEPLOYABLE_VERSIONS = 100
#: Longer messages are cut, longer tags refused.
MESSAGE_BYTES, TAG_BYTES = 1000, 100
ROUTES = 1000

#: Codes that Cloudflare documents, or that wrangler tells apart.
WORKER_NOT_FOUND, SERVICE_NOT_FOUND, INVALID_UPLOAD, TOO_LARGE = 10007, 10090, 10021, 10027
NO_SUCH_INHERITED, VERSION_NOT_DEPLOYED = 10057, 10215
ROUTE_WITHOUT_WORKER, ROUTE_EXISTS, BAD_ROUTE = 10019, 10020, 10022

_WORKER_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def check_name(name: str) -> None:
    """Refuse what is no worker's name."""
    if not _WORKER_NAME.fullmatch(name):
        raise Refusal(
            f"{name!r} is not a valid Worker name: use up to 63 lowercase letters, digits, "
            "dashes and underscores.",
            code=INVALID_UPLOAD,
        )


def check_size(modules: Sequence[Module], plan: str) -> None:
    """Refuse modules that are too large together, gzipped."""
    size = sum(len(gzip.compress(module.source)) for module in modules)
    if size > SCRIPT_BYTES[plan]:
        raise Refusal(
            f"Your Worker exceeded the size limit of {SCRIPT_BYTES[plan] // MIB} MiB: "
            f"it has {size} bytes after compression.",
            413,
            TOO_LARGE,
        )


def check_bindings(bindings: Iterable[dict[str, Any]], plan: str) -> None:
    """Refuse variables and secrets that are too many, too long, or of one name."""
    names: set[str] = set()
    texts = 0
    for binding in bindings:
        name = binding["name"]
        if not isinstance(name, str) or not _VARIABLE_NAME.fullmatch(name):
            raise Refusal(f"{name!r} is not a valid binding name.", code=INVALID_UPLOAD)
        if name in names:
            raise Refusal(f"Binding name '{name}' already in use.", code=INVALID_UPLOAD)
        names.add(name)
        if binding["type"] in ("plain_text", "secret_text", "json"):
            texts += 1
            check_text(name, binding.get("text", json.dumps(binding.get("json"))))
    if texts > VARIABLES[plan]:
        raise Refusal(
            f"{texts} variables exceed the limit of {VARIABLES[plan]}.", code=INVALID_UPLOAD
        )


def check_text(name: str, text: object) -> None:
    """Refuse a variable or secret that is no text, or over 5 KB."""
    if not isinstance(text, str):
        raise Refusal(f"Binding '{name}' has no text.", code=INVALID_UPLOAD)
    if len(text.encode()) > VARIABLE_BYTES:
        raise Refusal(
            f"Binding '{name}' exceeds the size limit of {VARIABLE_BYTES} bytes.",
            code=INVALID_UPLOAD,
        )


def cut(text: str, limit: int) -> str:
    """Return as much of a text as fits into `limit` bytes."""
    return text.encode()[:limit].decode("utf-8", "ignore")
