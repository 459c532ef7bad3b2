"""What `frontshelf bench quality` prints for people."""

from __future__ import annotations

from control_plane.bench.quality import Bar, QualityReport, SetReport
from control_plane.evaluation.cases import SESSION
from control_plane.evaluation.metrics import HR, MRR, NDCG, RECALL
from control_plane.evaluation.report import Panel


def quality_lines(found: QualityReport) -> list[str]:
    """Return a table a set and view, what it took, and which bars are met."""
    return [line for one in found.sets for line in (*_set_lines(one, found.k), "")]


def _set_lines(one: SetReport, k: int) -> list[str]:
    took = ", ".join(
        f"{name} {step.seconds:.1f} s ({step.peak_mb:,} MB)" for name, step in one.steps.items()
    )
    learned = ", ".join(f"{count:,} {name}" for name, count in one.learned.items())
    return [
        f"{one.says}: learned from {learned}, {one.items:,} items",
        f"  {took}; {one.bytes_an_item:.1f} bytes an item",
        *(line for panel in one.panels for line in _panel_lines(panel, k)),
        *map(_bar_line, one.bars),
    ]


def _bar_line(bar: Bar) -> str:
    return f"  {'met' if bar.met else 'NOT met':<8} {bar.says}: {bar.figure:.2f}, bar {bar.bar:.2f}"


def _panel_lines(panel: Panel, k: int) -> list[str]:
    names = (HR, MRR) if panel.situation == SESSION else (RECALL, NDCG)
    head = f"  at {k}, {panel.view}: {panel.cases:,} cases of {panel.units:,}"
    lines = [f"{head:<58} {names[0]:>20} {names[1]:>20}"]
    for one in panel.results:
        first, second = (
            f"{100 * found.value:.2f} ({100 * found.low:.1f}-{100 * found.high:.1f})"
            for found in (one.measures[name] for name in names)
        )
        lines.append(f"    {one.name:<54} {first:>20} {second:>20}")
    return lines
