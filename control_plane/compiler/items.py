"""Item values: neighbour rows and cards of items that belong together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.cards import Cards, card_columns
from control_plane.compiler.rows import Blob, code_ids, code_scale, compand, interleave, row_maxima
from control_plane.compiler.values import Value, cut, make_value
from control_plane.hashing import Lanes
from control_plane.models.artifacts import Rows
from control_plane.tables import pack

#: Bytes an item costs beside its row's payload and its card: key, place, offset, count, scale.
FIXED_BYTES = 4 + 2 + 2 + 1 + 2


def code_neighbours(rows: Rows) -> Blob:
    """Return each row as its 8-bit scores, then its ids."""
    scores = compand(rows.indptr, rows.scores, 255), np.diff(rows.indptr)
    return interleave([scores, code_ids(rows.indptr, rows.items.astype(np.int64), own=True)])


def item_values(
    rows: Rows, cards: Cards, lanes: Lanes
) -> tuple[NDArray[np.int64], Iterator[Value]]:
    """Return where the numbering is cut (c + 1,), and the value of each piece in turn."""
    data, sizes = code_neighbours(rows)
    cuts = cut(sizes + FIXED_BYTES + cards.size())
    ends = np.concatenate([[0], np.cumsum(sizes)])
    scale = code_scale(row_maxima(rows.indptr, rows.scores))
    counts = np.diff(rows.indptr).astype(np.uint8)

    def values() -> Iterator[Value]:
        for start, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            header, columns = card_columns(cards.take(np.arange(start, stop)))
            keys = lanes[1][start:stop]
            sort = np.argsort(keys, kind="stable")
            packed = pack(
                "items",
                {"first": start, "count": stop - start, **header},
                {
                    "key": keys[sort],
                    "place": sort.astype(np.uint16),
                    "row_at": (ends[start : stop + 1] - ends[start]).astype(np.uint16),
                    "row_count": counts[start:stop],
                    "row_scale": scale[start:stop],
                    "rows": data[ends[start] : ends[stop]],
                    **columns,
                },
            )
            yield make_value("items", "i", packed)

    return cuts, values()
