"""Market values: the cards of items that are another thing elsewhere, by market.

A visitor of that market is shown these in the place of the items' own.
"""

from __future__ import annotations

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.cards import Cards, card_columns, make_cards
from control_plane.compiler.values import Value, cut, make_values
from control_plane.errors import InputError
from control_plane.tables import pack

#: Each market is a list of values in the manifest.
MOST_MARKETS = 60
_NUMBER_BYTES = 4

_CARDS = """
SELECT market, item_id, title, url, image, category, currency, price_minor, group_id, available
FROM items_elsewhere ORDER BY market, item_id
"""


class MarketValues(msgspec.Struct, frozen=True):
    """The first item number of each value (v,), and the values."""

    firsts: NDArray[np.int64]
    values: list[Value]


def market_values(
    log: duckdb.DuckDBPyConnection, numbering: list[str], currency: str
) -> dict[str, MarketValues]:
    """Return each market's values, from the view `items_elsewhere`; `numbering` has SKUs by place.

    Raises InputError for more than `MOST_MARKETS`.
    """
    place = {sku: number for number, sku in enumerate(numbering)}
    by_market: dict[str, list[tuple[int, tuple[object, ...]]]] = {}
    for market, *row in log.execute(_CARDS).fetchall():
        by_market.setdefault(market, []).append((place[row[0]], tuple(row)))
    if len(by_market) > MOST_MARKETS:
        raise InputError(
            f"the catalogue names {len(by_market)} markets with cards of their own, at most "
            f"{MOST_MARKETS} fit a release",
            field="market",
            remedy="Join those that sell alike, or give each group of countries a shop of its own.",
        )
    return {market: _values(sorted(rows), currency) for market, rows in by_market.items()}


def _values(rows: list[tuple[int, tuple[object, ...]]], currency: str) -> MarketValues:
    numbers = np.array([number for number, _ in rows], dtype=np.uint32)
    cards: Cards = make_cards([row for _, row in rows], currency)

    def packed(start: int, stop: int) -> bytes:
        header, columns = card_columns(cards.run(start, stop))
        facts = {"lists": {}, "count": stop - start, "elsewhere": True, **header}
        own = {"items": np.zeros(0, dtype=np.uint32), "number": numbers[start:stop]}
        return pack("market", facts, {**own, **columns})

    cuts, values = make_values("market", "k", cut(cards.coded_size() + _NUMBER_BYTES), packed)
    return MarketValues(numbers[cuts[:-1]].astype(np.int64), values)
