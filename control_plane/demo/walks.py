"""Walks visitors through the shop: which products a session looks at, one after the other."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.demo.catalogue import TIERS, Catalogue
from control_plane.demo.people import People
from control_plane.demo.tastes import TASTES

MAX_VIEWS = 20
MEAN_VIEWS = 3.7

#: What a step does, and how often: stay on the shelf, look at what stands beside it, come back
#: to something seen, go to another shelf that one cares for, follow the crowd.
STAY, BESIDE, AGAIN, ELSEWHERE, CROWD = range(5)
STEPS = (0.36, 0.31, 0.12, 0.14, 0.07)
NEARBY = 4
#: How strongly purses shape what people look at, and groups which styles.
THRIFT, STYLE_SPREAD = 0.9, 0.7


class Walks(msgspec.Struct, frozen=True):
    """Sessions by number: visitor (s,) int64, length (s,) int64; items (s, MAX_VIEWS) int32.

    `fresh` (s, MAX_VIEWS) bool: the view came from a list, so the list was seen before it.
    """

    visitor: NDArray[np.int64]
    length: NDArray[np.int64]
    items: NDArray[np.int32]
    fresh: NDArray[np.bool_]


def walk(people: People, shop: Catalogue, draws: np.random.Generator) -> Walks:
    """Return every session of every visitor."""
    visitor = np.repeat(np.arange(len(people.visits)), people.visits)
    length = np.minimum(draws.geometric(1 / MEAN_VIEWS, len(visitor)), MAX_VIEWS)
    items = np.zeros((len(visitor), MAX_VIEWS), dtype=np.int32)
    fresh = np.zeros((len(visitor), MAX_VIEWS), dtype=np.bool_)
    shelves = _Shelves(people, shop, draws)
    items[:, 0] = shelves.pick(visitor, shelves.favourite(visitor))
    fresh[:, 0] = True
    for step in range(1, MAX_VIEWS):
        going = np.flatnonzero(length > step)
        items[going, step], fresh[going, step] = _step(
            shelves, visitor[going], items[going, :step], draws
        )
    return Walks(visitor, length, items, fresh)


def _step(
    shelves: _Shelves,
    visitor: NDArray[np.int64],
    seen: NDArray[np.int32],
    draws: np.random.Generator,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    here = seen[:, -1]
    action = draws.choice(len(STEPS), len(visitor), p=STEPS)
    shelf = shelves.shop.category[here].astype(np.int64)
    chosen = shelves.pick(visitor, shelf)
    for kind, found in (
        (BESIDE, shelves.beside(here)),
        (AGAIN, seen[np.arange(len(seen)), draws.integers(seen.shape[1], size=len(seen))]),
        (ELSEWHERE, shelves.pick(visitor, shelves.favourite(visitor))),
        (CROWD, shelves.crowd(len(visitor))),
    ):
        chosen = np.where(action == kind, found, chosen)
    return chosen.astype(np.int32), (action == STAY) | (action == ELSEWHERE)


class _Shelves:
    """Draws products: by group and purse within a category, by neighbourhood, by popularity."""

    def __init__(self, people: People, shop: Catalogue, draws: np.random.Generator) -> None:
        self.people, self.shop, self.draws = people, shop, draws
        products, groups = len(shop.rows), len(TASTES)
        style_taste = np.exp(draws.normal(0, STYLE_SPREAD, (groups, int(shop.style.max()) + 1)))
        purse = np.exp(-THRIFT * np.abs(np.arange(TIERS)[:, None] - shop.tier[None, :]))
        weights = style_taste[:, None, shop.style] * purse[None] * shop.weight
        #: Cumulative weights along products, one line for each (group, purse); lines do not meet.
        self.total = np.cumsum(weights.reshape(groups * TIERS, products), axis=1)
        self.popular = np.cumsum(shop.weight / shop.weight.sum())

    def favourite(self, visitor: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return a category each visitor cares for."""
        drawn = self.draws.random((len(visitor), 1))
        return np.asarray((drawn > self.people.taste[visitor][:, :-1]).sum(axis=1))

    def pick(self, visitor: NDArray[np.int64], shelf: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return a product of each visitor's shelf, by group and purse."""
        people, out = self.people, np.zeros(len(visitor), dtype=np.int32)
        drawn = self.draws.random(len(visitor))
        line = people.group[visitor].astype(np.int64) * TIERS + people.purse[visitor]
        for number in np.unique(line):
            mine = np.flatnonzero(line == number)
            total = np.concatenate([[0.0], self.total[number]])
            low, high = total[self.shop.first[shelf[mine]]], total[self.shop.first[shelf[mine] + 1]]
            place = np.searchsorted(total, low + drawn[mine] * (high - low), side="right") - 1
            last = self.shop.first[shelf[mine] + 1] - 1
            out[mine] = np.clip(place, self.shop.first[shelf[mine]], last)
        return out

    def beside(self, here: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return a product that stands near each one, on the same shelf."""
        shelf = self.shop.category[here]
        step = self.draws.integers(1, NEARBY + 1, len(here))
        step = np.where(self.draws.random(len(here)) < 0.5, step, -step)
        low, high = self.shop.first[shelf], self.shop.first[shelf + 1] - 1
        return np.clip(here + step, low, high).astype(np.int32)

    def crowd(self, count: int) -> NDArray[np.int32]:
        """Return products as popular as they are."""
        place = np.searchsorted(self.popular, self.draws.random(count))
        return np.minimum(place, len(self.popular) - 1).astype(np.int32)
