"""Turns lists into a report's figures, with intervals and paired differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from control_plane.evaluation.ask import Shown
from control_plane.evaluation.intervals import Estimate, estimate
from control_plane.evaluation.metrics import MEASURES, score, spread
from control_plane.evaluation.panels import View
from control_plane.evaluation.report import EdgeFigures, Group, Result

#: Groups of fewer cases say nothing of themselves.
FEWEST_CASES = 30

#: Groups of one kind that are told apart, the largest.
MOST_GROUPS = 12


class Scorer:
    """Scores lists over the cases of a view."""

    def __init__(
        self, view: View, product: NDArray[np.int32], popularity: NDArray[np.float64], seed: int
    ) -> None:
        self.view, self.seed = view, seed
        self._product, self._popularity = np.append(product, np.int32(-1)), popularity

    def products(self, shown: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return lists of items as products, -1 where one is there already."""
        lists = self._product[shown]
        same = lists[:, :, None] == lists[:, None, :]
        again = np.tril(same, -1).any(axis=2)
        return np.where(again, np.int32(-1), lists)

    def scores(self, shown: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return every measure of every case."""
        return score(self.products(shown), self.view.cases.wanted, self.view.cases.later)

    def result(
        self,
        name: str,
        shown: Shown,
        *,
        baselines: dict[str, NDArray[np.float64]] | None = None,
        groups: dict[str, list[str]] | None = None,
        stages: list[str] | None = None,
        edge: Shown | None = None,
    ) -> Result:
        """Return the figures of one shelf, or of a baseline when `baselines` is None."""
        values, unit = self.scores(shown.items), self.view.cases.unit
        others = baselines or {}
        columns = [values, *(values - other for other in others.values())]
        found = estimate(np.concatenate(columns, axis=1), unit, self.seed)
        width, products = len(MEASURES), len(np.unique(self._product)) - 1
        return Result(
            name=name,
            baseline=baselines is None,
            measures=_named(found[:width]),
            spread=spread(
                self.products(shown.items), self.view.cases.wanted, self._popularity, products
            ),
            short=float((shown.items[:, -1] < 0).mean()),
            microseconds=round(1e6 * float(np.mean(shown.seconds)), 1),
            stages=stages or [],
            reasons=_shares(shown.reasons),
            beyond={
                other: _named(found[width * place : width * (place + 1)])
                for place, other in enumerate(others, start=1)
            },
            groups={kind: self._groups(values, labels) for kind, labels in (groups or {}).items()},
            edge=self._edge(shown, edge) if edge else None,
        )

    def _edge(self, shown: Shown, edge: Shown) -> EdgeFigures:
        p50, p95, p99 = (1000 * np.quantile(edge.seconds, [0.5, 0.95, 0.99])).round(3).tolist()
        means = self.scores(edge.items).mean(axis=0)
        return EdgeFigures(
            identical=float((shown.items == edge.items).all(axis=1).mean()),
            measures=dict(zip(MEASURES, map(float, means), strict=True)),
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
        )

    def _groups(self, values: NDArray[np.float64], labels: list[str]) -> dict[str, Group]:
        label, unit = np.array(labels), self.view.cases.unit
        names, counts = np.unique(label, return_counts=True)
        largest = np.argsort(-counts, kind="stable")[:MOST_GROUPS]
        groups = {}
        for name in names[np.sort(largest)].tolist():
            rows = label == name
            if name and rows.sum() >= FEWEST_CASES:
                found = _named(estimate(values[rows], unit[rows], self.seed))
                groups[name] = Group(int(rows.sum()), len(np.unique(unit[rows])), found)
        return groups


def _named(found: list[Estimate]) -> dict[str, Estimate]:
    return dict(zip(MEASURES, found, strict=True))


def _shares(reasons: list[str]) -> dict[str, float]:
    names, counts = np.unique(reasons, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(names[i]): float(counts[i] / len(reasons)) for i in order}
