"""A mapping: how the columns of somebody else's file become ours (docs/ingest.md)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from control_plane.collect.names import EVENT_FIELDS, ITEM_FIELDS
from control_plane.errors import InputError, suggest

FIELDS = tuple(dict.fromkeys((*EVENT_FIELDS, *ITEM_FIELDS)))
Texts = str | tuple[str, ...]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all parts of a mapping: unknown keys are errors."""


class FileOptions(Part, frozen=True):
    """How a CSV file is written; the delimiter is found when left out."""

    encoding: str = "utf-8"
    delimiter: str | None = None


class FieldFormat(Part, frozen=True):
    """How a field's text reads: strptime patterns and time zone, or a number's signs."""

    pattern: Texts | None = None
    timezone: str | None = None
    decimal: str = "."
    thousands: str = ""


class When(Part, frozen=True):
    """Which rows are something else: all conditions given must hold for `column` of the file.

    The first rule that holds gives the row an event name, rejects or ignores it; `negate` turns
    the sign of number fields.
    """

    column: str
    prefix: Texts | None = None
    regex: str | None = None
    less_than: float | None = None
    equals: Texts | None = None
    empty: bool | None = None
    event: str | None = None
    reject: bool | str = False
    ignore: bool = False
    negate: tuple[Literal["quantity", "price"], ...] = ()


class Mapping(Part, frozen=True):
    """What stands in a file given with --map; an empty one changes nothing."""

    kind: Literal["events", "items"] | None = None
    file: FileOptions = FileOptions()
    columns: dict[str, Texts] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    formats: dict[str, FieldFormat] = {}
    when: tuple[When, ...] = ()
    unused: tuple[str, ...] = ()


_OUTCOMES = ("event", "reject", "ignore", "negate")
_CONDITIONS = ("prefix", "regex", "less_than", "equals", "empty")


def load_mapping(file: Path) -> Mapping:
    """Read and check a mapping; raise InputError with file, key and a suggestion."""
    raw = _parse(file)
    if not isinstance(raw, dict):
        raise InputError("a mapping is a table of keys", file=file)
    _refuse_unknown(raw, file)
    try:
        mapping = msgspec.convert(_as_text(raw), Mapping, strict=False)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        raise InputError(
            problem,
            file=file,
            field=place.strip("`")[2:],
            remedy="See docs/ingest.md.",
        ) from error
    _check(mapping, file)
    return mapping


def texts(value: Texts | None) -> tuple[str, ...]:
    """Return one or several texts as several."""
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _parse(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError("no such mapping", file=file) from error
    except UnicodeDecodeError as error:
        raise InputError("a mapping is written in UTF-8", file=file) from error
    try:
        if file.suffix.lower() in (".yaml", ".yml"):
            return YAML(typ="safe", pure=True).load(text) or {}
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not valid TOML: {error}", file=file) from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(f"not valid YAML: {error.problem}", file=file, line=line) from error
    except YAMLError as error:
        raise InputError(f"not valid YAML: {error}", file=file) from error


def _as_text(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the raw mapping with numbers and truth values as the text of files."""
    out = dict(raw)
    if isinstance(raw.get("constants"), dict):
        out["constants"] = {k: _text(v) for k, v in raw["constants"].items()}
    if isinstance(raw.get("values"), dict):
        out["values"] = {
            field: {_text(k): _text(v) for k, v in table.items()}
            if isinstance(table, dict)
            else table
            for field, table in raw["values"].items()
        }
    return out


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _refuse_unknown(raw: dict[str, Any], file: Path) -> None:
    _known(raw, Mapping.__struct_fields__, file, "")
    _known(raw.get("file"), FileOptions.__struct_fields__, file, "file.")
    for part in ("columns", "constants", "values", "formats"):
        _known(raw.get(part), FIELDS, file, f"{part}.")
    formats = raw.get("formats")
    for field, table in formats.items() if isinstance(formats, dict) else ():
        _known(table, FieldFormat.__struct_fields__, file, f"formats.{field}.")
    rules = raw.get("when")
    for place, rule in enumerate(rules if isinstance(rules, list) else []):
        _known(rule, When.__struct_fields__, file, f"when[{place}].")


def _known(table: Any, known: tuple[str, ...], file: Path, prefix: str) -> None:
    for key in table if isinstance(table, dict) else ():
        if key not in known:
            raise InputError(
                "unknown key",
                file=file,
                field=f"{prefix}{key}",
                remedy=suggest(str(key), list(known)),
            )


def _check(mapping: Mapping, file: Path) -> None:
    for field in mapping.constants:
        if field in mapping.columns:
            raise InputError(
                "the field has both a column and a constant",
                file=file,
                field=f"constants.{field}",
                remedy="Keep one of the two.",
            )
    try:
        plain = "a\n".encode(mapping.file.encoding) == b"a\n"
    except LookupError as error:
        raise InputError("no such encoding", file=file, field="file.encoding") from error
    if not plain:
        remedy = "Save the file as UTF-8."
        raise InputError(
            "cannot read this encoding", file=file, field="file.encoding", remedy=remedy
        )
    if mapping.file.delimiter is not None and len(mapping.file.delimiter) != 1:
        raise InputError("a delimiter is one character", file=file, field="file.delimiter")
    for field, form in mapping.formats.items():
        _check_format(form, file, f"formats.{field}")
    for place, rule in enumerate(mapping.when):
        _check_rule(rule, file, f"when[{place}]")


def _check_format(form: FieldFormat, file: Path, place: str) -> None:
    for pattern in texts(form.pattern):
        try:
            duckdb.execute("SELECT try_strptime('', ?)", [pattern]).fetchall()
        except duckdb.Error as error:
            raise InputError(
                f"{pattern!r} is not a strptime pattern",
                file=file,
                field=f"{place}.pattern",
                remedy="For example '%d/%m/%Y %H:%M:%S'.",
            ) from error
    if form.timezone is not None:
        try:
            ZoneInfo(form.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InputError(
                f"{form.timezone!r} is not a time zone",
                file=file,
                field=f"{place}.timezone",
                remedy="Use a name such as 'Europe/Paris' or 'UTC'.",
            ) from error


def _check_rule(rule: When, file: Path, place: str) -> None:
    if all(getattr(rule, name) is None for name in _CONDITIONS):
        remedy = f"Give one of {', '.join(_CONDITIONS)}."
        raise InputError("the rule has no condition", file=file, field=place, remedy=remedy)
    if not any(getattr(rule, name) for name in _OUTCOMES):
        remedy = f"Give one of {', '.join(_OUTCOMES)}."
        raise InputError("the rule does nothing", file=file, field=place, remedy=remedy)
    if sum(bool(getattr(rule, name)) for name in ("event", "reject", "ignore")) > 1:
        remedy = "Keep one of event, reject, ignore."
        raise InputError("the rule has two outcomes", file=file, field=place, remedy=remedy)
    if rule.regex is not None:
        try:
            duckdb.execute("SELECT regexp_matches('', ?)", [rule.regex]).fetchall()
        except duckdb.Error as error:
            first = re.sub(r"^\w+ Input Error: ", "", str(error).splitlines()[0])
            raise InputError(
                f"not a regular expression: {first}", file=file, field=f"{place}.regex"
            ) from error
