"""An evaluation as a page: what it means first, then every figure."""

from __future__ import annotations

from pathlib import Path

from control_plane.evaluation.intervals import Estimate
from control_plane.evaluation.report import Evaluation, Panel, Result
from control_plane.models.page import Block, Figure, Page, Section, Table, Text, write_page
from control_plane.models.plots import Bar, bar_plot

_NAMES = {"hr": "hit rate", "mrr": "MRR", "recall": "recall", "ndcg": "NDCG"}

_TERMS = (
    "Hit rate: for how many of 100 cases the list holds what was wanted. MRR: the mean of one "
    "over the place of the first hit. Recall: which share of all that came later the list holds. "
    "NDCG: the same, early places counting more. Coverage: which share of all products any list "
    "shows. Novelty: how rare shown products are (bits). Popularity: how popular shown products "
    "are beside what people chose themselves (1: alike). Gini: how unequally products are shown "
    "(0: all alike). Intervals are 95 %, drawn over whole visitors. Variants of one product count "
    "as one."
)


def write_evaluation(found: Evaluation, file: Path) -> Path:
    """Write the page; OSError leaves an older one in place."""
    return write_page(evaluation_page(found), file)


def evaluation_page(found: Evaluation) -> Page:
    """Return an evaluation's page."""
    how = "trained on what is older" if found.trained else "trained before"
    tested = (
        f"What visitors did from {found.since} to {found.until}. The model was {how}, until "
        f"{found.model_time}, and knew nothing of it."
    )
    return Page(
        title="How good the shelves are",
        lead=" ".join(found.summary) or tested,
        facts=_facts(found),
        warnings=[*found.disagreements, *found.warnings],
        sections=[
            Section("What was tested", [Text(tested)]),
            *(_section(panel, found.k) for panel in found.panels),
            Section("What it costs", _costs(found)),
            Section("What the words mean", [Text(_TERMS)]),
        ],
    )


def _facts(found: Evaluation) -> list[tuple[str, str]]:
    return [
        ("events learned from", f"{found.events['older']:,}"),
        ("events tested with", f"{found.events['newer']:,}"),
        ("items a list", str(found.k)),
        ("bytes an item", f"{found.each['item']:,.1f}"),
        ("bytes a visitor", f"{found.each['visitor']:,.1f}"),
    ]


def _section(panel: Panel, k: int) -> Section:
    title = f"{panel.situation.capitalize()}, {panel.view}"
    shelves = [one for one in panel.results if not one.baseline]
    says = f"Wanted: {panel.says}. {panel.cases:,} cases of {panel.units:,} visitors."
    return Section(
        title,
        [
            Text(says),
            Figure(_plot(panel, k, title), "Shelves first, then the plain methods they must beat; "
                   "the line is the 95 % interval."),
            _measures(panel, k),
            _spread(panel),
            *_beyond(shelves),
            *(block for one in shelves for block in _groups(one)),
            *_edge(shelves),
        ],
    )  # fmt: skip


def _plot(panel: Panel, k: int, title: str) -> str:
    bars = [
        Bar(
            name=one.name,
            value=100 * one.measures["hr"].value,
            low=100 * one.measures["hr"].low,
            high=100 * one.measures["hr"].high,
            aside=one.baseline,
        )
        for one in panel.results
    ]
    return bar_plot(f"Hit rate at {k}: {title}", bars, x_label=f"hits among {k} shown, of 100")


def _measures(panel: Panel, k: int) -> Table:
    head = ["", *(f"{name} at {k}" for name in _NAMES.values())]
    rows = [[one.name, *(_interval(one.measures[key]) for key in _NAMES)] for one in panel.results]
    return Table(head, rows, caption="Per cent, with 95 % intervals")


def _spread(panel: Panel) -> Table:
    head = ["", "coverage", "novelty", "popularity", "Gini", "short lists", "µs a list", "first by"]
    rows = [
        [
            one.name,
            f"{100 * one.spread.coverage:.1f} %",
            f"{one.spread.novelty:.2f}",
            f"{one.spread.popularity:.2f}",
            f"{one.spread.gini:.2f}",
            f"{100 * one.short:.1f} %",
            f"{one.microseconds:,.0f}",
            ", ".join(f"{name} {share:.0%}" for name, share in one.reasons.items()) or "–",
        ]
        for one in panel.results
    ]
    return Table(
        head, rows, caption="What is shown, and which source gave the first item", folded=True
    )


def _beyond(shelves: list[Result]) -> list[Block]:
    rows = [
        [f"{one.name} over {other}", *(_interval(found[key], sign=True) for key in _NAMES)]
        for one in shelves
        for other, found in one.beyond.items()
    ]
    caption = "Points above the plain methods, on the same cases; above 0 throughout: surely better"
    return [Table(["", *_NAMES.values()], rows, caption=caption, folded=True)] if rows else []


def _groups(one: Result) -> list[Block]:
    return [
        Table(
            [kind, "cases", "visitors", *_NAMES.values()],
            [
                [
                    name,
                    f"{group.cases:,}",
                    f"{group.units:,}",
                    *(_interval(group.measures[key]) for key in _NAMES),
                ]
                for name, group in groups.items()
            ],
            caption=f"{one.name} by {kind}",
            folded=True,
        )
        for kind, groups in one.groups.items()
        if len(groups) > 1
    ]


def _edge(shelves: list[Result]) -> list[Block]:
    rows = [
        [
            one.name,
            f"{100 * one.edge.identical:.2f} %",
            *(f"{100 * one.edge.measures[key]:.1f}" for key in _NAMES),
            *(f"{ms:.2f} ms" for ms in (one.edge.p50_ms, one.edge.p95_ms, one.edge.p99_ms)),
        ]
        for one in shelves
        if one.edge
    ]
    head = ["", "same lists", *_NAMES.values(), "p50", "p95", "p99"]
    return [Table(head, rows, caption="As the running worker answered")] if rows else []


def _costs(found: Evaluation) -> list[Block]:
    sizes = [[kind, f"{count:,}"] for kind, count in sorted(found.bytes.items())]
    times = [[step, f"{seconds:,.1f}"] for step, seconds in found.seconds.items()]
    return [
        Table(["tables", "bytes"], sizes),
        Table(
            ["step of this evaluation", "seconds"], times, folded=True, caption="How long it took"
        ),
    ]


def _interval(one: Estimate, *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    return f"{100 * one.value:{plus}.1f} ({100 * one.low:.1f} to {100 * one.high:.1f})"
