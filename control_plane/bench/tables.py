"""What tables take: bytes by part, beside plain msgpack and the entropy of the ids."""

from __future__ import annotations

from typing import Any

import msgpack
import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from control_plane.compiler.cards import Cards
from control_plane.models.artifacts import Rows, Sets, Visitors
from control_plane.tables import unpack

#: Rows of which plain msgpack is made, to know what all would take.
SAMPLE = 5_000


class Part(msgspec.Struct, frozen=True):
    """One kind of entry: bytes each as compiled, as plain msgpack, and bits an id.

    `set_bits` is what an id of a row costs at least when any set of items is as likely as
    another; fewer are only possible because rows resemble each other.
    """

    entries: int
    ids: int
    bytes_each: float
    columns: dict[str, float]
    msgpack_each: float
    id_bits: float | None = None
    set_bits: float | None = None


def neighbour_part(rows: Rows, ids: list[str], values: list[bytes]) -> Part:
    """Return the figures of item values, cards apart."""
    columns, opened = _columns(values), [unpack(value) for value in values]
    own = ROW_COLUMNS if "n_price" in columns else (*ROW_COLUMNS, "header")
    rows_bytes = {name: size for name, size in columns.items() if name in own}
    plain = [[ids[row], items.tolist(), scores.tolist()] for row, items, scores in _sampled(rows)]
    lengths = np.diff(rows.indptr)
    count = len(lengths)
    id_bytes = columns["rows"] - len(rows.items) - 4 * len(opened)
    return Part(
        entries=count,
        ids=len(rows.items),
        bytes_each=sum(rows_bytes.values()) / count,
        columns={name: size / count for name, size in rows_bytes.items()},
        msgpack_each=_mean_size(plain),
        id_bits=8 * id_bytes / len(rows.items),
        set_bits=_set_bits(lengths, count),
    )


def card_part(cards: Cards, values: list[bytes]) -> Part:
    """Return the figures of cards, wherever they stand."""
    sizes = {name: size for name, size in _columns(values).items() if name not in ROW_COLUMNS}
    count = len(cards.sku)
    step = max(1, count // SAMPLE)
    plain = [
        [_plain(getattr(cards, name)[row]) for name in cards.__struct_fields__]
        for row in range(0, count, step)
    ]
    return Part(
        entries=count,
        ids=0,
        bytes_each=sum(sizes.values()) / count,
        columns={name: size / count for name, size in sizes.items()},
        msgpack_each=_mean_size(plain),
    )


def visitor_part(visitors: Visitors, items: int, values: list[bytes]) -> Part:
    """Return the figures of visitor values."""
    columns = _columns(values)
    count = len(visitors.keys)
    plain = [
        [
            int(visitors.keys[row]),
            int(visitors.segment[row]),
            chosen.tolist(),
            scores.tolist(),
            _row(visitors.bought, row).tolist(),
        ]
        for row, chosen, scores in _sampled(visitors.rows)
    ]
    pointers = [visitors.rows.indptr, visitors.bought.indptr, visitors.seen.indptr]
    lengths = np.concatenate([np.diff(indptr) for indptr in pointers])
    ids = int(lengths.sum())
    nibbles = int(((np.diff(visitors.rows.indptr) + 1) // 2).sum())
    return Part(
        entries=count,
        ids=ids,
        bytes_each=sum(columns.values()) / count,
        columns={name: size / count for name, size in columns.items()},
        msgpack_each=_mean_size(plain),
        id_bits=8 * (columns["rows"] - nibbles) / ids,
        set_bits=_set_bits(lengths, items),
    )


#: Columns of an item value that are no card's; what stands around columns counts as `header`.
ROW_COLUMNS = ("rows", "code", "n_key", "n_row_size", "n_row_count", "n_row_scale")


def _columns(values: list[bytes]) -> dict[str, int]:
    """Return the bytes of each column over all values, and of what stands around them."""
    totals: dict[str, int] = {"header": 0}
    for value in values:
        columns = {name: len(c) for name, c in unpack(value).items() if isinstance(c, bytes)}
        for name, size in columns.items():
            totals[name] = totals.get(name, 0) + size
        totals["header"] += len(value) - sum(columns.values())
    return totals


def _set_bits(lengths: NDArray[np.int64], items: int) -> float:
    """Return log2 of how many sets of these sizes there are among `items`, an id."""
    nats = gammaln(items + 1) - gammaln(lengths + 1) - gammaln(items - lengths + 1)
    return float(nats.sum() / np.log(2) / max(1, lengths.sum()))


def _sampled(rows: Rows) -> list[tuple[int, NDArray[Any], NDArray[Any]]]:
    count = len(rows.indptr) - 1
    places = range(0, count, max(1, count // SAMPLE))
    return [
        (row, _row(rows, row), rows.scores[rows.indptr[row] : rows.indptr[row + 1]])
        for row in places
    ]


def _row(sets: Rows | Sets, row: int) -> NDArray[Any]:
    return sets.items[sets.indptr[row] : sets.indptr[row + 1]]


def _mean_size(entries: list[list[Any]]) -> float:
    """Return the mean bytes as msgpack lists, scores as 32-bit floats."""
    packer = msgpack.Packer(use_single_float=True)
    return sum(len(packer.pack(entry)) for entry in entries) / max(1, len(entries))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
