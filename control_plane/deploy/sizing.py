"""How large a shop's tables become, told from its numbers alone; docs/plan.md has the sources.

The constants are fitted to compiles of the made-up shop of `frontshelf bench compile`.
"""

from __future__ import annotations

import math

import msgspec

from control_plane.compiler.locator import CELLS_A_KEY, MAX_PART_BYTES
from control_plane.compiler.manifest import MOVES, PAGE_ENTRIES, SEAL_BYTES
from control_plane.compiler.values import TARGET_BYTES
from control_plane.tables import MAX_VALUE_BYTES

#: A neighbour row: key, size, scale; an id with its 8-bit score.
ROW_BYTES, ROW_ID_BYTES = 5.3, 1.47
#: A row of another kind has no key of its own.
RELATED_BYTES = 3.3
#: Title, address, picture, price, SKU; parts of them stand in templates of the value.
CARD_BYTES = 24.1
#: A visitor's key, counts, segment and a row's last bits; an id's 4-bit score where it has one.
VISITOR_BYTES, SCORE_BYTES = 7.3, 0.5
#: Bits of an id in a visitor's row grow with the number of items.
ID_BITS, ID_BITS_A_DOUBLING = 2.58, 0.337
#: A card of the popular value, which shares less; a place in its lists.
POPULAR_CARD_BYTES, POPULAR_ID_BYTES = 32, 4
#: Rules, templates and segments of an ordinary shop; a value's number and digest in a list.
MANIFEST_BYTES, ENTRY_BYTES = 2_500, 20


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What tables are made from.

    `related` are mean ids an item of each further kind of rows; `bought` mean ids a visitor.
    """

    visitors: int
    items: int
    neighbours: float = 50
    related: tuple[float, ...] = (20,)
    visitor_items: float = 20
    bought: float = 2.2
    segments: int = 5
    popular_items: int = 200


class Table(msgspec.Struct, frozen=True):
    """What one kind takes; the values of cards that stand with neighbours count there."""

    kind: str
    entries: int
    bytes_each: float
    bytes: int
    values: int


def tables(shop: Shop) -> list[Table]:
    """Return neighbours, cards, related rows, visitors, popular items, manifest with its lists."""
    row = ROW_BYTES + ROW_ID_BYTES * shop.neighbours
    item_values = _values(shop.items * (row + CARD_BYTES))
    related = [RELATED_BYTES + ROW_ID_BYTES * ids for ids in shop.related]
    related_values = sum(_alike(shop.items * size, item_values) for size in related)
    visitor = _visitor_bytes(shop)
    visitor_values = _values(shop.visitors * visitor)
    popular = POPULAR_ID_BYTES * shop.popular_items * (
        1 + shop.segments
    ) + POPULAR_CARD_BYTES * min(shop.popular_items, shop.items)
    listed, list_values = _manifest(shop.items, item_values, related_values, visitor_values)
    return [
        _table("neighbours", shop.items, row, item_values),
        _table("cards", shop.items, CARD_BYTES, 0),
        _table("related", shop.items, sum(related), related_values),
        _table("visitors", shop.visitors, visitor, visitor_values),
        _table("popular", 1, min(popular, TARGET_BYTES), 1),
        _table("manifest", 1, listed, list_values),
    ]


def _table(kind: str, entries: int, each: float, values: int) -> Table:
    return Table(kind, entries, each, round(entries * each), values)


def _values(size: float) -> int:
    return math.ceil(size / TARGET_BYTES)


def _alike(size: float, item_values: int) -> int:
    """Return the values of related rows, cut where item values are: whole runs of them each."""
    runs = TARGET_BYTES * item_values / size if size else 0.0
    if not runs:
        return 0
    return math.ceil(item_values / int(runs)) if runs >= 1 else item_values * math.ceil(1 / runs)


def _visitor_bytes(shop: Shop) -> float:
    bits = ID_BITS + ID_BITS_A_DOUBLING * math.log2(max(2, shop.items))
    ids = shop.visitor_items + shop.bought
    return VISITOR_BYTES + SCORE_BYTES * shop.visitor_items + ids * bits / 8


def _manifest(items: int, item_values: int, related: int, visitors: int) -> tuple[int, int]:
    """Return bytes and values of the manifest and of what does not fit inside."""
    cells = CELLS_A_KEY * items * max(1, (max(item_values, 1) - 1).bit_length()) / 8
    parts = {
        "visitors": (ENTRY_BYTES * visitors, math.ceil(visitors / PAGE_ENTRIES)),
        "locator": (cells, math.ceil(cells / MAX_PART_BYTES)),
        "items": (ENTRY_BYTES * (item_values + related), math.ceil(item_values / PAGE_ENTRIES)),
    }
    total = MANIFEST_BYTES + sum(size for size, _ in parts.values())
    for moved in MOVES:
        inside = total - sum(parts[name][0] for name in moved)
        if inside + SEAL_BYTES <= MAX_VALUE_BYTES:
            break
    return round(total), 1 + sum(parts[name][1] for name in moved)
