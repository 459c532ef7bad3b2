"""Brings a model up to the catalogue of this day: items and stock that changed since it learned."""

from __future__ import annotations

from datetime import datetime

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.arrivals import NEW, add_newcomers
from control_plane.models.artifacts import Model, Rows, Sets
from control_plane.models.blend import NEW_PEOPLE, blend_rows
from control_plane.models.catalogue import Catalogue, read_catalogue
from control_plane.models.content import SIMILAR_ITEMS, similar_rows
from control_plane.models.ranking import best_of_rows, distinct_items
from control_plane.models.variants import product_leaders, spread, twin_leaders


def refresh(model: Model, log: duckdb.DuckDBPyConnection) -> Model:
    """Return the model with all items of the view `items`, and none sold out that has a variant.

    Items that came since the model learned stand at the end of `item_ids`. They have neighbours by
    content, and their places in the rows of what they are like.
    """
    known = set(model.item_ids)
    listed = log.execute("SELECT item_id FROM items ORDER BY item_id").fetchall()
    ids = model.item_ids + [item for (item,) in listed if item not in known]
    catalogue = read_catalogue(log, ids)
    events = np.zeros(len(ids), dtype=np.int64)
    events[: len(known)] = model.item_events
    leader = product_leaders(catalogue, events)
    if len(ids) > len(known):
        model = _with_newcomers(model, ids, events, catalogue, leader)
    return _with_stock(model, np.where(catalogue.available, np.arange(len(ids)), leader))


def _with_newcomers(
    model: Model,
    ids: list[str],
    events: NDArray[np.int64],
    catalogue: Catalogue,
    leader: NDArray[np.int32],
) -> Model:
    old, count = len(model.item_ids), len(ids)
    behaviour = _padded(model.neighbours, count)
    limit = max(int(np.diff(behaviour.indptr).max()), SIMILAR_ITEMS)
    alike = similar_rows(catalogue, twin_leaders(catalogue, leader, events), limit, since=old)
    met = np.where(np.arange(count) < old, NEW_PEOPLE, 0)
    blended = blend_rows(behaviour, alike, met, catalogue.available, limit)
    # A new size of what was there before has its product's row.
    source = np.arange(count, dtype=np.int32)
    source[old:] = leader[old:]
    related = {kind: _padded(rows, count) for kind, rows in model.related.items()}
    if "also_bought" in related:
        related["also_bought"] = spread(related["also_bought"], source)
    if len(alike.items):
        similar = related.get("similar", Rows(np.zeros(count + 1, np.int64), *_no_items()))
        related["similar"] = _appended(similar, best_of_rows(alike, SIMILAR_ITEMS))
    return msgspec.structs.replace(
        model,
        item_ids=ids,
        item_events=events,
        neighbours=spread(blended, source),
        related=related,
        latest=_with_arrivals(model, catalogue, leader),
    )


def _with_arrivals(
    model: Model, catalogue: Catalogue, leader: NDArray[np.int32]
) -> dict[str, NDArray[np.int32]]:
    newest = int(datetime.fromisoformat(model.model_time).timestamp())
    before = model.latest.get(NEW, np.zeros(0, dtype=np.int32))
    new = add_newcomers(before, catalogue.added, leader, newest, len(model.item_ids))
    return model.latest | ({NEW: new} if len(new) else {})


def _with_stock(model: Model, shown: NDArray[np.int32]) -> Model:
    """Return the model with `shown` (n,) in the place of each item."""
    count = len(shown)
    if (shown == np.arange(count)).all():
        return model

    def distinct(table: Rows) -> Rows:
        return distinct_items(Rows(table.indptr, shown[table.items], table.scores))

    def distinct_set(sets: Sets) -> Sets:
        lengths = np.diff(sets.indptr)
        cells = np.repeat(np.arange(len(lengths)), lengths) * np.int64(count) + shown[sets.items]
        row, items = np.divmod(np.unique(cells), count)
        lengths = np.bincount(row, minlength=len(lengths))
        return Sets(np.append(0, np.cumsum(lengths)), items.astype(np.int32))

    def lists(ranked: dict[str, NDArray[np.int32]]) -> dict[str, NDArray[np.int32]]:
        return {
            key: np.array(list(dict.fromkeys(shown[items].tolist())), dtype=np.int32)
            for key, items in ranked.items()
        }

    visitors = model.visitors
    return msgspec.structs.replace(
        model,
        neighbours=distinct(model.neighbours),
        related={kind: distinct(rows) for kind, rows in model.related.items()},
        popular=lists(model.popular),
        latest=lists(model.latest),
        visitors=msgspec.structs.replace(
            visitors,
            rows=distinct(visitors.rows),
            rebuy=distinct(visitors.rebuy),
            hidden=distinct_set(visitors.hidden),
            bought=distinct_set(visitors.bought),
            seen=distinct_set(visitors.seen),
        ),
    )


def _padded(rows: Rows, count: int) -> Rows:
    more = np.full(count + 1 - len(rows.indptr), rows.indptr[-1])
    return Rows(np.concatenate([rows.indptr, more]), rows.items, rows.scores)


def _appended(rows: Rows, more: Rows) -> Rows:
    """Return rows of which the last are those of `more`, which is empty before them."""
    return Rows(
        rows.indptr + more.indptr,
        np.concatenate([rows.items, more.items]),
        np.concatenate([rows.scores, more.scores]),
    )


def _no_items() -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
