"""Reads `boost` and `bury`: which items of a shelf count more or less than they would."""

from __future__ import annotations

from typing import Any

from control_plane.conditions import Attribute, check, never_matches
from control_plane.rules.problems import Place
from control_plane.rules.shapes import Weight

DEFAULT_BY, MAX_BY = 2.0, 1000.0

#: What conditions on items can ask about, as the catalogue has it; prices are in major units.
ITEM_ATTRIBUTES: dict[str, Attribute] = {
    "category": Attribute("text"),
    "tags": Attribute("list"),
    "price": Attribute("number", low=0),
    "currency": Attribute("text", form="[A-Z]{3}", example="EUR"),
    "title": Attribute("text"),
    "group": Attribute("text"),
    "market": Attribute("text"),
    "brand": Attribute("text"),
}

_EXAMPLE = "Write '[shoes, {category: hats, by: 3}, {items: [sku-1]}]'."


def read_weights(place: Place, *, bury: bool) -> tuple[Weight, ...]:
    """Return a list of weights: a word is a category, a mapping a condition, SKUs, and `by`."""
    if isinstance(place.node.value, (str, dict)):
        return (_read(place, bury),)
    weights = tuple(_read(one, bury) for one in place.items())
    if not weights and isinstance(place.node.value, list):
        place.wrong("names nothing", _EXAMPLE)
    return weights


def _read(place: Place, bury: bool) -> Weight:
    if not isinstance(place.node.value, dict):
        return Weight({"category": place.take(str, "")}, (), _factor(DEFAULT_BY, bury))
    entries = place.entries()
    by = _read_by(entries["by"], bury) if "by" in entries else DEFAULT_BY
    items = tuple(one.node.raw for one in entries["items"].items()) if "items" in entries else ()
    condition = {
        name: one.node.plain() for name, one in entries.items() if name not in ("by", "items")
    }
    if not condition and not items:
        place.wrong("says which items by nothing", _EXAMPLE)
    _note_problems(place, condition)
    return Weight(condition or None, items, _factor(by, bury))


def _read_by(place: Place, bury: bool) -> float:
    by = place.take(float, DEFAULT_BY)
    if 0 < by < 1:
        word, other = ("bury", "boost") if bury else ("boost", "bury")
        remedy = f"'by' says how many times: write {1 / by:g} here, or move it to {other}."
        if not bury:
            remedy = f"'by' says how many times more; to show less of it, {other} it by {1 / by:g}."
        place.wrong(f"{word} by {by:g}", remedy)
        return DEFAULT_BY
    if not 1 <= by <= MAX_BY or (bury and by == 1):
        place.wrong(f"by {by:g}", f"Give a number above 1, up to {MAX_BY:g}, such as 2.")
        return DEFAULT_BY
    return by


def _factor(by: float, bury: bool) -> float:
    return 1 / by if bury else by


def _note_problems(place: Place, condition: dict[str, Any]) -> None:
    problems = check(condition, ITEM_ATTRIBUTES)
    for problem in problems:
        place.at(problem.path).wrong(problem.message, problem.remedy)
    reason = None if problems else never_matches(condition, ITEM_ATTRIBUTES)
    if reason:
        place.wrong(f"can never match: {reason}", "Change the condition, or leave it out.")
