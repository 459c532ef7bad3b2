"""Whether a rule can ever be reached past the rules above it."""

from __future__ import annotations

import math

from control_plane.rules.shapes import Rule


def shadowed_by(rule: Rule, before: list[Rule]) -> Rule | None:
    """Return a rule above that matches whenever `rule` does, so that `rule` never can."""
    return next((other for other in before if _covers(other, rule)), None)


def _covers(other: Rule, rule: Rule) -> bool:
    # An experiment assigns nobody without consent, so the rules below it are reached.
    if other.show is None:
        return False
    matches = not other.when or other.when == rule.when
    return matches and _from(other) <= _from(rule) and _until(other) >= _until(rule)


def _from(rule: Rule) -> float:
    return -math.inf if rule.starts is None else rule.starts


def _until(rule: Rule) -> float:
    return math.inf if rule.ends is None else rule.ends
