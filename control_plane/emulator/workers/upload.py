"""Reads an upload: a form of one JSON part that describes the version, and its modules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from control_plane.deploy.modules import Kind, Module
from control_plane.emulator.call import Part
from control_plane.emulator.limits import Refusal
from control_plane.emulator.workers import limits
from control_plane.emulator.workers.limits import INVALID_UPLOAD
from control_plane.emulator.workers.records import Version, new_id

#: How workerd reads a module, by its part's type.
KINDS: Mapping[str, Kind] = {
    "application/javascript+module": "esModule",
    "text/javascript+module": "esModule",
    "application/javascript": "esModule",
    "text/javascript": "esModule",
    "text/plain": "text",
    "application/octet-stream": "data",
}
#: What is kept of the version before when an upload names nothing to keep.
KEPT_BY_DEFAULT = ("secret_text", "secret_key")
#: Bindings that the local edge can serve, and `inherit`, which stands for the one before.
BINDINGS = ("plain_text", "secret_text", "json", "kv_namespace", "inherit")
#: What a worker that names no compatibility date gets.
OLDEST_DATE = "2021-11-02"
SOURCE_MAP = "application/source-map"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON part `metadata`; what the local edge has no use for is read over."""

    main_module: str = ""
    body_part: str = ""
    bindings: list[dict[str, Any]] = []
    keep_bindings: list[str] | None = None
    compatibility_date: str = OLDEST_DATE
    compatibility_flags: list[str] = []
    annotations: dict[str, str | None] | None = None
    migrations: Any = None
    assets: Any = None
    observability: dict[str, Any] | None = None
    logpush: bool | None = None
    tags: list[str] | None = None
    tail_consumers: list[dict[str, Any]] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What belongs to the worker and to no version."""
        said = {name: getattr(self, name) for name in SETTINGS}
        return {name: value for name, value in said.items() if value is not None}


SETTINGS = ("observability", "logpush", "tags", "tail_consumers")


class Upload(msgspec.Struct, frozen=True):
    """What a form holds, checked; `modules` has the main one first."""

    metadata: Metadata
    modules: tuple[Module, ...]


def read_upload(parts: Sequence[Part], plan: str) -> Upload:
    """Return what a form holds; refuse it as the platform would, or what is not supported here."""
    metadata = _metadata(parts)
    _refuse_unsupported(metadata)
    # Clients in Python send every module as a part `files`; its file name counts, then.
    modules = {
        part.filename or part.name: _module(part)
        for part in parts
        if part.name != "metadata" and part.content_type != SOURCE_MAP
    }
    main = modules.pop(metadata.main_module, None)
    if main is None:
        raise Refusal(f'No such module "{metadata.main_module}".', code=INVALID_UPLOAD)
    _check_date(metadata.compatibility_date)
    found = (main, *modules.values())
    limits.check_size(found, plan)
    return Upload(metadata, found)


def bindings_of(
    metadata: Metadata, before: Sequence[dict[str, Any]], plan: str, *, strict: bool
) -> tuple[dict[str, Any], ...]:
    """Return a new version's bindings: its own, those inherited, and those kept.

    `before` are those of the version before. Strictly, an inherited one must be among them.
    """
    old = {binding["name"]: binding for binding in before}
    found: list[dict[str, Any]] = []
    for binding in metadata.bindings:
        if binding.get("type") not in BINDINGS or not isinstance(binding.get("name"), str):
            raise Refusal(
                f"binding {binding.get('name')} has the type {binding.get('type')!r}, which the "
                f"local API does not serve: {', '.join(BINDINGS)}.",
                code=INVALID_UPLOAD,
            )
        if binding["type"] != "inherit":
            found.append(binding)
            continue
        inherited = old.get(binding.get("old_name", binding["name"]))
        if inherited is not None:
            found.append({**inherited, "name": binding["name"]})
        elif strict:
            words = f"inherit binding '{binding['name']}' is invalid: it has no previous version"
            raise Refusal(words, code=limits.NO_SUCH_INHERITED)
    named = {binding["name"] for binding in found}
    kept = KEPT_BY_DEFAULT if metadata.keep_bindings is None else metadata.keep_bindings
    found += [one for one in before if one["type"] in kept and one["name"] not in named]
    limits.check_bindings(found, plan)
    return tuple(found)


def new_version(
    upload: Upload, bindings: tuple[dict[str, Any], ...], number: int, now: float, source: str
) -> Version:
    """Return the version that an upload makes."""
    etag = hashlib.sha256(b"\0".join(module.source for module in upload.modules)).hexdigest()
    return Version(
        id=new_id(),
        number=number,
        created=now,
        source=source,
        main_module=upload.metadata.main_module,
        compatibility_date=upload.metadata.compatibility_date,
        compatibility_flags=tuple(upload.metadata.compatibility_flags),
        bindings=bindings,
        annotations=_annotations(upload.metadata),
        etag=etag,
    )


def _annotations(metadata: Metadata) -> dict[str, str]:
    said = metadata.annotations or {}
    message, tag = said.get("workers/message") or "", said.get("workers/tag") or ""
    if len(tag.encode()) > limits.TAG_BYTES:
        words = f"The tag {tag[:20]}… exceeds the limit of {limits.TAG_BYTES} bytes."
        raise Refusal(words, code=INVALID_UPLOAD)
    named = {
        "workers/message": limits.cut(message, limits.MESSAGE_BYTES),
        "workers/tag": tag,
        "workers/triggered_by": "upload",
    }
    return {name: text for name, text in named.items() if text}


def _metadata(parts: Sequence[Part]) -> Metadata:
    given = [part for part in parts if part.name == "metadata"]
    if not given:
        raise Refusal("the form has no part 'metadata'", code=INVALID_UPLOAD)
    try:
        return msgspec.json.decode(given[0].content, type=Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"invalid metadata: {error}", code=INVALID_UPLOAD) from error


def _refuse_unsupported(metadata: Metadata) -> None:
    if metadata.body_part:
        raise Refusal(
            "The local API takes workers of ES modules only: name a main_module.",
            code=INVALID_UPLOAD,
        )
    for name in ("migrations", "assets"):
        if getattr(metadata, name):
            raise Refusal(
                f"The local API does not take {name}: it serves no Durable Objects or assets.",
                code=INVALID_UPLOAD,
            )


def _module(part: Part) -> Module:
    kind = KINDS.get(part.content_type)
    name = part.filename or part.name
    if kind is None:
        raise Refusal(
            f"module {name!r} has the type {part.content_type!r}, which the local API does not "
            f"serve: {', '.join(KINDS)}.",
            code=INVALID_UPLOAD,
        )
    return Module(name, kind, part.content)


def _check_date(text: str) -> None:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Refusal(f"Invalid compatibility date: {text!r}", code=INVALID_UPLOAD) from error
    if day > datetime.now(UTC).date():
        raise Refusal(f"Can't set compatibility date in the future: {text}", code=INVALID_UPLOAD)
