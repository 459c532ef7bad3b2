"""Assignment over many devices, by the bundle's own modules in workerd: shares, moves, overlaps.

Devices are seeded. A share may be off by five standard errors, which chance alone does once in
1.7 million.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from edge_js import Call, EdgeJs
from scipy.stats import chi2_contingency

from control_plane.rules.load import load_rules, to_table

DEVICES = 10_000
RULES = """
content: {{a: {{html: a}}, b: {{html: b}}, c: {{html: c}}}}
slots:
  s:
    rules:
      - id: r
        experiment: {{key: test, variations: [a, b, c], weights: [0.2, 0.3, 0.5], {more}}}
      - id: q
        experiment: {{key: other, variations: [a, b], {other}}}
holdout: {{key: everyone, share: 0.05}}
"""


@pytest.fixture(scope="module")
def devices() -> list[str]:
    """Random identifiers as the worker mints them."""
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    chance = random.Random(8)
    return ["".join(chance.choices(signs, k=22)) for _ in range(DEVICES)]


class Crowd:
    """Assigns all devices by the rules that a project compiles."""

    def __init__(self, edge_js: EdgeJs, folder: Path, devices: list[str]) -> None:
        self.edge_js, self.folder, self.devices = edge_js, folder, devices

    def table(self, more: str = "phase: 1", other: str = "phase: 1") -> dict[str, Any]:
        """Return the compiled rules."""
        (self.folder / "rules.yaml").write_text(RULES.format(more=more, other=other))
        return to_table(load_rules(self.folder))

    def variations(self, more: str = "phase: 1", other: str = "", rule: int = 0) -> list[int]:
        """Return everyone's variation of a rule's experiment, -1 for none."""
        found = self.table(more, other or "phase: 1")["slots"]["s"]["rules"][rule]["experiment"]
        return [
            -1 if one is None else one["variation"] for one in self.call("assign", found, kept=[""])
        ]

    def held(self) -> list[bool]:
        """Return who is held out."""
        return [one is not None for one in self.call("holdout", self.table()["holdout"])]

    def call(self, export: str, entry: Any, kept: list[str] | None = None) -> list[Any]:
        """Call a function of choose.js for each device."""
        return self.edge_js.batch(
            [Call("choose", export, [entry, one, *(kept or [])]) for one in self.devices]
        )


@pytest.fixture(scope="module")
def crowd(edge_js: EdgeJs, tmp_path_factory: pytest.TempPathFactory, devices: list[str]) -> Crowd:
    return Crowd(edge_js, tmp_path_factory.mktemp("crowd"), devices)


def near(count: int, share: float, of: int = DEVICES) -> bool:
    return abs(count / of - share) < 5 * (share * (1 - share) / of) ** 0.5


def independent(one: list[Any], two: list[Any]) -> bool:
    """Say whether two ways to divide people show no dependence (chi-squared, p > 1e-6)."""
    counts = Counter(zip(one, two, strict=True))
    rows, columns = sorted(set(one)), sorted(set(two))
    table = [[counts[(row, column)] for column in columns] for row in rows]
    return float(chi2_contingency(table).pvalue) > 1e-6


def test_assignments_match_their_weights(crowd: Crowd) -> None:
    counts = Counter(crowd.variations())
    assert counts[-1] == 0
    assert all(near(counts[n], share) for n, share in enumerate((0.2, 0.3, 0.5)))


def test_raising_the_coverage_moves_nobody(crowd: Crowd) -> None:
    before = crowd.variations("coverage: 0.3")
    after = crowd.variations("coverage: 0.8")
    assert near(sum(one >= 0 for one in before), 0.3)
    assert near(sum(one >= 0 for one in after), 0.8)
    assert all(b in (-1, a) for b, a in zip(before, after, strict=True))
    counts = Counter(one for one in after if one >= 0)
    total = counts.total()
    assert all(near(counts[n], share, total) for n, share in enumerate((0.2, 0.3, 0.5)))


def test_parts_of_a_namespace_share_nobody_and_leave_nobody_out(crowd: Crowd) -> None:
    parts = {"more": "namespace: [n, 0, 0.4]", "other": "namespace: [n, 0.4, 1]"}
    first, second = (crowd.variations(**parts, rule=rule) for rule in (0, 1))
    assert near(sum(one >= 0 for one in first), 0.4)
    assert all((a >= 0) != (b >= 0) for a, b in zip(first, second, strict=True))
    inside = [one for one in first if one >= 0]
    counts = Counter(inside)
    assert all(near(counts[n], share, len(inside)) for n, share in enumerate((0.2, 0.3, 0.5)))


def test_the_holdout_and_the_experiments_know_nothing_of_one_another(crowd: Crowd) -> None:
    held, first, second = crowd.held(), crowd.variations(), crowd.variations(rule=1)
    assert near(sum(held), 0.05)
    assert independent(held, first)
    assert independent(held, second)
    assert independent(first, second)


def test_a_new_phase_draws_anew(crowd: Crowd) -> None:
    first, second = crowd.variations("phase: 1"), crowd.variations("phase: 2")
    counts = Counter(second)
    assert all(near(counts[n], share) for n, share in enumerate((0.2, 0.3, 0.5)))
    assert independent(first, second)


def test_what_was_shown_before_stays_whatever_the_weights(crowd: Crowd, edge_js: EdgeJs) -> None:
    found = crowd.table()["slots"]["s"]["rules"][0]["experiment"]
    name = edge_js.call("sticky", "shortName", {"key": "test", "phase": 1})
    kept = crowd.call("assign", found, kept=[f"1.{name}-0"])
    assert {one["variation"] for one in kept} == {0}
    assert {one["propensity"] for one in kept} == {0.2}
    gone = crowd.call("assign", found, kept=[f"1.{name}-9"])
    assert [one["variation"] for one in gone] == crowd.variations(), "no variation 9: the hash"
