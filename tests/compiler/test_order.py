from __future__ import annotations

import numpy as np
import pytest

from control_plane.compiler.order import clustered_order

Pairs = list[tuple[int, int, float]]


def order_of(count: int, pairs: Pairs, leftovers: list[int] | None = None) -> list[int]:
    rows: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for one, other, score in pairs:
        rows[one].append((other, score))
    flat = [entry for row in rows for entry in row]
    rank = np.array(leftovers if leftovers is not None else range(count), dtype=np.int64)
    return clustered_order(
        np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        np.array([item for item, _ in flat], dtype=np.int32),
        np.array([score for _, score in flat], dtype=np.float32),
        rank,
    ).tolist()


def test_items_that_go_together_stand_together() -> None:
    evens = [(i, j, 1.0) for i in range(0, 20, 2) for j in range(0, 20, 2) if i != j]
    odds = [(i, j, 1.0) for i in range(1, 20, 2) for j in range(1, 20, 2) if i != j]
    order = order_of(20, [*evens, *odds])
    parities = [item % 2 for item in order]
    assert parities in ([0] * 10 + [1] * 10, [1] * 10 + [0] * 10)


def test_every_item_is_numbered_once() -> None:
    generator = np.random.default_rng(3)
    pairs = [
        (int(a), int(b), float(s))
        for a, b, s in zip(
            generator.integers(0, 300, 900),
            generator.integers(0, 300, 900),
            generator.random(900),
            strict=True,
        )
    ]
    unique = {(a, b): s for a, b, s in pairs}
    order = order_of(300, [(a, b, s) for (a, b), s in unique.items()])
    assert sorted(order) == list(range(300))


def test_items_without_neighbours_stand_by_their_rank() -> None:
    assert order_of(4, [], [3, 1, 2, 0]) == [3, 1, 2, 0]


@pytest.mark.parametrize("count", [0, 1])
def test_a_shop_of_hardly_any_items_is_numbered(count: int) -> None:
    assert order_of(count, []) == list(range(count))
