"""Codes rows of scored items for a value: 8-bit scores, then ids as gaps (rows.py, gaps.py)."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import SPARE_BYTES, Blob, interleave
from control_plane.compiler.gaps import GapCode, code_gaps, fit_code, tally_gaps
from control_plane.compiler.rows import SCALE_STEPS, code_scale, compand, outward_gaps, row_maxima
from control_plane.models.artifacts import Rows
from control_plane.tables import Column


class CodedRows(msgspec.Struct, frozen=True):
    """All rows: bytes, where each row's start (n + 1,), counts and maxima (n,), the gaps' code."""

    data: NDArray[np.uint8]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]
    maxima: NDArray[np.float64]
    code: GapCode


def code_rows(rows: Rows) -> CodedRows:
    """Return rows that `renumber` made, coded; an empty row takes no bytes."""
    count = len(rows.indptr) - 1
    gaps, left = outward_gaps(rows)
    code = fit_code(tally_gaps(gaps, int(gaps.sizes().max(initial=0))))
    scores: Blob = compand(rows.indptr, rows.scores, 255), np.diff(rows.indptr)
    data, sizes = interleave([scores, code_gaps(gaps, code, count, left)])
    ends = np.concatenate([[0], np.cumsum(sizes)])
    return CodedRows(data, ends, np.diff(rows.indptr), row_maxima(rows.indptr, rows.scores), code)


def number_bits(coded: CodedRows) -> int:
    """Return the bits of a row's size, count and scale."""
    columns = [np.diff(coded.ends), coded.counts, code_scale(coded.maxima)[1]]
    spans = [int(np.ptp(column)) for column in columns if len(column)]
    return sum(span.bit_length() for span in spans)


def row_columns(
    coded: CodedRows, rows: NDArray[np.int64]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]], dict[str, Column]]:
    """Return header, numbers and columns of `rows` (ascending; those left out are empty)."""
    low, scale = code_scale(coded.maxima[rows])
    numbers = {
        "row_size": np.diff(coded.ends)[rows],
        "row_count": coded.counts[rows],
        "row_scale": scale,
    }
    start, stop = (coded.ends[rows[0]], coded.ends[rows[-1] + 1]) if len(rows) else (0, 0)
    header = {"scale": low, "steps": SCALE_STEPS, "sizes": coded.code.lengths.shape[1]}
    data = coded.data[start:stop].tobytes() + bytes(SPARE_BYTES)
    return header, numbers, {"code": coded.code.packed(), "rows": data}
