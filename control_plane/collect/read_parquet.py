"""Reads Parquet in batches; a file larger than memory is no trouble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from control_plane.collect.batch import LINE, Batch, screen, to_text
from control_plane.collect.names import their_name
from control_plane.errors import InputError

#: Few enough that even rows of long fields stay within bounds.
ROWS = 50_000
READ_AHEAD_BYTES = 1024 * 1024


def read(path: Path) -> Iterator[Batch]:
    """Yield batches of text columns; raise InputError when the file is broken or has no row.

    Columns without a plain text form (structs, binary) are left out.
    """
    try:
        yield from _batches(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"the Parquet file cannot be read: {str(error).splitlines()[0]}",
            file=path,
            remedy="It is broken or cut short; export it again.",
        ) from error


def _batches(path: Path) -> Iterator[Batch]:
    with pq.ParquetFile(path, buffer_size=READ_AHEAD_BYTES, pre_buffer=False) as file:
        total, seen = file.metadata.num_rows, 0
        if not total:
            raise InputError("the file holds no row", file=path)
        for part in file.iter_batches(batch_size=ROWS, use_threads=False):
            table = _as_text(pa.Table.from_batches([part]), seen + 1)
            clean, damaged = screen(table, path.name)
            seen += part.num_rows
            yield Batch(table=clean, rows=part.num_rows, done=seen / total, rejects=tuple(damaged))


def _as_text(table: pa.Table, first_row: int) -> pa.Table:
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = to_text(table[name])
        if column is not None:
            columns[their_name(name)] = column
    columns[LINE] = pa.array(range(first_row, first_row + table.num_rows), pa.int64())
    return pa.table(columns)
