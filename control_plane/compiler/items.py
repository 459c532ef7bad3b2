"""Item values: neighbour rows and cards of items that belong together."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import number_columns
from control_plane.compiler.cards import Cards, card_columns
from control_plane.compiler.coded import CodedRows, code_rows, number_bits, row_columns
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


def item_values(rows: Rows, cards: Cards, lanes: Lanes) -> ItemValues:
    """Return the values of rows (as `renumber` made them) and cards in numbering order."""
    coded = code_rows(rows)
    fixed = (KEY_BITS + number_bits(coded) + 7) // 8
    sizes, card_sizes = np.diff(coded.ends) + fixed, cards.coded_size()
    apart = cards.plain() and card_sizes.mean() <= APART_BYTES if len(card_sizes) else False
    if not apart:
        sizes = sizes + card_sizes
    sizes = np.maximum(sizes, TARGET_BYTES // MAX_ITEMS + 1)

    def packed(start: int, stop: int) -> bytes:
        header, columns = _key_columns(coded, lanes, start, stop)
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


def _key_columns(
    coded: CodedRows, lanes: Lanes, start: int, stop: int
) -> tuple[dict[str, Any], dict[str, Column]]:
    salt, keys = _keys(lanes, start, stop)
    header, numbers, columns = row_columns(coded, np.arange(start, stop))
    shapes, packed = number_columns({"key": keys, **numbers})
    return {"salt": salt, "key_bits": KEY_BITS, **header, "numbers": shapes}, {**packed, **columns}


def _keys(lanes: Lanes, start: int, stop: int) -> tuple[int, NDArray[np.uint32]]:
    """Return a salt with which 24 bits of each item's hash differ, and these bits."""
    high, low = lanes[0][start:stop], lanes[1][start:stop]
    for salt in range(MAX_SALTS):
        keys = fmix32(low + high * np.uint32(salt)) >> np.uint32(32 - KEY_BITS)
        if len(np.unique(keys)) == len(keys):
            return salt, keys
    raise TableError("two items' SKUs have the same 64-bit hash; rename one of them")
