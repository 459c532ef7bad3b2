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


def similar_rows(catalogue: Catalogue, twin: NDArray[np.int32], limit: int) -> Rows:
    """Return a row for every item of which only those that lead (`twin` (n,)) are likened."""
    leaders = np.unique(twin)
    rows = content_rows(catalogue.take(leaders), limit)
    lengths = np.zeros(len(twin), dtype=np.int64)
    lengths[leaders] = np.diff(rows.indptr)
    led = Rows(np.append(0, np.cumsum(lengths)), leaders[rows.items], rows.scores)
    return spread(led, twin)


def content_rows(catalogue: Catalogue, limit: int) -> Rows:
    """Return the `limit` items most like each one, scores up to 1.

    Likeness is of what is known of an item: 1 for one that is like it in all of that. Items of
    which nothing but a price is known have empty rows.
    """
    traits = read_traits(catalogue)
    place = np.empty_like(traits.order)
    place[traits.order] = np.arange(len(place))
    return stack(
        top_per_row(_likeness(traits, place, start, stop), limit)
        for start, stop in blocks(traits.costs + _ROW_COST, _BLOCK_COST)
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


def _likeness(traits: Traits, place: NDArray[np.int64], start: int, stop: int) -> Any:
    """Return how alike the items from `start` to `stop` and their candidates are, as CSR."""
    count = len(place)
    row, item = _candidates(traits, place, start, stop)
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
    return sparse.csr_matrix((score, (row - start, item)), shape=(stop - start, count))


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
    traits: Traits, place: NDArray[np.int64], start: int, stop: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of an item and another one that may be like it, each pair once."""
    count = len(place)
    worded = top_per_row(traits.rarest[start:stop] @ traits.by_feature, CANDIDATES + 1)
    row = np.repeat(np.arange(start, stop), np.diff(worded.indptr))
    steps = np.concatenate([np.arange(-BESIDE, 0), np.arange(1, BESIDE + 1)])
    beside = place[start:stop, None] + steps
    there = (beside >= 0) & (beside < count)
    beside_row = np.repeat(np.arange(start, stop), there.sum(axis=1))
    rows = np.concatenate([row, beside_row]) - start
    items = np.concatenate([worded.items, traits.order[beside[there]]])
    # Making a matrix of them joins what stands there twice.
    pairs = sparse.csr_matrix((np.ones(len(rows)), (rows, items)), shape=(stop - start, count))
    row = np.repeat(np.arange(start, stop), np.diff(pairs.indptr))
    return row[row != pairs.indices], pairs.indices[row != pairs.indices]
