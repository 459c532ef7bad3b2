"""The models of known visitors as one table from item to item, each with its weight."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from scipy import sparse

from control_plane.models.artifacts import Rows
from control_plane.models.ranking import blocks, stack, top_per_row
from control_plane.models.visitors import linear, lowrank, neighbourhood
from control_plane.models.visitors.taken import Taken

NEIGHBOURHOOD, LINEAR, LOWRANK = "neighbourhood", "linear", "lowrank"

#: Items near each that the models choose from, and that a mixture keeps.
NEAR_ITEMS, KEPT_ITEMS = 200, 100

#: Cells of tables that are added at once, about 40 bytes each.
_BLOCK_CELLS = 3_000_000


class Tables(msgspec.Struct, frozen=True):
    """What each model says, by its name: CSR (items, items), mean absolute value 1."""

    by_model: dict[str, Any]


def fit_tables(taken: Taken, near: Rows, models: tuple[str, ...], seed: int) -> Tables:
    """Fit `models`; `near` is the neighbourhood's own table."""
    fitted: dict[str, Any] = {}
    for name in models:
        if name == LINEAR:
            table = linear.fit(taken, near)
        elif name == LOWRANK:
            table = lowrank.fit(taken, near, seed)
        else:
            table = as_matrix(near)
        fitted[name] = _scaled(table)
    return Tables(fitted)


def fit_near(taken: Taken) -> Rows:
    """Return the items near each item."""
    return neighbourhood.fit(taken, NEAR_ITEMS)


def mix(tables: Tables, weights: dict[str, float]) -> Rows:
    """Return the best items for each by the weighted sum of the models that weigh anything."""
    parts = [(tables.by_model[name], weight) for name, weight in weights.items() if weight]
    cells = sum(np.diff(table.indptr).astype(np.int64) for table, _ in parts)
    mixed = []
    for start, stop in blocks(np.asarray(cells), _BLOCK_CELLS):
        total = sum(table[start:stop] * np.float32(weight) for table, weight in parts)
        mixed.append(top_per_row(total, KEPT_ITEMS))
    return stack(mixed)


def as_matrix(rows: Rows) -> Any:
    """Return rows as a CSR matrix (items, items)."""
    items = len(rows.indptr) - 1
    return sparse.csr_matrix((rows.scores, rows.items, rows.indptr), shape=(items, items))


def _scaled(table: Any) -> Any:
    scale = float(np.abs(table.data).mean()) if table.nnz else 0.0
    return table / np.float32(scale) if scale else table
