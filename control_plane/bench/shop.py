"""A shop made up for measuring: clustered like a real one, the same each time."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from control_plane.collect.markets import NOTHING_ELSEWHERE
from control_plane.models.artifacts import Model, Rows, Segment, Sets, Visitors, no_rows, no_sets

SEED = 8
NEIGHBOURS = 50
VISITOR_ITEMS = 20
SEGMENTS = 5
#: Of an item's neighbours, how many share its cluster; the rest are anywhere in its category.
OWN_CLUSTER = 44
MODEL_TIME = "2026-10-31T00:00:00+00:00"

_KINDS = (
    "Boot",
    "Lamp",
    "Jacket",
    "Kettle",
    "Tent",
    "Vase",
    "Saddle",
    "Mug",
    "Scarf",
    "Drill",
    "Rug",
    "Stove",
)
_LOOKS = ("oak", "slate", "linen", "copper", "moss", "amber", "chalk", "cobalt", "rust", "pearl")
_MAKES = ("Fjell", "Harrow", "Lyra", "Tamber", "Ostro", "Quill", "Brae", "Solen", "Marl", "Vanta")


class Size(msgspec.Struct, frozen=True):
    """How large a shop to make."""

    items: int = 100_000
    visitors: int = 100_000


class Shelf(msgspec.Struct, frozen=True):
    """Where each item stands: clusters of items that go together, categories of clusters."""

    cluster: NDArray[np.int32]
    firsts: NDArray[np.int64]
    category: NDArray[np.int32]


def make_shelf(items: int) -> Shelf:
    """Divide items into clusters of 60 to 600, and clusters into categories of about ten."""
    draw = np.random.default_rng(SEED)
    sizes = np.minimum(60 * (1 + draw.pareto(2.5, size=items // 60 + 1)), 600).astype(np.int64)
    firsts = np.concatenate([[0], np.cumsum(sizes)])
    firsts = np.append(firsts[firsts < items - 60], items)
    cluster = np.repeat(np.arange(len(firsts) - 1, dtype=np.int32), np.diff(firsts))
    return Shelf(cluster, firsts, cluster // 10)


def item_ids(items: int) -> list[str]:
    """Return ids in which neither order nor kind shows, as in real shops; sorted."""
    numbers = np.random.default_rng(SEED).permutation(items * 9)[:items] + items
    return sorted(f"S{number}" for number in numbers)


def numbering(items: int) -> NDArray[np.int32]:
    """Return the item number, a place in the sorted ids, of each place on the shelf."""
    return np.random.default_rng(SEED + 1).permutation(items).astype(np.int32)


def make_model(size: Size, visitor_keys: NDArray[np.uint64], key_id: str) -> Model:
    """Return a model of the shop; `visitor_keys` (ascending) are the visitors with rows."""
    shelf = make_shelf(size.items)
    number = numbering(size.items)
    popular = _popular(size.items)
    return Model(
        model_time=MODEL_TIME,
        item_ids=item_ids(size.items),
        item_events=np.ones(size.items, dtype=np.int64),
        neighbours=_neighbours(shelf, number),
        reminder_scale=1.0,
        popular={"all": popular, **{f"segment:s{n}": np.roll(popular, n) for n in range(SEGMENTS)}},
        segments=[Segment(key=f"s{n}", name=f"Segment {n}", size=1, traits={}) for n in range(5)],
        visitors=_visitors(shelf, number, visitor_keys),
        key_id=key_id,
        report={},
    )


def catalogue(size: Size) -> duckdb.DuckDBPyConnection:
    """Return a connection that shows the shop's catalogue as `items`."""
    shelf = make_shelf(size.items)
    number = numbering(size.items)
    place = np.empty(size.items, dtype=np.int64)
    place[number] = np.arange(size.items)
    draw = np.random.default_rng(SEED + 2)
    prices = (np.exp(draw.normal(3.5, 0.9, size.items)) * 100).astype(np.int64) // 10 * 10 + 9
    ids = item_ids(size.items)
    titles = [_title(int(place[n]), int(shelf.category[place[n]])) for n in range(size.items)]
    columns: dict[str, Any] = {
        "item_id": ids,
        "title": titles,
        "url": [f"/p/{t.lower().replace(' ', '-')}-{i}" for t, i in zip(titles, ids, strict=True)],
        "image": [f"/media/{i[-2:]}/{i}.webp" for i in ids],
        "category": [f"category {c}" for c in shelf.category[place]],
        "currency": ["EUR"] * size.items,
        "price_minor": prices,
        "group_id": [f"g{p // 2}" if p % 10 < 2 else None for p in place.tolist()],
        "available": draw.random(size.items) < 0.97,
        "tags": pa.nulls(size.items, pa.list_(pa.string())),
        "brand": [title.split()[0] for title in titles],
        "added_at": np.zeros(size.items, dtype=np.int64),
    }
    log = duckdb.connect()
    log.register("made_up", pa.table(columns))
    log.execute("CREATE TABLE items AS SELECT * FROM made_up")
    log.execute(NOTHING_ELSEWHERE)
    return log


def _title(place: int, category: int) -> str:
    make, look = _MAKES[place % 10], _LOOKS[place // 10 % 10]
    return f"{make} {look} {_KINDS[category % 12].lower()} {place % 97 + 3}"


def _neighbours(shelf: Shelf, number: NDArray[np.int32]) -> Rows:
    """Return 50 neighbours an item, best first, in the model's numbering."""
    items = len(shelf.cluster)
    draw = np.random.default_rng(SEED + 3)
    low = shelf.firsts[shelf.cluster].astype(np.int64)
    size = np.diff(shelf.firsts)[shelf.cluster]
    own = np.arange(items) - low
    # One member of each of 44 even parts of the cluster, itself aside: no member comes twice.
    parts = np.arange(OWN_CLUSTER) + draw.random((items, OWN_CLUSTER))
    steps = 1 + (parts * ((size - 1) / OWN_CLUSTER)[:, None]).astype(np.int64)
    near = draw.permuted(low[:, None] + (own[:, None] + steps) % size[:, None], axis=1)
    far = (_category_starts(shelf)[:, None] + draw.integers(0, 900, (items, 24))) % items
    rows = np.concatenate([near, far], axis=1)
    kept = _first_distinct(rows, np.arange(items))
    scores = np.exp(-np.arange(NEIGHBOURS) / 18.0) * draw.uniform(0.4, 1.0, (items, 1))
    by_number = np.empty_like(kept)
    by_number[number] = number[kept]
    scored = np.empty_like(scores)
    scored[number] = scores
    return Rows(
        np.arange(items + 1, dtype=np.int64) * NEIGHBOURS,
        by_number.ravel().astype(np.int32),
        scored.ravel().astype(np.float32),
    )


def _category_starts(shelf: Shelf) -> NDArray[np.int64]:
    return shelf.firsts[(shelf.category.astype(np.int64)) * 10]


def _first_distinct(rows: NDArray[np.int64], own: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each row's first 50 distinct items that are not the row's own."""
    order = np.argsort(rows, axis=1, kind="stable")
    in_order = np.take_along_axis(rows, order, axis=1)
    again = np.zeros(rows.shape, dtype=bool)
    np.put_along_axis(again, order[:, 1:], in_order[:, 1:] == in_order[:, :-1], axis=1)
    again |= rows == own[:, None]
    first = np.argsort(again, axis=1, kind="stable")[:, :NEIGHBOURS]
    return np.take_along_axis(rows, first, axis=1)


def _popular(items: int) -> NDArray[np.int32]:
    return np.random.default_rng(SEED + 4).choice(items, 200, replace=False).astype(np.int32)


def _visitors(shelf: Shelf, number: NDArray[np.int32], keys: NDArray[np.uint64]) -> Visitors:
    """Return rows of items from each visitor's favourite cluster."""
    draw = np.random.default_rng(SEED + 5)
    count = len(keys)
    favourite = draw.integers(0, len(shelf.firsts) - 1, count)
    low, size = shelf.firsts[favourite], np.diff(shelf.firsts)[favourite]
    start = draw.integers(0, 1 << 30, count)
    items = number[low[:, None] + (start[:, None] + np.arange(VISITOR_ITEMS)) % size[:, None]]
    indptr = np.arange(count + 1, dtype=np.int64) * VISITOR_ITEMS
    scores = np.tile(1 / np.arange(1, VISITOR_ITEMS + 1), count).astype(np.float32)
    one = np.arange(count + 1, dtype=np.int64)
    bought = number[low + (start + VISITOR_ITEMS) % size]
    return Visitors(
        keys,
        draw.integers(-1, SEGMENTS, count).astype(np.int16),
        Rows(indptr, items.ravel().astype(np.int32), scores),
        Sets(one, bought.astype(np.int32)),
        no_sets(count),
        no_rows(count),
        no_sets(count),
        np.ones(count, dtype=np.float32),
    )
