"""Puts an event's circumstances into one map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def without_query(column: Any) -> Any:
    """Return addresses without query and fragment, which may hold anything, people's names too."""
    return pc.replace_substring_regex(column, r"[?#].*", "")


def context_map(columns: dict[str, Any], rows: int) -> Any:
    """Return a map column of the named text columns; what is null has no entry."""
    if not columns:
        empty = pa.array([], pa.string())
        return pa.MapArray.from_arrays(pa.array(np.zeros(rows + 1, np.int32)), empty, empty)
    there = np.column_stack(
        [pc.is_valid(column).to_numpy(zero_copy_only=False) for column in columns.values()]
    )
    offsets = np.concatenate(([0], np.cumsum(there.sum(axis=1)))).astype(np.int32)
    row, column = np.nonzero(there)
    names = pa.DictionaryArray.from_arrays(pa.array(column, pa.int32()), pa.array(list(columns)))
    values = pa.chunked_array([*columns.values()]).combine_chunks()
    chosen = pc.take(values, pa.array(column * rows + row))
    return pa.MapArray.from_arrays(pa.array(offsets), pc.cast(names, pa.string()), chosen)
