"""Codes sets of scored items compactly: scores first, then the ids as differences.

Score s of a row whose largest is m is stored as round(top * sqrt(s / m)), so that small scores
keep their order (square-root companding); ids ascend, so only their differences are stored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Rows, Sets
from control_plane.tables import varints, zigzag

#: A row's largest score m is stored as round((log2 m + 32) * 1024): 0.03 % steps, 2^-32 to 2^32.
SCALE_STEPS = 1024
SCALE_OFFSET = 32

Blob = tuple[NDArray[np.uint8], NDArray[np.int64]]  # bytes of all rows, and bytes per row


def renumber(rows: Rows, place: NDArray[np.int64], order: NDArray[np.int64]) -> Rows:
    """Return rows in numbering order with renumbered items, each row's items ascending."""
    lengths = np.diff(rows.indptr)
    owner = place[np.repeat(np.arange(len(lengths)), lengths)]
    items = place[rows.items]
    sort = np.lexsort((items, owner))
    indptr = np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)
    return Rows(indptr, items[sort].astype(np.int32), rows.scores[sort])


def renumber_items(sets: Sets | Rows, place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sort that makes each row's renumbered items ascend."""
    owner = np.repeat(np.arange(len(sets.indptr) - 1), np.diff(sets.indptr))
    return np.lexsort((place[sets.items], owner))


def code_ids(indptr: NDArray[np.int64], items: NDArray[np.int64], own: bool) -> Blob:
    """Return ascending ids as varint differences.

    With `own`, a row's first id is the zigzag difference from the row's own number, since
    neighbours stand near; else it is the id itself.
    """
    lengths = np.diff(indptr)
    first = indptr[:-1][lengths > 0]
    deltas = np.zeros(len(items), dtype=np.int64)
    deltas[1:] = items[1:] - items[:-1] - 1
    start = items[first].astype(np.int64)
    deltas[first] = zigzag(start - np.flatnonzero(lengths > 0)) if own else start
    coded, sizes = varints(deltas)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    return np.frombuffer(coded, dtype=np.uint8), ends[indptr[1:]] - ends[indptr[:-1]]


def row_maxima(indptr: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return each row's largest score, 0 for an empty row, float64 (rows,)."""
    lengths = np.diff(indptr)
    out = np.zeros(len(lengths))
    if len(scores):
        out[lengths > 0] = np.maximum.reduceat(scores, indptr[:-1][lengths > 0])
    return out


def compand(indptr: NDArray[np.int64], scores: NDArray[np.float32], top: int) -> NDArray[np.uint8]:
    """Return scores as whole numbers from 1 to `top` (255 or 15)."""
    maxima = np.repeat(row_maxima(indptr, scores), np.diff(indptr))
    return np.clip(np.rint(top * np.sqrt(scores / maxima)), 1, top).astype(np.uint8)


def code_scale(maxima: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return row maxima on the logarithmic scale; 0 for an empty row."""
    safe = np.log2(np.where(maxima > 0, maxima, 1.0))
    coded = np.clip(np.rint((safe + SCALE_OFFSET) * SCALE_STEPS), 1, 65535)
    return np.where(maxima > 0, coded, 0).astype(np.uint16)


def nibbles(indptr: NDArray[np.int64], values: NDArray[np.uint8]) -> Blob:
    """Pack 4-bit values two to a byte, low half first; each row starts a new byte."""
    lengths = np.diff(indptr)
    sizes = (lengths + 1) // 2
    starts = np.concatenate([[0], np.cumsum(sizes)])
    within = np.arange(len(values)) - np.repeat(indptr[:-1], lengths)
    target = np.repeat(starts[:-1], lengths) + within // 2
    out = np.zeros(int(starts[-1]), dtype=np.uint8)
    np.bitwise_or.at(out, target, values << ((within % 2) * 4).astype(np.uint8))
    return out, sizes


def interleave(parts: list[Blob]) -> Blob:
    """Return rows made of each part's row in turn."""
    sizes = np.sum([lengths for _, lengths in parts], axis=0).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    out = np.zeros(int(starts[-1]), dtype=np.uint8)
    cursor = starts[:-1].copy()
    for data, lengths in parts:
        own = np.concatenate([[0], np.cumsum(lengths)])[:-1]
        out[np.arange(len(data)) + np.repeat(cursor - own, lengths)] = data
        cursor += lengths
    return out, sizes
