"""Which visitors have rows where there is not room for all."""

from __future__ import annotations

import numpy as np
import pytest

from control_plane.compiler.visitors import visitor_values
from control_plane.models.artifacts import Rows, Visitors, no_rows, no_sets

COUNT = 200


@pytest.fixture
def visitors() -> Visitors:
    """Visitors with five items each; the higher the number's last two digits, the more active."""
    items = np.arange(5 * COUNT, dtype=np.int32) % 50
    return Visitors(
        keys=(np.arange(1, COUNT + 1, dtype=np.uint64) << np.uint64(40)),
        segment=np.zeros(COUNT, np.int16),
        rows=Rows(np.arange(COUNT + 1) * 5, items, np.ones(len(items), np.float32)),
        bought=no_sets(COUNT),
        seen=no_sets(COUNT),
        rebuy=no_rows(COUNT),
        hidden=no_sets(COUNT),
        activity=(np.arange(COUNT) % 100).astype(np.float32),
    )


def made(visitors: Visitors, budget: int) -> tuple[int, int, bytes]:
    """Return how many rows there are, and their values' bytes."""
    found = visitor_values(visitors, np.arange(50), "k1", budget)
    data = b"".join(value.data for value in found.values)
    return found.count, len(data), data


def test_with_room_all_visitors_have_rows(visitors: Visitors) -> None:
    assert made(visitors, 10**6)[0] == COUNT


def test_rows_stay_within_the_budget_but_for_headers(visitors: Visitors) -> None:
    for budget in (0, 500, 1500):
        count, size, _ = made(visitors, budget)
        assert size <= budget + 700
        assert (count == 0) == (budget == 0)
    assert 0 < made(visitors, 500)[0] < made(visitors, 1500)[0] < COUNT


def test_the_most_active_visitors_have_rows(visitors: Visitors) -> None:
    count, _, data = made(visitors, 1500)
    active = np.sort(np.argsort(-visitors.activity, kind="stable")[:count])
    only = Visitors(
        keys=visitors.keys[active],
        segment=visitors.segment[active],
        rows=Rows(
            np.arange(count + 1) * 5,
            visitors.rows.items.reshape(COUNT, 5)[active].ravel(),
            np.ones(5 * count, np.float32),
        ),
        bought=no_sets(count),
        seen=no_sets(count),
        rebuy=no_rows(count),
        hidden=no_sets(count),
        activity=visitors.activity[active],
    )
    # Ids are coded for all visitors, these or those: the rows' sizes are alike, and their keys.
    assert abs(len(data) - made(only, 10**6)[1]) < 60
    assert count == made(only, 10**6)[0]
    assert data == made(visitors, 1500)[2]
