"""Codes sets of scored items compactly: scores of few bits, and ids as gaps (gaps.py).

Score s of a row whose largest is m is stored as round(top * sqrt(s / m)), so that small scores
keep their order (square-root companding).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import Blob
from control_plane.compiler.gaps import RIGHT, START, Gaps
from control_plane.models.artifacts import Rows, Sets

#: Steps of an octave in which a row's largest score is stored: 2 % each (measured: steps of 9 %
#: cost no hit in 15,132).
SCALE_STEPS = 32


def renumber(rows: Rows, place: NDArray[np.int64], order: NDArray[np.int64]) -> Rows:
    """Return rows in numbering order with renumbered items, in coding order.

    That is outwards from the row's own number, since neighbours stand near: first those to the
    left, the nearest first, then itself and those to the right.
    """
    lengths = np.diff(rows.indptr)
    owner = place[np.repeat(np.arange(len(lengths)), lengths)]
    items = place[rows.items]
    # One number sorts by row, then side, then distance.
    turned = np.where(items < owner, owner - 1 - items, items)
    sort = np.argsort(owner * np.int64(len(order)) + turned, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)
    return Rows(indptr, items[sort].astype(np.int32), rows.scores[sort])


def outward_gaps(rows: Rows) -> tuple[Gaps, NDArray[np.int64]]:
    """Return the gaps of rows that `renumber` made, and how many of each row lead left."""
    owner = np.repeat(np.arange(len(rows.indptr) - 1), np.diff(rows.indptr))
    items = rows.items.astype(np.int64)
    right = items >= owner
    starts = np.ones(len(items), dtype=np.bool_)
    starts[1:] = (owner[1:] != owner[:-1]) | (right[1:] != right[:-1])
    before = np.where(starts, np.where(right, owner - 1, owner), np.roll(items, 1))
    gap = np.abs(items - before) - 1
    start = np.where(starts, np.where(right, RIGHT, START), -1).astype(np.int8)
    return Gaps(owner, gap, start), np.bincount(owner, ~right, len(rows.indptr) - 1).astype(
        np.int64
    )


def ascending_gaps(sets: list[Sets]) -> Gaps:
    """Return the gaps of every row's first set, then its second and so on; ids ascend."""
    count = len(sets[0].indptr) - 1
    owner = np.concatenate([np.repeat(np.arange(count), np.diff(one.indptr)) for one in sets])
    part = np.repeat(np.arange(len(sets)), [len(one.items) for one in sets])
    items = np.concatenate([one.items for one in sets]).astype(np.int64)
    sort = np.argsort(owner * len(sets) + part, kind="stable")
    owner, part, items = owner[sort], part[sort], items[sort]
    starts = np.ones(len(items), dtype=np.bool_)
    starts[1:] = (owner[1:] != owner[:-1]) | (part[1:] != part[:-1])
    before = np.where(starts, -1, np.roll(items, 1))
    return Gaps(owner, items - before - 1, np.where(starts, START, -1).astype(np.int8))


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


def code_scale(maxima: NDArray[np.float64]) -> tuple[float, NDArray[np.int64]]:
    """Return low and whole numbers: a row's maximum is about 2^(low + number / SCALE_STEPS)."""
    filled = maxima > 0
    if not filled.any():
        return 0.0, np.zeros(len(maxima), dtype=np.int64)
    octaves = np.log2(np.where(filled, maxima, maxima[filled].min()))
    low = float(octaves.min())
    return low, np.rint((octaves - low) * SCALE_STEPS).astype(np.int64)


def nibbles(indptr: NDArray[np.int64], values: NDArray[np.uint8]) -> Blob:
    """Pack 4-bit values two to a byte, low half first; each row starts a new byte."""
    lengths = np.diff(indptr)
    sizes = (lengths + 1) // 2
    starts = np.concatenate([[0], np.cumsum(sizes)])
    within = np.arange(len(values)) - np.repeat(indptr[:-1], lengths)
    target = np.repeat(starts[:-1], lengths) + within // 2
    out = np.zeros(int(starts[-1]), dtype=np.uint8)
    np.add.at(out, target, values << ((within % 2) * 4).astype(np.uint8))
    return out, sizes


def in_order(sets: Rows | Sets, place: NDArray[np.int64]) -> tuple[Sets, NDArray[Any]]:
    """Return renumbered rows, each one's items ascending, and the sort that made them so."""
    owner = np.repeat(np.arange(len(sets.indptr) - 1), np.diff(sets.indptr))
    items = place[sets.items]
    sort = np.argsort(owner * np.int64(max(1, len(place))) + items, kind="stable")
    return Sets(sets.indptr, items[sort].astype(np.int32)), sort
