"""Item values: neighbour rows and cards of items that belong together."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import SPARE_BYTES, Blob, interleave, number_columns
from control_plane.compiler.cards import Cards, card_columns
from control_plane.compiler.gaps import GapCode, code_gaps, fit_code, tally_gaps
from control_plane.compiler.rows import SCALE_STEPS, code_scale, compand, outward_gaps, row_maxima
from control_plane.compiler.values import TARGET_BYTES, Value, cut, make_values
from control_plane.errors import TableError
from control_plane.hashing import Lanes, fmix32
from control_plane.models.artifacts import Rows
from control_plane.tables import Column, pack

#: Bits of an item's hash that tell it from others of its value.
KEY_BITS = 24
MAX_SALTS = 64
#: Items of one value at most, so that a salt is found with which all keys differ: one in three
#: does for so many.
MAX_ITEMS = 6_000

#: Cards of this many bytes or fewer stand apart from the rows: then the whole shop's are in a few
#: values, of which a shelf reads fewer than it would of those that hold rows too. Longer ones
#: stand with the rows, whose neighbours they mostly are (measured in docs/tables.md).
APART_BYTES = 12


class ItemValues(msgspec.Struct, frozen=True):
    """Where the numbering is cut (c + 1,) into values; the cards' own where they stand apart."""

    cuts: NDArray[np.int64]
    values: list[Value]
    card_cuts: NDArray[np.int64]
    card_values: list[Value]


class _Coded(msgspec.Struct, frozen=True):
    """All rows: bytes, where each row's start (n + 1,), counts and maxima (n,), the gaps' code."""

    data: NDArray[np.uint8]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]
    maxima: NDArray[np.float64]
    code: GapCode


def item_values(rows: Rows, cards: Cards, lanes: Lanes) -> ItemValues:
    """Return the values of rows (as `renumber` made them) and cards in numbering order."""
    coded = _code(rows)
    sizes, card_sizes = np.diff(coded.ends) + _fixed_bytes(coded), cards.coded_size()
    apart = cards.plain() and card_sizes.mean() <= APART_BYTES if len(card_sizes) else False
    if not apart:
        sizes = sizes + card_sizes
    sizes = np.maximum(sizes, TARGET_BYTES // MAX_ITEMS + 1)

    def packed(start: int, stop: int) -> bytes:
        header, columns = _row_columns(coded, lanes, start, stop)
        if not apart:
            more, card_part = card_columns(cards.run(start, stop))
            numbers = header["numbers"] | more["numbers"]
            header, columns = {**header, **more, "numbers": numbers}, columns | card_part
        return pack("items", {"first": start, "count": stop - start, **header}, columns)

    def packed_cards(start: int, stop: int) -> bytes:
        header, columns = card_columns(cards.run(start, stop))
        return pack("cards", {"first": start, "count": stop - start, **header}, columns)

    cuts, values = make_values("items", "i", cut(sizes), packed)
    none = np.zeros(1, dtype=np.int64)
    card_cuts, card_values = (
        make_values("cards", "c", cut(card_sizes), packed_cards) if apart else (none, [])
    )
    return ItemValues(cuts, values, card_cuts, card_values)


def _code(rows: Rows) -> _Coded:
    """Return each row as its 8-bit scores, then its ids as gaps."""
    count = len(rows.indptr) - 1
    gaps, left = outward_gaps(rows)
    code = fit_code(tally_gaps(gaps, int(gaps.sizes().max(initial=0))))
    scores: Blob = compand(rows.indptr, rows.scores, 255), np.diff(rows.indptr)
    data, sizes = interleave([scores, code_gaps(gaps, code, count, left)])
    ends = np.concatenate([[0], np.cumsum(sizes)])
    return _Coded(data, ends, np.diff(rows.indptr), row_maxima(rows.indptr, rows.scores), code)


def _fixed_bytes(coded: _Coded) -> int:
    """Return the bytes of an item's key, size, count and scale."""
    columns = [np.diff(coded.ends), coded.counts, code_scale(coded.maxima)[1]]
    spans = [int(np.ptp(column)) for column in columns if len(column)]
    return (KEY_BITS + sum(span.bit_length() for span in spans) + 7) // 8


def _row_columns(
    coded: _Coded, lanes: Lanes, start: int, stop: int
) -> tuple[dict[str, Any], dict[str, Column]]:
    salt, keys = _keys(lanes, start, stop)
    low, scale = code_scale(coded.maxima[start:stop])
    numbers, columns = number_columns(
        {
            "key": keys,
            "row_size": np.diff(coded.ends[start : stop + 1]),
            "row_count": coded.counts[start:stop],
            "row_scale": scale,
        }
    )
    rows = coded.data[coded.ends[start] : coded.ends[stop]].tobytes() + bytes(SPARE_BYTES)
    header = {
        "salt": salt,
        "key_bits": KEY_BITS,
        "scale": low,
        "steps": SCALE_STEPS,
        "sizes": coded.code.lengths.shape[1],
        "numbers": numbers,
    }
    return header, {**columns, "code": coded.code.packed(), "rows": rows}


def _keys(lanes: Lanes, start: int, stop: int) -> tuple[int, NDArray[np.uint32]]:
    """Return a salt with which 24 bits of each item's hash differ, and these bits."""
    high, low = lanes[0][start:stop], lanes[1][start:stop]
    for salt in range(MAX_SALTS):
        keys = fmix32(low + high * np.uint32(salt)) >> np.uint32(32 - KEY_BITS)
        if len(np.unique(keys)) == len(keys):
            return salt, keys
    raise TableError("two items' SKUs have the same 64-bit hash; rename one of them")
