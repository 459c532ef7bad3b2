"""Invents a shelf's styles: a brand's named product, offered in a few colours or sizes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from control_plane.demo.taxonomy import Category

#: How many variants styles have; two is commonest.
VARIANTS = (1, 2, 2, 3, 3, 4)
BY_SIZE = 0.4
SIZE_STEP = 0.18

Offer = tuple[str, str]


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """One product as designed. `brand` is a place in the department's brands, plain ones first.

    `offers` are its variants as (size or "", colour); `price` is the first one's, in EUR.
    """

    noun: str
    silhouette: int
    name: str
    brand: int
    material: str
    price: float
    offers: tuple[Offer, ...]


def make_styles(
    shelf: Category, names: tuple[str, ...], brands: int, products: int, draws: np.random.Generator
) -> list[Style]:
    """Return styles with `products` variants in all; alike ones stand side by side."""
    styles: list[Style] = []
    left = products
    for name in _names(names, draws):
        if left <= 0:
            break
        style = _make_style(shelf, name, brands, left, draws)
        styles.append(style)
        left -= len(style.offers)
    return sorted(styles, key=lambda style: (style.silhouette, style.brand))


def offer_price(style: Style, place: int) -> float:
    """Return the price of a style's variant as shops write it; larger sizes cost more."""
    step = SIZE_STEP * place if style.offers[place][0] else 0.0
    return _charm(style.price * (1 + step))


def _names(names: tuple[str, ...], draws: np.random.Generator) -> Iterator[str]:
    while True:
        for place in draws.permutation(len(names)).tolist():
            yield names[place]


def _make_style(
    shelf: Category, name: str, brands: int, most: int, draws: np.random.Generator
) -> Style:
    silhouette = int(draws.integers(len(shelf.nouns)))
    nouns = shelf.nouns[silhouette]
    brand = int(draws.integers(brands))
    return Style(
        noun=nouns[int(draws.integers(len(nouns)))],
        silhouette=silhouette,
        name=name,
        brand=brand,
        material=shelf.materials[int(draws.integers(len(shelf.materials)))],
        price=_price(shelf, brand / max(1, brands - 1), draws),
        offers=_offers(shelf, most, draws),
    )


def _offers(shelf: Category, most: int, draws: np.random.Generator) -> tuple[Offer, ...]:
    count = min(most, VARIANTS[int(draws.integers(len(VARIANTS)))])
    colours = [shelf.colours[place] for place in draws.permutation(len(shelf.colours)).tolist()]
    if shelf.sizes and draws.random() < BY_SIZE:
        return tuple((size, colours[0]) for size in shelf.sizes[:count])
    return tuple(("", colour) for colour in colours[:count])


def _price(shelf: Category, dearness: float, draws: np.random.Generator) -> float:
    """Return a price log-uniform in the shelf's range; dear brands stand in its upper part."""
    low, high = shelf.price
    place = float(np.clip(0.15 + 0.5 * dearness + draws.normal(0, 0.14), 0, 1))
    return float(low * (high / low) ** place)


def _charm(price: float) -> float:
    """Return 8.90, 24.50, 139.00 or 1190.00: the endings that prices have."""
    if price < 20:
        return round(price) - 0.1
    if price < 60:
        return round(price * 2) / 2
    return float(round(price / 10) * 10 - (1 if price < 900 else 0))
