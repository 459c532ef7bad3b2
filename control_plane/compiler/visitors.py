"""Visitor values: rows for known visitors, by ascending 48 bits of their key."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.rows import (
    Blob,
    code_ids,
    compand,
    interleave,
    nibbles,
    renumber_items,
)
from control_plane.compiler.values import Value, cut, make_value
from control_plane.models.artifacts import Sets, Visitors
from control_plane.tables import pack

#: key (4 + 2), offset, segment, three counts.
FIXED_BYTES = 4 + 2 + 2 + 1 + 3


def visitor_values(
    visitors: Visitors, place: NDArray[np.int64], key_id: str
) -> tuple[NDArray[np.uint32], Iterator[Value]]:
    """Return the first key's upper 32 bits of each value (c,), and the values in turn.

    A visitor's row is 4-bit scores, ids of recommendations, ids bought, ids seen; the segment
    column holds the segment's number + 1, 0 for none. 48 bits of the 64-bit key are kept: among
    a million rows, 4 in a billion strangers would meet somebody's.
    """
    data, sizes = _code(visitors, place)
    cuts = cut(sizes + FIXED_BYTES)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    high = (visitors.keys >> np.uint64(32)).astype(np.uint32)
    low = ((visitors.keys >> np.uint64(16)) & np.uint64(0xFFFF)).astype(np.uint16)
    counts = {
        "item_count": np.diff(visitors.rows.indptr).astype(np.uint8),
        "bought_count": np.diff(visitors.bought.indptr).astype(np.uint8),
        "seen_count": np.diff(visitors.seen.indptr).astype(np.uint8),
    }

    def values() -> Iterator[Value]:
        for start, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            packed = pack(
                "visitors",
                {"key_id": key_id, "count": stop - start},
                {
                    "high": high[start:stop],
                    "low": low[start:stop],
                    "row_at": (ends[start : stop + 1] - ends[start]).astype(np.uint16),
                    "segment": (visitors.segment[start:stop] + 1).astype(np.uint8),
                    **{name: count[start:stop] for name, count in counts.items()},
                    "rows": data[ends[start] : ends[stop]],
                },
            )
            yield make_value("visitors", "u", packed)

    return high[cuts[:-1]], values()


def _code(visitors: Visitors, place: NDArray[np.int64]) -> Blob:
    rows = visitors.rows
    sort = renumber_items(rows, place)
    scores = compand(rows.indptr, rows.scores, 15)[sort]
    return interleave(
        [
            nibbles(rows.indptr, scores),
            code_ids(rows.indptr, place[rows.items][sort], own=False),
            _code_set(visitors.bought, place),
            _code_set(visitors.seen, place),
        ]
    )


def _code_set(sets: Sets, place: NDArray[np.int64]) -> Blob:
    return code_ids(sets.indptr, place[sets.items][renumber_items(sets, place)], own=False)
