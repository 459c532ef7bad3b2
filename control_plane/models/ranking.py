"""The best few of each sparse row, with ties settled by item number: same input, same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.artifacts import Rows

#: Cells that a dense scratch block may have (8 bytes each).
_SCRATCH_CELLS = 2_000_000

#: Rows this many times longer than wanted are cut before they are sorted.
_LONG = 8

#: The bits of a 32-bit float above every finite one.
_HIGHEST = np.int32(0x7F800000)


def top_per_row(matrix: Any, limit: int) -> Rows:
    """Return the `limit` highest positive entries of each row of a CSR matrix, best first."""
    data = np.asarray(matrix.data)
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    kept = np.flatnonzero((data > 0) & (data >= _thresholds(matrix, limit)[row]))
    scores = data[kept].astype(np.float32)
    # Positive floats order as their bits do: one number ranks by score, then item.
    rank = (_HIGHEST - scores.view(np.int32)).astype(np.int64) << 32 | matrix.indices[kept]
    indptr = np.append(0, np.cumsum(np.bincount(row[kept], minlength=matrix.shape[0])))
    ranked = sparse.csr_matrix((scores, rank, indptr), shape=(matrix.shape[0], 1 << 62))
    ranked.sort_indices()
    place = np.arange(len(kept)) - indptr[row[kept]]
    best = (place < limit) & (ranked.data > 0)
    lengths = np.bincount(row[kept][best], minlength=matrix.shape[0])
    items = (ranked.indices[best].astype(np.int64) & 0xFFFFFFFF).astype(np.int32)
    return Rows(np.append(0, np.cumsum(lengths)), items, ranked.data[best])


def reminder_scale(rows: Rows) -> float:
    """Return the median of the rows' highest scores, 0 when every row is empty."""
    filled = np.flatnonzero(np.diff(rows.indptr))
    return float(np.median(rows.scores[rows.indptr[filled]])) if len(filled) else 0.0


def best_of_rows(rows: Rows, limit: int) -> Rows:
    """Return the `limit` best of each row."""
    lengths = np.diff(rows.indptr)
    kept = np.arange(len(rows.items)) - np.repeat(rows.indptr[:-1], lengths) < limit
    indptr = np.append(0, np.cumsum(np.minimum(lengths, limit))).astype(np.int64)
    return Rows(indptr, rows.items[kept], rows.scores[kept])


def distinct_items(rows: Rows) -> Rows:
    """Return rows in which each item stands once, where it scores best."""
    row = np.repeat(np.arange(len(rows.indptr) - 1), np.diff(rows.indptr))
    cells = row * np.int64(rows.items.max(initial=0) + 1) + rows.items
    kept = np.zeros(len(cells), dtype=np.bool_)
    kept[np.unique(cells, return_index=True)[1]] = True
    return Rows(np.append(0, np.cumsum(kept))[rows.indptr], rows.items[kept], rows.scores[kept])


def stack(blocks: Iterable[Rows]) -> Rows:
    """Join blocks of rows into one table, in the order given."""
    parts = list(blocks)
    lengths = [np.diff(part.indptr) for part in parts]
    indptr = np.append(0, np.cumsum(np.concatenate([np.zeros(0, np.int64), *lengths])))
    return Rows(
        indptr.astype(np.int64),
        np.concatenate([np.zeros(0, np.int32), *(part.items for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.scores for part in parts)]),
    )


def blocks(costs: NDArray[np.int64], budget: int) -> Iterator[tuple[int, int]]:
    """Yield consecutive ranges of rows whose costs sum to about `budget`, at least one row each."""
    total = np.cumsum(costs)
    start = 0
    while start < len(costs):
        spent = int(total[start - 1]) if start else 0
        stop = max(int(np.searchsorted(total, spent + budget, side="right")), start + 1)
        yield start, stop
        start = stop


def _thresholds(matrix: Any, limit: int) -> NDArray[np.float64]:
    """Return each long row's `limit`-th highest entry, 0 for rows that are as quickly sorted."""
    lengths = np.diff(matrix.indptr)
    thresholds = np.zeros(matrix.shape[0])
    long_rows = np.flatnonzero(lengths > _LONG * limit)
    long_rows = long_rows[np.argsort(lengths[long_rows], kind="stable")]
    start = 0
    while start < len(long_rows):
        # Rows of like length share a block, the longest deciding its width.
        stop = start + max(1, _SCRATCH_CELLS // int(lengths[long_rows[start]]))
        rows = long_rows[start:stop]
        stop = start + max(1, _SCRATCH_CELLS // int(lengths[rows[-1]]))
        rows = long_rows[start:stop]
        thresholds[rows] = _nth_highest(matrix, rows, limit)
        start += len(rows)
    return thresholds


def _nth_highest(matrix: Any, rows: NDArray[np.intp], limit: int) -> NDArray[np.float64]:
    lengths = np.diff(matrix.indptr)[rows]
    width = int(lengths.max())
    filled = np.arange(width) < lengths[:, None]
    places = matrix.indptr[:-1][rows][:, None] + np.arange(width)
    dense = np.zeros((len(rows), width))
    dense[filled] = matrix.data[places[filled]]
    return np.partition(dense, width - limit, axis=1)[:, width - limit]
