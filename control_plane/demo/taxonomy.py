"""The sample shop's departments and categories, read from taxonomy.toml beside this file."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import msgspec


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One shelf. `nouns` has a list for each silhouette; `price` is a range in EUR."""

    key: str
    name: str
    nouns: tuple[tuple[str, ...], ...]
    materials: tuple[str, ...]
    colours: tuple[str, ...]
    price: tuple[int, int]
    sizes: tuple[str, ...] = ()


class Department(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A floor of the shop; its brands stand from the plainest to the dearest."""

    key: str
    name: str
    line: str
    brands: tuple[str, ...]
    categories: tuple[Category, ...]


class Taxonomy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All departments, and the names that styles are called by."""

    names: tuple[str, ...]
    departments: tuple[Department, ...]

    @property
    def categories(self) -> tuple[Category, ...]:
        """All categories, in the order of the shop's floors."""
        return tuple(shelf for floor in self.departments for shelf in floor.categories)

    def category(self, key: str) -> Category | None:
        """Return the category of that key, or None."""
        return next((shelf for shelf in self.categories if shelf.key == key), None)

    def department_of(self, category: str) -> Department:
        """Return the department a category belongs to; raise KeyError for an unknown one."""
        for floor in self.departments:
            if any(shelf.key == category for shelf in floor.categories):
                return floor
        raise KeyError(category)


@cache
def load_taxonomy() -> Taxonomy:
    """Return the sample shop's taxonomy."""
    text = files("control_plane.demo").joinpath("taxonomy.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Taxonomy)


def silhouette(category: Category, title: str) -> int:
    """Return which silhouette of its category's drawing a title asks for."""
    name = title.partition(", ")[0]
    # The longest noun counts: "Dotted Rain Boots" are not just "Rain Boots".
    found = [
        (len(noun), place)
        for place, nouns in enumerate(category.nouns)
        for noun in nouns
        if name.endswith(noun)
    ]
    return max(found)[1] if found else 0
