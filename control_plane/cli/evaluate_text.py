"""What `frontshelf evaluate` prints for people."""

from __future__ import annotations

from control_plane.evaluation.intervals import Estimate
from control_plane.evaluation.report import Evaluation, Panel, Result

_HEAD = f"  {'':<32} {'HR':>17} {'MRR':>17} {'recall':>7} {'NDCG':>6} {'cover':>6}"


def evaluation_lines(found: Evaluation) -> list[str]:
    """Return the summary, a table a view, and what to mind."""
    told = f"learned until {found.model_time}, tested from {found.since} to {found.until}"
    lines = [told, "", *found.summary]
    for panel in found.panels:
        lines += ["", *_panel_lines(panel, found.k)]
    size = f"{found.each['item']:,.1f} bytes an item, {found.each['visitor']:,.1f} a visitor"
    return [*lines, "", size, *(f"note: {text}" for text in found.warnings)]


def _panel_lines(panel: Panel, k: int) -> list[str]:
    title = (
        f"{panel.situation}, {panel.view}, at {k}: {panel.cases:,} cases of {panel.units:,} "
        f"visitors ({panel.says}); per cent, with 95 % intervals"
    )
    lines = [title, _HEAD]
    for one in panel.results:
        lines.append(_result_line(one))
        if one.edge:
            lines.append(
                f"  {'':<32} the running worker: HR {100 * one.edge.measures['hr']:.1f}, "
                f"{one.edge.identical:.1%} of its lists the same; p50 {one.edge.p50_ms:.2f} ms, "
                f"p99 {one.edge.p99_ms:.2f} ms"
            )
    return lines


def _result_line(one: Result) -> str:
    hr, mrr = _interval(one.measures["hr"]), _interval(one.measures["mrr"])
    recall, ndcg = (100 * one.measures[name].value for name in ("recall", "ndcg"))
    name = f"  {one.name}" if one.baseline else one.name
    return (
        f"  {name:<32} {hr:>17} {mrr:>17} {recall:7.1f} {ndcg:6.1f} "
        f"{100 * one.spread.coverage:6.1f}"
    )


def _interval(one: Estimate) -> str:
    return f"{100 * one.value:.1f} ({100 * one.low:.1f}-{100 * one.high:.1f})"
