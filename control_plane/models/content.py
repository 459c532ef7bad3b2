"""Which items are alike by what the catalogue says of them, whether or not anybody met them.

Two items are as alike as the weighted mean of their texts' cosine, the part of the category path
they share, one brand or not, and how near their prices are.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.artifacts import Rows
from control_plane.models.catalogue import Catalogue
from control_plane.models.ranking import blocks, stack, top_per_row
from control_plane.models.texts import text_vectors
from control_plane.models.variants import spread

TEXT, CATEGORY, BRAND, PRICE = 0.6, 0.2, 0.1, 0.1
#: A price twice as high is half as near as the same one.
PRICE_HALVING = 2.0
#: What being far from each other in the catalogue takes from a likeness, at most.
TIE = 1e-4
#: Levels of a category path that are told apart.
DEPTH = 4

#: Items that each one is held against by its rarest words, at most: what bounds the time.
REACH = 3_000
#: Of those, how many are looked at closely.
CANDIDATES = 100
#: Besides, each item is held against so many next to it on either side in catalogue order.
BESIDE = 16

#: Items of a row for the stage `similar`: a shelf, and what may not be shown.
SIMILAR_ITEMS = 24

#: What a block costs at most, in products summed (about 40 bytes each), and what a row does by
#: its candidates.
_BLOCK_COST, _ROW_COST = 6_000_000, 8_000


class Traits(msgspec.Struct, frozen=True):
    """What items are held together by; n items.

    `texts` (n, features) unit rows, `rarest` the same with few features a row, `by_feature` the
    transpose; `costs` (n,) items with those features. `paths` (n, DEPTH) numbers of the
    category's path to each level, `brand` (n,) numbers, -1 for none; `price` (n,) log 2, NaN for
    unknown; `order` (n,) item numbers by category, brand and price.
    """

    texts: Any
    rarest: Any
    by_feature: Any
    costs: NDArray[np.int64]
    paths: NDArray[np.int32]
    brand: NDArray[np.int32]
    price: NDArray[np.float64]
    order: NDArray[np.int64]


def similar_rows(catalogue: Catalogue, twin: NDArray[np.int32], limit: int, since: int = 0) -> Rows:
    """Return a row (n,) for each item from number `since` on, the others' are empty.

    Only those that lead their twins (`twin` (n,), see variants.py) are in rows, and have one that
    all of them share.
    """
    leaders, place = np.unique(twin, return_inverse=True)
    chosen = np.unique(place[since:])
    rows = content_rows(catalogue.take(leaders), limit, chosen)
    lengths = np.zeros(len(twin), dtype=np.int64)
    lengths[leaders[chosen]] = np.diff(rows.indptr)
    led = Rows(np.append(0, np.cumsum(lengths)), leaders[rows.items], rows.scores)
    mine = spread(led, twin)
    first = mine.indptr[since]
    return Rows(np.maximum(mine.indptr - first, 0), mine.items[first:], mine.scores[first:])


def content_rows(catalogue: Catalogue, limit: int, chosen: NDArray[np.int64] | None = None) -> Rows:
    """Return the `limit` items most like each of the `chosen` ones (of all), scores up to 1.

    Likeness is of what is known of an item: 1 for one that is like it in all of that. Items of
    which nothing but a price is known have empty rows.
    """
    traits = read_traits(catalogue)
    place = np.empty_like(traits.order)
    place[traits.order] = np.arange(len(place))
    rows = np.arange(len(place)) if chosen is None else chosen
    return stack(
        top_per_row(_likeness(traits, place, rows[start:stop]), limit)
        for start, stop in blocks(traits.costs[rows] + _ROW_COST, _BLOCK_COST)
    )


def read_traits(catalogue: Catalogue) -> Traits:
    """Return what a catalogue's items are held together by."""
    texts = text_vectors(catalogue.title, catalogue.tags)
    rarest, costs = _rarest(texts)
    paths = np.full((len(catalogue.title), DEPTH), -1, dtype=np.int32)
    known: dict[tuple[str, ...], int] = {}
    for number, path in enumerate(catalogue.category):
        for level in range(min(len(path), DEPTH)):
            paths[number, level] = known.setdefault(path[: level + 1], len(known))
    brands: dict[str, int] = {"": -1}
    brand = [brands.setdefault(name, len(brands)) for name in catalogue.brand]
    price = np.log2(np.where(catalogue.price > 0, catalogue.price, np.nan))
    order = sorted(
        range(len(price)),
        key=lambda item: (
            catalogue.category[item],
            catalogue.brand[item],
            int(catalogue.price[item]),
            catalogue.title[item],
            item,
        ),
    )
    return Traits(
        texts=texts,
        rarest=rarest,
        by_feature=texts.T.tocsr(),
        costs=costs,
        paths=paths,
        brand=np.array(brand, dtype=np.int32),
        price=price,
        order=np.array(order, dtype=np.int64),
    )


def _rarest(texts: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return the rows with their rarest features, as many as reach `REACH` items, and how many."""
    lengths = np.diff(texts.indptr)
    row = np.repeat(np.arange(texts.shape[0]), lengths)
    items_with = np.bincount(texts.indices, minlength=texts.shape[1])[texts.indices]
    order = np.lexsort((texts.indices, items_with, row))
    reached = np.cumsum(items_with[order])
    before = np.repeat(np.append(0, reached)[texts.indptr[:-1]], lengths)
    kept = np.empty(len(row), dtype=np.bool_)
    kept[order] = reached - before <= REACH
    costs = np.bincount(row, items_with * kept, texts.shape[0]).astype(np.int64)
    indptr = np.append(0, np.cumsum(kept))[texts.indptr]
    return sparse.csr_matrix((texts.data[kept], texts.indices[kept], indptr), texts.shape), costs


def _likeness(traits: Traits, place: NDArray[np.int64], rows: NDArray[np.int64]) -> Any:
    """Return how alike the items `rows` and their candidates are, CSR (rows, n)."""
    count = len(place)
    number, item = _candidates(traits, place, rows)
    row = rows[number]
    words = traits.texts[row].multiply(traits.texts[item]).sum(axis=1)
    shared = (traits.paths[row] == traits.paths[item]) & (traits.paths[row] >= 0)
    depth = (traits.paths >= 0).sum(axis=1)
    path = shared.sum(axis=1) / np.maximum(np.maximum(depth[row], depth[item]), 1)
    brand = (traits.brand[row] == traits.brand[item]) & (traits.brand[row] >= 0)
    alike = TEXT * np.asarray(words).ravel() + CATEGORY * path + BRAND * brand
    apart = np.abs(traits.price[row] - traits.price[item])
    near = np.where(np.isnan(apart), 0.0, PRICE_HALVING**-apart)
    # Of what is as alike, the next in the catalogue: else everyone would get the same few.
    away = TIE * np.abs(place[row] - place[item]) / count
    # Nothing is alike by its price alone.
    score = np.where(alike > 0, alike + PRICE * near - away, 0.0) / _weight(traits, depth)[row]
    return sparse.csr_matrix((score, (number, item)), shape=(len(rows), count))


def _weight(traits: Traits, depth: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what an item would score that is like each one in all that is known of it."""
    return np.maximum(
        TEXT * (np.diff(traits.texts.indptr) > 0)
        + CATEGORY * (depth > 0)
        + BRAND * (traits.brand >= 0)
        + PRICE * ~np.isnan(traits.price),
        PRICE,
    )


def _candidates(
    traits: Traits, place: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of a place in `rows` and another item that may be like it, each pair once."""
    count = len(place)
    worded = top_per_row(traits.rarest[rows] @ traits.by_feature, CANDIDATES + 1)
    steps = np.concatenate([np.arange(-BESIDE, 0), np.arange(1, BESIDE + 1)])
    beside = place[rows, None] + steps
    there = (beside >= 0) & (beside < count)
    lengths = np.concatenate([np.diff(worded.indptr), there.sum(axis=1)])
    number = np.repeat(np.tile(np.arange(len(rows)), 2), lengths)
    items = np.concatenate([worded.items, traits.order[beside[there]]])
    # Making a matrix of them joins what stands there twice.
    pairs = sparse.csr_matrix((np.ones(len(items)), (number, items)), shape=(len(rows), count))
    number = np.repeat(np.arange(len(rows)), np.diff(pairs.indptr))
    other = pairs.indices != rows[number]
    return number[other], pairs.indices[other]
