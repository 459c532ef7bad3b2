"""Makes the sample shop's products: rows of the catalogue, and what the shoppers' draws need."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.demo.styles import Style, make_styles, offer_price
from control_plane.demo.taxonomy import Category, Department, Taxonomy

CURRENCY = "EUR"
SOLD_OUT = 0.06
#: Purses and price levels: plain, middling, dear.
TIERS = 3
#: Popularity falls off by a style's rank like this power, as in most shops.
SKEW = 0.85

Row = dict[str, Any]
#: Budget tier by a brand's place in its department: 0 plain, 2 dear.
TIER_OF_BRAND = (0, 0, 1, 2)


class Catalogue(msgspec.Struct, frozen=True):
    """Products by number: those of a category together, similar ones side by side.

    Arrays of shape (n,): category, style int32; tier int8; weight float64 (popularity);
    available bool; price float64. `first` (categories + 1,) int64: products of category c are
    first[c] to first[c + 1]. `rows` are the catalogue's items as the contract has them.
    """

    rows: list[Row]
    category: NDArray[np.int32]
    style: NDArray[np.int32]
    tier: NDArray[np.int8]
    weight: NDArray[np.float64]
    available: NDArray[np.bool_]
    price: NDArray[np.float64]
    first: NDArray[np.int64]


def make_catalogue(taxonomy: Taxonomy, products: int, draws: np.random.Generator) -> Catalogue:
    """Return `products` products, spread over all categories as evenly as it goes."""
    shelves = taxonomy.categories
    sizes = np.full(len(shelves), products // len(shelves), dtype=np.int64)
    sizes[: products % len(shelves)] += 1
    rows: list[Row] = []
    style: list[int] = []
    tier: list[int] = []
    for place, (shelf, size) in enumerate(zip(shelves, sizes.tolist(), strict=True)):
        floor = taxonomy.department_of(shelf.key)
        made = make_styles(shelf, taxonomy.names, len(floor.brands), size, draws)
        for turn, one in enumerate(made):
            number = style[-1] + 1 if style else 0
            rows += _rows(floor, shelf, one, f"{place + 10}{turn + 1:03d}", draws)
            style += [number] * len(one.offers)
            tier += [TIER_OF_BRAND[one.brand]] * len(one.offers)
    styles = np.array(style, dtype=np.int32)
    return Catalogue(
        rows=rows,
        category=np.repeat(np.arange(len(shelves), dtype=np.int32), sizes),
        style=styles,
        tier=np.array(tier, dtype=np.int8),
        weight=_popularity(styles, draws),
        available=np.array([row["available"] for row in rows]),
        price=np.array([row["price"] for row in rows]),
        first=np.concatenate([[0], np.cumsum(sizes)]),
    )


def _rows(
    floor: Department, shelf: Category, style: Style, group: str, draws: np.random.Generator
) -> list[Row]:
    brand = floor.brands[style.brand]
    tags = [floor.key, f"brand:{brand}", f"material:{style.material}"]
    rows = []
    for place, (size, colour) in enumerate(style.offers):
        variant = f"{size}, {colour}" if size else colour
        item = f"{group}-{variant.lower().replace(', ', '-').replace(' ', '')}"
        rows.append(
            {
                "item_id": item,
                "title": f"{brand} {style.name} {style.noun}, {variant}",
                "url": f"/p/{item}",
                "image": f"/img/{item}.svg",
                "price": offer_price(style, place),
                "currency": CURRENCY,
                "category": shelf.key,
                "tags": [*tags, f"colour:{colour}"],
                "available": bool(draws.random() >= SOLD_OUT),
                "group_id": group,
            }
        )
    return rows


def _popularity(style: NDArray[np.int32], draws: np.random.Generator) -> NDArray[np.float64]:
    """Return each product's weight: its style's Zipf rank, unevenly shared by its variants."""
    ranks = draws.permutation(int(style.max(initial=0)) + 1) + 1.0
    return np.asarray(ranks[style] ** -SKEW * draws.uniform(0.5, 1.5, len(style)))
