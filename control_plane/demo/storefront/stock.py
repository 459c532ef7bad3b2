"""Reads the sample shop's catalogue, and finds products in it by category and words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from control_plane.demo.palette import COLOURS
from control_plane.demo.sample import ITEMS
from control_plane.demo.taxonomy import Taxonomy, load_taxonomy, silhouette
from control_plane.errors import InputError
from control_plane.hashing import hash_texts


class Product(msgspec.Struct, frozen=True):
    """One row of items.jsonl, with what pages show of it besides."""

    item_id: str
    title: str
    url: str
    image: str
    price: float
    currency: str
    category: str
    tags: tuple[str, ...]
    available: bool
    group_id: str

    @property
    def brand(self) -> str:
        """Who makes it."""
        return self._tag("brand")

    @property
    def colour(self) -> str:
        """Its colour's name, as in the palette."""
        return self._tag("colour")

    @property
    def material(self) -> str:
        """What it is made of."""
        return self._tag("material")

    @property
    def name(self) -> str:
        """The title without the variant."""
        return self.title.partition(", ")[0]

    @property
    def model(self) -> str:
        """The name without the brand."""
        return self.name.removeprefix(f"{self.brand} ")

    @property
    def variant(self) -> str:
        """Size and colour, as far as they tell it from its group."""
        return self.title.partition(", ")[2]

    def _tag(self, kind: str) -> str:
        found = (tag.partition(":")[2] for tag in self.tags if tag.startswith(f"{kind}:"))
        return next(found, "")


class Stock:
    """The products of a shop folder, in the catalogue's order."""

    def __init__(self, products: list[Product], taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.products = {product.item_id: product for product in products}
        self._shelves: dict[str, list[Product]] = {}
        self._groups: dict[str, list[Product]] = {}
        for product in products:
            self._shelves.setdefault(product.category, []).append(product)
            self._groups.setdefault(product.group_id, []).append(product)
        # The shop's own order: neither by name nor by what anybody looked at.
        places = hash_texts([product.item_id for product in products])[0].tolist()
        self._place = {
            product.item_id: place for product, place in zip(products, places, strict=True)
        }

    def shelf(self, category: str) -> list[Product]:
        """Return a category's products, the shop's favourites first."""
        return self._by_place(self._shelves.get(category, []))

    def variants(self, product: Product) -> list[Product]:
        """Return all variants of a product, itself among them."""
        return self._groups[product.group_id]

    def picks(self, categories: list[str], limit: int) -> list[Product]:
        """Return up to `limit` products, one style each, the categories taking turns."""
        shelves = [_styles(self.shelf(key), limit) for key in categories]
        turns = [shelf[turn : turn + 1] for turn in range(limit) for shelf in shelves]
        return [product for turn in turns for product in turn][:limit]

    def beside(self, category: str, limit: int) -> list[Product]:
        """Return up to `limit` products of the other categories on a category's floor."""
        floor = self.taxonomy.department_of(category)
        return self.picks([one.key for one in floor.categories if one.key != category], limit)

    def alike(self, product: Product, limit: int) -> list[Product]:
        """Return other styles of a product's category, the same shape and colour first.

        A small category is filled up from the rest of its department.
        """
        shelf = self.taxonomy.category(product.category)
        shape = silhouette(shelf, product.title) if shelf else 0

        def distance(one: Product) -> tuple[bool, bool]:
            other = shelf is not None and silhouette(shelf, one.title) != shape
            return other, one.colour != product.colour

        others = [one for one in self.shelf(product.category) if one.group_id != product.group_id]
        others.sort(key=distance)
        return [*_styles(others, limit), *self.beside(product.category, limit)][:limit]

    def search(self, query: str) -> list[Product]:
        """Return the products that have every word of `query` at the start of one of theirs."""
        words = re.findall(r"\w+", query.lower())
        found = [product for product in self.products.values() if _has(product, words)]
        return self._by_place(found) if words else []

    def _by_place(self, products: list[Product]) -> list[Product]:
        return sorted(products, key=lambda one: (not one.available, self._place[one.item_id]))


def read_stock(folder: Path) -> Stock:
    """Read `folder/items.jsonl`; raise InputError when it is missing or malformed."""
    file = folder / ITEMS
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError as error:
        raise InputError(
            "no catalogue", file=file, remedy="Generate the sample shop with 'frontshelf demo'."
        ) from error
    products = []
    for number, line in enumerate(lines, 1):
        try:
            products.append(msgspec.json.decode(line, type=Product))
        except msgspec.DecodeError as error:
            raise InputError(str(error), file=file, line=number) from error
    return Stock(products, load_taxonomy())


def swatch(colour: str) -> str:
    """Return the CSS class that shows a colour of the palette."""
    return f"swatch-{colour.lower()}" if colour in COLOURS else "swatch-slate"


def _styles(products: list[Product], limit: int) -> list[Product]:
    """Return the first available product of each group, at most `limit`."""
    first: dict[str, Product] = {}
    for product in products:
        if product.available:
            first.setdefault(product.group_id, product)
    return list(first.values())[:limit]


def _has(product: Product, words: list[str]) -> bool:
    text = " ".join((product.title, product.category, *product.tags)).lower()
    own = re.findall(r"\w+", text)
    return all(any(one.startswith(word) for one in own) for word in words)


def as_row(product: Product) -> dict[str, Any]:
    """Return what an event says of a product."""
    return {
        "product_id": product.item_id,
        "name": product.title,
        "category": product.category,
        "price": product.price,
        "currency": product.currency,
    }
