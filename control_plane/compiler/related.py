"""Values of the rows that an item has beside its neighbours, one table a kind: also bought, …

Only shelves that ask for a kind read them, so they stand in values of their own. Those are cut
where item values are, wherever that fills them: then the edge knows from an SKU's item value, which
it has not read yet, where the other rows are, and reads both at once.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import number_columns
from control_plane.compiler.coded import code_rows, number_bits, row_columns
from control_plane.compiler.values import TARGET_BYTES, Value, cut, make_values
from control_plane.models.artifacts import Rows
from control_plane.tables import pack


def related_values(
    rows: Rows, item_cuts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[Value]]:
    """Return the first item number of each value (v,), and the values, of rows in numbering order.

    Items without a row take no room; a kind without any row has no value.
    """
    coded = code_rows(rows)
    if not len(coded.data):
        return np.zeros(0, dtype=np.int64), []
    filled = coded.counts > 0
    # A filled row says how many empty ones come before it, in 16 bits at most.
    fixed = (16 + number_bits(coded) + 7) // 8
    sizes = np.where(filled, np.diff(coded.ends) + fixed, 0)

    def packed(start: int, stop: int) -> bytes:
        there = start + np.flatnonzero(filled[start:stop])
        header, numbers, columns = row_columns(coded, there)
        empty = there - start - np.arange(len(there))
        shapes, packed_numbers = number_columns({**numbers, "empty": empty})
        head = {"first": start, "count": len(there), **header, "numbers": shapes}
        return pack("related", head, {**packed_numbers, **columns})

    cuts, values = make_values("related", "r", _cut_alike(sizes, item_cuts), packed)
    return cuts[:-1], values


def _cut_alike(sizes: NDArray[np.int64], item_cuts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return cuts of runs of at most TARGET_BYTES, at `item_cuts` but inside what is larger."""
    places, filled = [0], 0
    for start, stop in pairwise(item_cuts.tolist()):
        inside = cut(sizes[start:stop]) + start
        size = int(sizes[start:stop].sum())
        if filled and filled + size > TARGET_BYTES:
            places.append(start)
            filled = 0
        places += inside[1:-1].tolist()
        # What is left of a run that was cut inside shares its last value with nothing.
        filled = TARGET_BYTES if len(inside) > 2 else filled + size
    return np.array([*places, len(sizes)], dtype=np.int64)
