"""Targeting conditions: what is wrong with one, and whether it matches, as the edge would say."""

from control_plane.conditions.check import Attribute, Problem, check
from control_plane.conditions.evaluate import evaluate
from control_plane.conditions.never import never_matches

__all__ = ["Attribute", "Problem", "check", "evaluate", "never_matches"]
