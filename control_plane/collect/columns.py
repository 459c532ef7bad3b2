"""Decides what each column of a file means, and brings batches into our columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from control_plane.collect.mapping import Mapping, texts
from control_plane.collect.names import (
    CATALOGUE_SIGNS,
    EVENT_FIELDS,
    ITEM_FIELDS,
    plain_name,
    their_name,
)
from control_plane.collect.report import UnknownColumn
from control_plane.errors import InputError, suggest

Kind = Literal["events", "items"]


class Plan(msgspec.Struct, frozen=True):
    """What a file holds: `columns` names the file's columns for each of our fields."""

    kind: Kind
    columns: dict[str, tuple[str, ...]]
    unknown: tuple[UnknownColumn, ...]


def make_plan(names: Iterable[str], mapping: Mapping, file: Path, kind: Kind | None = None) -> Plan:
    """Give each column its meaning; `kind` is set once the file's first batch has told it.

    Raises InputError when the mapping names a column that is not there, or a needed one is.
    """
    present = [name for name in names if not name.startswith("_")]
    first = kind is None
    mapped = _mapped(present, mapping, file, first)
    found = _found(present, mapping, mapped, (*EVENT_FIELDS, *ITEM_FIELDS))
    kind = kind or mapping.kind or _kind({*found, *mapping.constants})
    known = EVENT_FIELDS if kind == "events" else ITEM_FIELDS
    columns = {field: source for field, source in found.items() if field in known}
    if first and present:
        _require(kind, {*columns, *mapping.constants}, present, file)
    return Plan(kind, columns, tuple(_unknown(present, columns, mapping, known)))


def canonical(table: pa.Table, plan: Plan, mapping: Mapping) -> dict[str, Any]:
    """Return our fields' columns as text, with the mapping's values and constants applied."""
    out: dict[str, Any] = {}
    for field, sources in plan.columns.items():
        column = pc.coalesce(*(table[name] for name in sources))
        out[field] = _renamed(column, mapping.values.get(field, {}))
    for field, value in mapping.constants.items():
        if field in (EVENT_FIELDS if plan.kind == "events" else ITEM_FIELDS):
            out[field] = pa.chunked_array([pa.repeat(pa.scalar(value), table.num_rows)])
    return out


def by_value(column: Any, function: Callable[[str], Any], kind: Any = None) -> Any:
    """Apply `function` to each distinct value of a text column; nulls stay null."""
    coded = pc.dictionary_encode(one_chunk(column))
    values = [function(value) for value in coded.dictionary.to_pylist()]
    return pc.take(pa.array(values, kind or pa.string()), coded.indices)


def _renamed(column: Any, values: dict[str, str]) -> Any:
    if not values:
        return column
    return by_value(column, lambda value: values.get(value, value) or None)


def one_chunk(column: Any) -> Any:
    """Return a column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _mapped(
    present: list[str], mapping: Mapping, file: Path, strict: bool
) -> dict[str, tuple[str, ...]]:
    """Return the columns that the mapping names; a missing one is an error when strict."""
    wanted = {field: texts(names) for field, names in mapping.columns.items()}
    asked = [(f"columns.{field}", name) for field, names in wanted.items() for name in names]
    asked += [(f"when[{place}].column", rule.column) for place, rule in enumerate(mapping.when)]
    for key, name in asked:
        if strict and present and their_name(name) not in present:
            raise InputError(
                f"the file has no column {name!r}, which the mapping names",
                file=file,
                field=key,
                remedy=suggest(name, present),
            )
    there = {
        field: tuple(x for name in names if (x := their_name(name)) in present)
        for field, names in wanted.items()
    }
    return {field: names for field, names in there.items() if names}


def _found(
    present: list[str],
    mapping: Mapping,
    mapped: dict[str, tuple[str, ...]],
    known: tuple[str, ...],
) -> dict[str, tuple[str, ...]]:
    out = dict(mapped)
    taken = {name for names in mapped.values() for name in names}
    for name in sorted(present, key=lambda name: name != plain_name(name)):
        field = plain_name(name)
        settled = field in mapping.columns or field in mapping.constants
        if field in known and not settled and name not in taken and name not in mapping.unused:
            out[field] = (*out.get(field, ()), name)
    return out


def _kind(fields: set[str]) -> Kind:
    timeless = "timestamp" not in fields and "event" not in fields
    sign = any(field in fields for field in CATALOGUE_SIGNS)
    return "items" if timeless and sign and "item_id" in fields else "events"


def _require(kind: Kind, fields: set[str], present: list[str], file: Path) -> None:
    needed: list[tuple[str, ...]] = [("item_id",)]
    if kind == "events":
        needed = [("timestamp",), ("user_id", "anonymous_id", "session_id"), ("item_id", "event")]
    for choice in needed:
        if not fields & set(choice):
            raise InputError(
                f"no column {' or '.join(choice)}",
                file=file,
                line=1,
                remedy=f"The file has: {', '.join(present[:30])}. "
                "Rename columns with --map FILE (docs/ingest.md).",
            )


def _unknown(
    present: list[str],
    columns: dict[str, tuple[str, ...]],
    mapping: Mapping,
    known: tuple[str, ...],
) -> Iterable[UnknownColumn]:
    used = {name for names in columns.values() for name in names}
    used |= {their_name(rule.column) for rule in mapping.when} | set(mapping.unused)
    free = [field for field in known if field not in columns]
    for name in present:
        if name not in used and plain_name(name) not in mapping.constants:
            close = get_close_matches(plain_name(name), free, n=1, cutoff=0.6)
            yield UnknownColumn(name.strip(), close[0] if close else None)
