"""What an evaluation says in plain words: for a marketer, and about its own limits."""

from __future__ import annotations

from control_plane.evaluation.baselines import POPULAR
from control_plane.evaluation.cases import SESSION
from control_plane.evaluation.metrics import HR, MEASURES
from control_plane.evaluation.panels import DISCOVER, REPEATS
from control_plane.evaluation.report import Evaluation, Panel, Result
from control_plane.evaluation.shelves import STANDARD

#: Fewer people than this tell little, however many cases they make.
FEW_UNITS = 200

#: Half an interval wider than this is said: a figure of .30 that may as well be .25 or .35.
WIDE = 0.05

#: Lists that the running worker may make otherwise: in a last digit an exponential of two engines
#: differs, which turns the order of scores that are all but equal.
LEAST_IDENTICAL = 0.99
MOST_APART = 0.005

_WHAT = {
    REPEATS: "found the next product they opened",
    DISCOVER: "found the next product that was new to them",
}


def summary(found: Evaluation) -> list[str]:
    """Return a sentence a view on the standard shelf, best understood without any term."""
    lines = []
    for panel in found.panels:
        best = next((one for one in panel.results if one.name in STANDARD), None)
        popular = next((one for one in panel.results if one.name == POPULAR), None)
        if best and popular and panel.situation == SESSION:
            lines.append(
                f"Of 100 visitors in the middle of a session, {_percent(best)} "
                f"{_WHAT[panel.view]} among the {found.k} shown; "
                f"with the list of popular items {_percent(popular)} would have."
            )
        elif best and popular:
            new = " new to them" if panel.view == DISCOVER else ""
            lines.append(
                f"Of 100 known visitors, {_percent(best)} found a product{new} that they came for "
                f"among the {found.k} shown before their first click; with the list of popular "
                f"items {_percent(popular)} would have."
            )
    return lines


def warnings(found: Evaluation) -> list[str]:
    """Say where figures are less telling, or less sure, than they look."""
    said = [f"{_name(panel)}: {text}" for panel in found.panels for text in _no_better(panel)]
    few = [panel for panel in found.panels if panel.units < FEW_UNITS]
    if few:
        counts = "; ".join(f"{_name(panel)}: {panel.units:,}" for panel in few)
        said.append(
            f"few visitors were tested ({counts}): intervals are wide, and another week may look "
            "different"
        )
    for panel in found.panels:
        wide = [one.name for one in panel.results if not one.baseline and _half(one) > WIDE]
        if wide and panel not in few:
            shelves = ", ".join(wide)
            said.append(f"{_name(panel)}: the hit rate of {shelves} is sure to 5 points at best")
    return said


def disagreements(found: Evaluation) -> list[str]:
    """Say where the running worker's lists are not those worked out here."""
    said = []
    for panel in found.panels:
        for one in panel.results:
            if one.edge is None:
                continue
            apart = {name: one.edge.measures[name] - one.measures[name].value for name in MEASURES}
            worst = max(apart, key=lambda name: abs(apart[name]))
            if one.edge.identical < LEAST_IDENTICAL or abs(apart[worst]) > MOST_APART:
                said.append(
                    f"{_name(panel)}, {one.name}: {one.edge.identical:.1%} of the "
                    f"worker's lists are those worked out here; its {worst} is "
                    f"{one.edge.measures[worst]:.4f} instead of {one.measures[worst].value:.4f}"
                )
    return said


def _name(panel: Panel) -> str:
    return f"{panel.situation}, {panel.view}"


def _no_better(panel: Panel) -> list[str]:
    """Name the shelves that a plain method surely beats, or popularity may."""
    said = []
    for one in panel.results:
        worse = [name for name, found in one.beyond.items() if found[HR].high < 0]
        if worse:
            said.append(f"{one.name} finds less than {' and '.join(worse)}")
        elif POPULAR in one.beyond and one.beyond[POPULAR][HR].low <= 0:
            said.append(f"{one.name} is not surely better than the popular items")
    return said


def _percent(one: Result) -> str:
    return f"{100 * one.measures[HR].value:.0f}"


def _half(one: Result) -> float:
    return (one.measures[HR].high - one.measures[HR].low) / 2
