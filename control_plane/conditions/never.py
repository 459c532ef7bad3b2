"""Conditions that nobody can meet, found by looking at each attribute on its own.

What it reports is certain; that it reports nothing proves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from control_plane.conditions import coerce
from control_plane.conditions.check import Attribute, Attributes, find_attribute
from control_plane.conditions.evaluate import evaluate, is_operators

#: A test on one attribute: (operator, operand).
Test = tuple[str, Any]


def never_matches(condition: dict[str, Any], attributes: Attributes) -> str | None:
    """Say why no one can meet a condition that `check` found right; None when one might."""
    tests: dict[str, list[Test]] = defaultdict(list)
    reason = _gather(condition, attributes, tests)
    if reason:
        return reason
    for name, of_one in tests.items():
        attribute = find_attribute(name, attributes) or Attribute("any")
        reason = _contradiction(of_one, attribute)
        if reason:
            return f"{name} {reason}"
    return None


def _gather(
    condition: dict[str, Any], attributes: Attributes, tests: dict[str, list[Test]]
) -> str | None:
    """Collect what must hold of each attribute at once; return a reason if it can't already."""
    for key, value in condition.items():
        if key == "$and":
            for one in value:
                reason = _gather(one, attributes, tests)
                if reason:
                    return reason
        elif key == "$or":
            reasons = [never_matches(one, attributes) for one in value]
            if value and all(reasons):
                return str(reasons[0])
        elif key in ("$not", "$nor"):
            refused = [value] if key == "$not" else value
            if any(one == {} for one in refused):
                return f"{key} refuses everyone"
        else:
            tests[key] += value.items() if is_operators(value) else [("=", value)]
    return None


def _contradiction(tests: list[Test], attribute: Attribute) -> str | None:
    if any(name in ("$in", "$ini") and not operand for name, operand in tests):
        return "is in an empty list"
    refused = [one for name, operand in tests if name == "$nin" for one in operand]
    if any(name == "$in" and all(one in refused for one in operand) for name, operand in tests):
        return "has all its listed values refused"
    candidates = _candidates(tests, attribute)
    if candidates is not None:
        if not any(_all_hold(tests, value) for value in candidates):
            return "has no value that fits all its tests"
        return None
    if attribute.kind == "number" or all(map(coerce.is_number, _bounds(tests))):
        return _empty_range(tests, attribute)
    return None


def _candidates(tests: list[Test], attribute: Attribute) -> list[Any] | None:
    """Return every value that could fit, where the tests or the attribute leave only a few."""
    if attribute.kind in ("list", "any"):
        return None
    for name, operand in tests:
        if name == "$in":
            return list(operand)
        if name == "$eq" or (name == "=" and not isinstance(operand, (list, dict))):
            return [operand, None]
    return None if attribute.values is None else [*attribute.values, None]


def _all_hold(tests: list[Test], value: Any) -> bool:
    return all(
        evaluate({"value": operand if name == "=" else {name: operand}}, {"value": value})
        for name, operand in tests
        # Who is in a saved list is known at the edge only.
        if name not in ("$inGroup", "$notInGroup")
    )


def _bounds(tests: list[Test]) -> list[Any]:
    return [operand for name, operand in tests if name in ("$lt", "$lte", "$gt", "$gte")]


def _empty_range(tests: list[Test], attribute: Attribute) -> str | None:
    low = -float("inf") if attribute.low is None else attribute.low
    high = float("inf") if attribute.high is None else attribute.high
    open_low = open_high = False
    for name, operand in tests:
        bound = coerce.number(operand) if name in ("$lt", "$lte", "$gt", "$gte") else None
        if bound is None:
            continue
        if name in ("$gt", "$gte") and (bound, name == "$gt") > (low, open_low):
            low, open_low = bound, name == "$gt"
        if name in ("$lt", "$lte") and (-bound, name == "$lt") > (-high, open_high):
            high, open_high = bound, name == "$lt"
    if low > high or (low == high and (open_low or open_high)):
        return "is in an empty range"
    return None
