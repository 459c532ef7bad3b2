"""Values are filled: what a shop needs few of, a session reads few of."""

from __future__ import annotations

import numpy as np
import pytest

from control_plane.compiler.cards import NO_PRICE, Cards
from control_plane.compiler.items import item_values
from control_plane.compiler.rows import renumber
from control_plane.hashing import hash_texts
from control_plane.models.artifacts import Rows
from control_plane.tables import MAX_VALUE_BYTES

COUNT = 20_000


def cards_of(skus: list[str], *, bare: bool) -> Cards:
    """Return cards of SKUs alone, or with the texts of a shop."""
    count = len(skus)
    titles = ["" if bare else f"{('Oak', 'Elm')[n % 2]} table {n % 90}" for n in range(count)]
    return Cards(
        sku=skus,
        title=titles,
        url=["" if bare else f"/t/{n % 7}/{sku}" for n, sku in enumerate(skus)],
        image=["" if bare else f"https://cdn.example/{sku}.webp" for sku in skus],
        category=["" if bare else "tables"] * count,
        currency=["" if bare else "EUR"] * count,
        price=np.full(count, NO_PRICE, np.uint32) if bare else np.arange(count, dtype=np.uint32),
        group=np.zeros(count, np.uint32),
        available=np.ones(count, np.bool_),
    )


def next_ones(count: int) -> Rows:
    """Return rows of the `count` items that follow each, in coding order."""
    items = (np.arange(COUNT)[:, None] + np.arange(1, count + 1)) % COUNT
    indptr = np.arange(COUNT + 1, dtype=np.int64) * count
    rows = Rows(indptr, items.ravel().astype(np.int32), np.ones(COUNT * count, np.float32))
    order = np.arange(COUNT)
    return renumber(rows, order, order)


@pytest.mark.parametrize("bare", [True, False], ids=["bare cards", "whole cards"])
def test_values_are_filled_and_only_bare_cards_stand_apart(bare: bool) -> None:
    skus = [str(number) for number in np.random.default_rng(1).permutation(COUNT * 9)[:COUNT]]
    made = item_values(next_ones(8), cards_of(skus, bare=bare), hash_texts(skus))
    assert bool(made.card_values) == bare
    sizes = [len(value.data) for value in made.values]
    assert max(sizes) <= MAX_VALUE_BYTES
    assert min(sizes[:-1]) > (0.9 if bare else 0.7) * MAX_VALUE_BYTES
    if bare:
        assert len(made.card_values) == 1
        assert len(made.card_values[0].data) < 3 * COUNT
    assert made.cuts[-1] == COUNT


def test_a_catalogue_that_nobody_has_looked_at_compiles() -> None:
    skus = [str(number) for number in range(COUNT)]
    made = item_values(next_ones(0), cards_of(skus, bare=True), hash_texts(skus))
    assert made.cuts[-1] == COUNT
    assert np.diff(made.cuts).max() <= 6_000
