"""Overlay values: stock and prices by item, erased visitors; true of every release.

A run of hashes is cut by their leading bits, a piece in two where it would grow too large: so a
change of one item changes one value, and the others stay what locations already have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.cards import NO_PRICE
from control_plane.compiler.values import TARGET_BYTES, Value, make_value
from control_plane.errors import InputError
from control_plane.tables import column, pack, unpack

#: What an entry's flags say; the upper five bits are the place of its currency, 0 for the card's.
SOLD_OUT, AVAILABLE, PRICED = 1, 2, 4
CURRENCY_SHIFT = 3
MAX_CURRENCIES = 31

STOCK_BYTES, ERASED_BYTES = 4 + 4 + 4 + 1, 4 + 2


class Stock(msgspec.Struct, frozen=True):
    """Entries by ascending hash of their SKU: keys uint64, price uint32, flags uint8, all (n,)."""

    keys: NDArray[np.uint64]
    price: NDArray[np.uint32]
    flags: NDArray[np.uint8]
    currencies: tuple[str, ...] = ()


class Parts(msgspec.Struct, frozen=True):
    """An overlay cut into values: `firsts` (c,) is the least upper half a value may hold."""

    firsts: NDArray[np.uint32]
    values: list[Value]


def stock_parts(stock: Stock) -> Parts:
    """Return the values of a stock overlay; the same entries give the same bytes."""
    if len(stock.currencies) > MAX_CURRENCIES:
        raise InputError(
            f"{len(stock.currencies)} currencies, {MAX_CURRENCIES} fit a stock overlay",
            remedy="Leave the currency out where it is the catalogue's.",
        )
    high, low = _halves(stock.keys)
    firsts, cuts = _cut(high, TARGET_BYTES // STOCK_BYTES)
    values = [
        make_value(
            "stock",
            "s",
            pack(
                "stock",
                {"currencies": list(stock.currencies)},
                {
                    "high": high[start:stop],
                    "low": low[start:stop],
                    "price": stock.price[start:stop],
                    "flags": stock.flags[start:stop],
                },
            ),
        )
        for start, stop in cuts
    ]
    return Parts(firsts, values)


def read_stock_parts(values: Iterable[bytes]) -> Stock:
    """Return the entries of an overlay's values, given in their order."""
    tables = [unpack(value) for value in values]
    currencies = tuple(tables[0]["currencies"]) if tables else ()
    high, low, price = (_joined(tables, name, "<u4") for name in ("high", "low", "price"))
    keys = (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
    return Stock(keys, price, _joined(tables, "flags", "u1"), currencies)


def erased_parts(keys: NDArray[np.uint64], key_id: str) -> Parts:
    """Return the values that name visitors by the upper 48 bits of their keys, as tables do."""
    kept = np.unique(keys >> np.uint64(16))
    high = (kept >> np.uint64(16)).astype(np.uint32)
    low = (kept & np.uint64(0xFFFF)).astype(np.uint16)
    firsts, cuts = _cut(high, TARGET_BYTES // ERASED_BYTES)
    packed = (
        pack("erased", {"key_id": key_id}, {"high": high[start:stop], "low": low[start:stop]})
        for start, stop in cuts
    )
    return Parts(firsts, [make_value("erased", "e", one) for one in packed])


def read_erased_parts(values: Iterable[bytes]) -> NDArray[np.uint64]:
    """Return the visitor keys, their lower 16 bits 0."""
    tables = [unpack(value) for value in values]
    high, low = _joined(tables, "high", "<u4"), _joined(tables, "low", "<u2")
    return (high.astype(np.uint64) << np.uint64(32)) | (low.astype(np.uint64) << np.uint64(16))


def empty_stock() -> Stock:
    """Return a stock overlay without entries."""
    return read_stock_parts(())


def stock_flags(available: bool | None, price_minor: int | None, currency: int) -> int:
    """Return an entry's flags."""
    there = 0 if available is None else AVAILABLE if available else SOLD_OUT
    return there | (PRICED | currency << CURRENCY_SHIFT if price_minor is not None else 0)


def price_or_none(price_minor: int | None) -> int:
    """Return a price as the column holds it."""
    return NO_PRICE if price_minor is None else price_minor


def _halves(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    return (keys >> np.uint64(32)).astype(np.uint32), keys.astype(np.uint32)


def _cut(high: NDArray[np.uint32], most: int) -> tuple[NDArray[np.uint32], list[tuple[int, int]]]:
    pieces = list(_pieces(high, 0, len(high), 0, 1 << 32, most)) if len(high) else []
    firsts = np.array([first for first, _, _ in pieces], dtype=np.uint32)
    return firsts, [(start, stop) for _, start, stop in pieces]


def _pieces(
    high: NDArray[np.uint32], start: int, stop: int, first: int, end: int, most: int
) -> Iterator[tuple[int, int, int]]:
    """Halve the range of hashes until what falls into it fits."""
    if stop - start <= most or end - first == 1:
        yield first, start, stop
        return
    middle = (first + end) // 2
    place = int(np.searchsorted(high, np.uint32(middle), side="left"))
    yield from _pieces(high, start, place, first, middle, most)
    yield from _pieces(high, place, stop, middle, end, most)


def _joined(tables: list[dict[str, Any]], name: str, dtype: str) -> NDArray[Any]:
    empty = np.zeros(0, dtype=dtype)
    return np.concatenate([empty, *(column(table, name, dtype) for table in tables)])
