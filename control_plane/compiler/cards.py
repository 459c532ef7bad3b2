"""What a shelf shows of an item, as columns: texts, prices, groups and availability."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.hashing import hash_texts
from control_plane.tables import Column, texts

NO_PRICE = 0xFFFFFFFF
AVAILABLE = 1
#: Texts that can be left out of the columns where a pattern over the SKU gives them.
PATTERNED = ("url", "image")
TEXTS = ("sku", "title", "url", "image", "category", "currency")


class Cards(msgspec.Struct, frozen=True):
    """Cards of all items, in numbering order; every list and array has n entries."""

    sku: list[str]
    title: list[str]
    url: list[str]
    image: list[str]
    category: list[str]
    currency: list[str]
    price: NDArray[np.uint32]
    group: NDArray[np.uint32]
    available: NDArray[np.bool_]

    def take(self, places: NDArray[np.int64]) -> Cards:
        """Return the cards at `places`, in that order."""
        chosen = places.tolist()
        strings = {name: [getattr(self, name)[place] for place in chosen] for name in TEXTS}
        return Cards(
            **strings,
            price=self.price[places],
            group=self.group[places],
            available=self.available[places],
        )

    def size(self) -> NDArray[np.int64]:
        """Return about how many bytes each card takes, int64 (n,)."""
        fixed = 4 + 4 + 1 + 1 + 5 * 2
        lengths = [
            [len(text.encode()) for text in getattr(self, name)]
            for name in ("sku", "title", "url", "image")
        ]
        return np.array(lengths, dtype=np.int64).reshape(4, -1).sum(axis=0) + fixed


def read_cards(log: duckdb.DuckDBPyConnection, item_ids: list[str]) -> Cards:
    """Return the cards of `item_ids` from the catalogue; unlisted items are bare and available."""
    rows: dict[str, tuple[Any, ...]] = {
        row[0]: row
        for row in log.execute(
            "SELECT item_id, title, url, image, category, currency, price_minor, group_id, "
            "available FROM items"
        ).fetchall()
    }
    bare = (None,) * 8 + (True,)
    known = [rows.get(item, bare) for item in item_ids]
    groups = [row[7] or "" for row in known]
    group = np.where([bool(name) for name in groups], hash_texts(groups)[1], 0)
    strings = {name: [row[place] or "" for row in known] for place, name in enumerate(TEXTS)}
    return Cards(
        **strings | {"sku": item_ids},
        price=np.array([NO_PRICE if row[6] is None else row[6] for row in known], dtype=np.uint32),
        group=group.astype(np.uint32),
        available=np.array([row[8] is not False for row in known], dtype=np.bool_),
    )


def card_columns(cards: Cards) -> tuple[dict[str, Any], dict[str, Column]]:
    """Return the header entries and columns that hold `cards`."""
    categories = sorted(set(cards.category))
    currencies = sorted(set(cards.currency))
    header: dict[str, Any] = {"categories": categories, "currencies": currencies, "patterns": {}}
    columns: dict[str, Column] = {"price": cards.price, "group": cards.group}
    strings: dict[str, bytes] = {}
    for name in ("sku", "title", "url", "image"):
        values: list[str] = getattr(cards, name)
        pattern = _pattern(values, cards.sku) if name in PATTERNED else None
        if pattern is not None:
            header["patterns"][name] = pattern
            continue
        offsets, strings[name] = texts(values)
        columns[f"{name}_at"] = offsets.astype(np.uint16)
    columns["category"] = _places(categories, cards.category)
    columns["currency"] = _places(currencies, cards.currency).astype(np.uint8)
    columns["flags"] = cards.available.astype(np.uint8) * np.uint8(AVAILABLE)
    return header, columns | strings


def _places(known: list[str], values: list[str]) -> NDArray[np.uint16]:
    place = {name: index for index, name in enumerate(known)}
    return np.array([place[value] for value in values], dtype=np.uint16)


def _pattern(values: list[str], skus: list[str]) -> str | None:
    """Return the text with `{sku}` in it that gives every value, or None."""
    if not values or "{sku}" in values[0]:
        return None
    pattern = values[0].replace(skus[0], "{sku}") if skus[0] else values[0]
    same = all(
        pattern.replace("{sku}", sku) == value for value, sku in zip(values, skus, strict=True)
    )
    return pattern if same else None
