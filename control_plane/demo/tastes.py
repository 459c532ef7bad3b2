"""The hidden tastes of the sample shop's visitors: what each group cares for, and how much."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Everyone looks at everything now and then.
CURIOSITY = 0.06

TASTES: dict[str, dict[str, float]] = {
    "mountaineer": {
        "hiking-boots": 5, "backpacks": 5, "tents": 2.5, "sleeping-bags": 3, "camp-stoves": 2,
        "jackets": 3, "bottles": 1, "sports-watches": 1,
    },
    "camper": {
        "lanterns": 5, "camp-stoves": 4, "tents": 4, "sleeping-bags": 3, "throws": 1, "mugs": 1,
        "rain-boots": 0.6, "kites": 1,
    },
    "racer": {
        "running-shoes": 6, "sports-watches": 4, "bottles": 3, "cycling-helmets": 3,
        "bike-lights": 3, "hats": 0.5,
    },
    "dresser": {
        "dresses": 4, "knitwear": 4, "shirts": 3, "trousers": 3, "sneakers": 3, "totes": 4,
        "scarves": 2.5, "hats": 2, "jackets": 2,
    },
    "cook": {
        "pans": 6, "knives": 5, "bowls": 3, "teapots": 2.5, "mugs": 2, "plant-pots": 0.5,
    },
    "homemaker": {
        "table-lamps": 4, "cushions": 5, "throws": 3, "vases": 4, "armchairs": 3, "mugs": 1,
    },
    "gardener": {
        "plant-pots": 5, "garden-tools": 5, "watering-cans": 3, "bird-houses": 3,
        "garden-gloves": 3, "vases": 0.6,
    },
    "parent": {
        "soft-toys": 5, "picture-books": 4, "wooden-toys": 5, "rain-boots": 3, "kites": 2,
        "knitwear": 0.6,
    },
}  # fmt: skip

#: Shares of the groups among visitors.
SHARES = (0.12, 0.11, 0.13, 0.19, 0.12, 0.13, 0.10, 0.10)

#: The share of each group's people with a small, middling and large purse.
PURSES = {
    "mountaineer": (0.2, 0.4, 0.4), "camper": (0.5, 0.35, 0.15), "racer": (0.25, 0.4, 0.35),
    "dresser": (0.35, 0.4, 0.25), "cook": (0.3, 0.4, 0.3), "homemaker": (0.3, 0.4, 0.3),
    "gardener": (0.5, 0.35, 0.15), "parent": (0.55, 0.35, 0.1),
}  # fmt: skip


def affinities(categories: list[str], stocked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how much each group cares for each category, (groups, categories), rows sum to 1."""
    table = np.array(
        [[liked.get(key, 0.0) + CURIOSITY for key in categories] for liked in TASTES.values()]
    )
    table *= stocked
    return np.asarray(table / table.sum(axis=1, keepdims=True))
