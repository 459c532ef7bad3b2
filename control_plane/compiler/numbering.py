"""Numbers a release's items so that those often wanted together stand together."""

from __future__ import annotations

import duckdb
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.cards import Cards, read_cards
from control_plane.compiler.order import clustered_order
from control_plane.compiler.rows import renumber
from control_plane.models.artifacts import Model, Rows


def number_items(
    model: Model, log: duckdb.DuckDBPyConnection, currency: str
) -> tuple[Rows, Cards, NDArray[np.int64]]:
    """Return rows and cards in numbering order, and the place of each item.

    The model is one that knows the whole catalogue (see `refresh`).
    """
    rows = model.neighbours
    cards = read_cards(log, model.item_ids, currency)
    order = clustered_order(rows.indptr, rows.items, rows.scores, _leftover_rank(cards))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return renumber(rows, place, order), cards.take(order), place


def numbered(rows: Rows, place: NDArray[np.int64]) -> Rows:
    """Return rows of the model's items in numbering order, as `place` numbers them."""
    return renumber(rows, place, np.argsort(place))


def _leftover_rank(cards: Cards) -> NDArray[np.int64]:
    """Rank items by category, then title, so that unseen ones of a kind stand together."""
    keys = sorted(
        range(len(cards.sku)),
        key=lambda place: (cards.category[place], cards.title[place], cards.sku[place]),
    )
    rank = np.empty(len(keys), dtype=np.int64)
    rank[keys] = np.arange(len(keys))
    return rank
