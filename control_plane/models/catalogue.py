"""What the catalogue says of each item that is learned about: texts, paths, prices, variants."""

from __future__ import annotations

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.tastes import SEPARATOR

_ITEMS = """
SELECT item_id, title, brand, category, tags, price_minor, group_id, available,
       coalesce(added_at, 0) // 1000 AS added
FROM items
"""
_NOTHING = (*(None,) * 7, -1)


class Catalogue(msgspec.Struct, frozen=True):
    """All items by number; every list and array has n entries, empty where nothing is known.

    `category` is the path from the broadest name to the narrowest; `price` (n,) int64 in minor
    units, 0 for unknown; `group` the name that joins a product's variants; `added` (n,) int64 when
    the catalogue first told of the item (epoch seconds), 0 for unknown, -1 for never.
    """

    title: list[str]
    brand: list[str]
    category: list[tuple[str, ...]]
    tags: list[tuple[str, ...]]
    price: NDArray[np.int64]
    group: list[str]
    available: NDArray[np.bool_]
    added: NDArray[np.int64]

    def take(self, items: NDArray[np.int32]) -> Catalogue:
        """Return what is known of `items`, in that order."""
        chosen = items.tolist()
        return Catalogue(
            title=[self.title[item] for item in chosen],
            brand=[self.brand[item] for item in chosen],
            category=[self.category[item] for item in chosen],
            tags=[self.tags[item] for item in chosen],
            price=self.price[items],
            group=[self.group[item] for item in chosen],
            available=self.available[items],
            added=self.added[items],
        )


def read_catalogue(connection: duckdb.DuckDBPyConnection, item_ids: list[str]) -> Catalogue:
    """Return what the view `items` says of `item_ids`; what it does not list is available."""
    told = {row[0]: row[1:] for row in connection.execute(_ITEMS).fetchall()}
    rows = [told.get(item, _NOTHING) for item in item_ids]
    return Catalogue(
        title=[row[0] or "" for row in rows],
        brand=[(row[1] or "").strip().casefold() for row in rows],
        category=[_path(row[2] or "") for row in rows],
        tags=[tuple(row[3] or ()) for row in rows],
        price=np.array([max(row[4] or 0, 0) for row in rows], dtype=np.int64),
        group=[row[5] or "" for row in rows],
        available=np.array([row[6] is not False for row in rows], dtype=np.bool_),
        added=np.array([row[7] for row in rows], dtype=np.int64),
    )


def _path(category: str) -> tuple[str, ...]:
    return tuple(part.casefold() for part in SEPARATOR.split(category.strip()) if part)
