"""Intervals hold the truth about as often as they say, also where cases hang together."""

from __future__ import annotations

import numpy as np

from control_plane.evaluation.intervals import Estimate, estimate

WORLDS = 200


def draw_world(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return hits of 120 visitors, 1 to 12 cases each; each visitor is easy or hard to please."""
    draw = np.random.default_rng(seed)
    sizes = draw.integers(1, 13, 120)
    unit = np.repeat(np.arange(120), sizes)
    easy = draw.choice([0.1, 0.7], 120)
    return (draw.random(len(unit)) < easy[unit]).astype(float), unit


def share_of_worlds(units_of_cases: bool) -> float:
    held = 0
    for seed in range(WORLDS):
        hits, unit = draw_world(seed)
        drawn = unit if units_of_cases else np.arange(len(unit))
        (found,) = estimate(hits[:, None], drawn, seed, draws=300)
        held += found.low <= 0.4 <= found.high
    return held / WORLDS


def test_intervals_over_visitors_hold_the_truth_as_often_as_they_say() -> None:
    # 95 % of 200 worlds, with room for chance (standard error 1.5 points).
    assert 0.90 <= share_of_worlds(units_of_cases=True) <= 0.99


def test_intervals_over_cases_would_promise_too_much() -> None:
    assert share_of_worlds(units_of_cases=False) < 0.80


def test_paired_differences_are_surer_than_the_figures_themselves() -> None:
    hits, unit = draw_world(1)
    better = np.where(np.arange(len(hits)) % 10 == 0, 1.0, hits)
    one, other, apart = estimate(np.stack([better, hits, better - hits], axis=1), unit, 7)
    assert apart.low > 0
    assert one.low < other.high
    assert np.isclose(apart.value, one.value - other.value)


def test_the_same_input_gives_the_same_interval() -> None:
    hits, unit = draw_world(2)
    assert estimate(hits[:, None], unit, 7) == estimate(hits[:, None], unit, 7)
    assert estimate(hits[:, None], unit, 7) != estimate(hits[:, None], unit, 8)


def test_no_case_has_no_interval() -> None:
    nothing = estimate(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), 7)
    assert nothing == [Estimate(0.0, 0.0, 0.0)] * 2


def test_cases_that_are_all_alike_leave_no_doubt() -> None:
    (found,) = estimate(np.ones((9, 1)), np.arange(9), 7)
    assert found == Estimate(1.0, 1.0, 1.0)
