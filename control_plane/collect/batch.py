"""What readers hand on: columns of text with line numbers, screened field by field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from control_plane.collect.report import Reject

#: Rows and bytes a batch holds at most; together they bound memory.
BATCH_ROWS = 50_000
BATCH_BYTES = 32 * 1024 * 1024

#: A longer field is no field of an event but damage, or an attack.
MAX_FIELD_BYTES = 32 * 1024

#: The column of line numbers (rows of a Parquet file count from 1).
LINE = "_line"
#: The rows' order in their file, where it is not the order of the batch.
SEQUENCE = "_sequence"
#: Columns that only Segment calls have; they are not text.
PRODUCTS, DECISION, SENT_AT = "_products", "_decision", "_sent_at"

PRODUCT_FIELDS = ("item_id", "quantity", "price", "currency", "position")
DECISION_FIELDS = (
    "id", "release", "slot", "content", "rule", "experiment", "variation", "propensity", "reason",
)  # fmt: skip
PRODUCTS_TYPE = pa.list_(pa.struct([(name, pa.string()) for name in PRODUCT_FIELDS]))
DECISION_TYPE = pa.struct([(name, pa.string()) for name in DECISION_FIELDS])


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A run of rows as text columns, with the rows that could not even be read.

    `rows` counts all of them; `done` is the share of the file that has been read.
    """

    table: pa.Table
    rows: int
    done: float
    rejects: tuple[Reject, ...] = ()
    ignored: int = 0


def to_text(column: Any) -> Any:
    """Return an Arrow column as text; None when its type has no plain text form."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return to_text(pc.cast(column, kind.value_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        if not pa.types.is_string(kind.value_type) and not pa.types.is_large_string(
            kind.value_type
        ):
            return None
        plain = pc.cast(column, pa.list_(pa.string()))
        return pc.coalesce(pc.binary_join(plain, "|"), pa.scalar(None, pa.string()))
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return None
    return pc.cast(column, pa.string())


def tidy(column: Any) -> Any:
    """Trim text; what is empty then is null."""
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def screen(table: pa.Table, file: str) -> tuple[pa.Table, list[Reject]]:
    """Take out the rows with a NUL byte or an endless field, and tidy the rest."""
    rejects: list[Reject] = []
    for name in table.column_names:
        if pa.types.is_string(table[name].type):
            for test, reason in _DAMAGES:
                table, taken = _take_out(table, name, test)
                rejects += [Reject(file=file, line=x, field=name, reason=reason) for x in taken]
    return _tidied(table), rejects


def _has_nul(column: Any) -> Any:
    return pc.match_substring(column, "\0")


def _is_endless(column: Any) -> Any:
    return pc.greater(pc.binary_length(column), MAX_FIELD_BYTES)


_DAMAGES: tuple[tuple[Callable[[Any], Any], str], ...] = (
    (_has_nul, "contains a NUL byte"),
    (_is_endless, f"longer than {MAX_FIELD_BYTES} bytes"),
)


def _take_out(table: pa.Table, name: str, test: Callable[[Any], Any]) -> tuple[pa.Table, list[int]]:
    failing = pc.fill_null(test(table[name]), False)
    if not pc.any(failing).as_py():
        return table, []
    return table.filter(pc.invert(failing)), table.filter(failing)[LINE].to_pylist()


def _tidied(table: pa.Table) -> pa.Table:
    columns = [
        tidy(table[name]) if pa.types.is_string(table[name].type) else table[name]
        for name in table.column_names
    ]
    return pa.table(columns, names=table.column_names)
