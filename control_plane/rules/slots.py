"""Reads the `slots` of a rules file: their default, control and rules."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

from control_plane.conditions import check, never_matches
from control_plane.errors import suggest
from control_plane.rules.attributes import ATTRIBUTES
from control_plane.rules.experiments import read_experiment
from control_plane.rules.problems import Place
from control_plane.rules.reach import shadowed_by
from control_plane.rules.shapes import ExperimentUse, Rule, SegmentUse, Slot
from control_plane.rules.times import read_time

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_SLOT_KEYS = ("default", "control", "rules")
_RULE_KEYS = ("id", "when", "starts", "ends", "show", "experiment")


class SlotReader:
    """Reads slots one by one, knowing the content names and the rule ids met so far."""

    def __init__(self, contents: list[str], zone: ZoneInfo) -> None:
        self.contents, self.zone = contents, zone
        self.ids: dict[str, int] = {}
        self.experiments: dict[str, Any] = {}
        self.segment_uses: list[SegmentUse] = []
        self.experiment_uses: list[ExperimentUse] = []

    def slot(self, place: Place) -> Slot:
        """Return one slot."""
        found = place.keys(_SLOT_KEYS)
        rules: list[Rule] = []
        for one in found["rules"].items() if "rules" in found else ():
            rule = self.rule(one)
            _note_unreachable(one, rule, rules)
            rules.append(rule)
            if rule.experiment:
                slot = place.field.removeprefix("slots.")
                places = _places(one.entries()["experiment"])
                self.experiment_uses.append(ExperimentUse(slot, rule.experiment, places))
        return Slot(
            default=self.content(found["default"]) if "default" in found else None,
            control=self.content(found["control"]) if "control" in found else None,
            rules=tuple(rules),
        )

    def content(self, place: Place) -> str:
        """Return a content's name; an unknown one is a problem."""
        name = place.take(str, "")
        if name not in self.contents:
            if isinstance(place.node.value, str):
                remedy = suggest(name, self.contents) if self.contents else None
                place.wrong(f"unknown content {name!r}", remedy)
            return ""
        return name

    def rule(self, place: Place) -> Rule:
        """Return one rule."""
        found = place.keys(_RULE_KEYS, required=["id"])
        if isinstance(place.node.value, dict) and ("show" in found) == ("experiment" in found):
            place.wrong("needs either show or experiment", "Keep exactly one of the two.")
        starts = self.time(found.get("starts"), last=False)
        ends = self.time(found.get("ends"), last=True)
        if starts is not None and ends is not None and ends <= starts:
            found["ends"].wrong("ends before it starts", "Give an end after the start.")
        experiment = None
        if "experiment" in found:
            experiment = read_experiment(found["experiment"], self.content, self.experiments)
        return Rule(
            id=self.rule_id(found["id"]) if "id" in found else "",
            when=self.condition(found["when"]) if "when" in found else None,
            starts=starts,
            ends=ends,
            show=self.content(found["show"]) if "show" in found else None,
            experiment=experiment,
        )

    def rule_id(self, place: Place) -> str:
        """Return a rule's id, unique in the file since reports and reasons name it."""
        name = read_name(place, place.take(str, ""), "an id")
        if name in self.ids:
            other = self.ids[name]
            place.wrong(
                f"the id {name!r} is taken", f"The rule on line {other} has it: rename one."
            )
        elif name:
            self.ids[name] = place.line
        return name

    def time(self, place: Place | None, *, last: bool) -> int | None:
        """Return `starts` or `ends` in epoch milliseconds."""
        return None if place is None else read_time(place, self.zone, last=last)

    def condition(self, place: Place) -> dict[str, Any] | None:
        """Return a condition; what is wrong with it is noted at its own line."""
        condition = place.node.plain()
        problems = check(condition, ATTRIBUTES)
        for problem in problems:
            place.at(problem.path).wrong(problem.message, problem.remedy)
        if not isinstance(condition, dict):
            return None
        self.note_segments(place)
        reason = None if problems else never_matches(condition, ATTRIBUTES)
        if reason:
            place.wrong(
                f"can never match: {reason}", "Change the condition, or leave the rule out."
            )
        return condition

    def note_segments(self, place: Place) -> None:
        """Remember every segment that a condition names, to be checked against the model."""
        for key, below in place.entries().items():
            if key == "segments":
                self.segment_uses += _texts(below)
            elif key in ("$and", "$or", "$nor") and isinstance(below.node.value, list):
                for one in below.items():
                    if isinstance(one.node.value, dict):
                        self.note_segments(one)
            elif key == "$not" and isinstance(below.node.value, dict):
                self.note_segments(below)


def read_name(place: Place, name: str, what: str) -> str:
    """Return a name that URLs, cookies and reports can carry; others are noted."""
    if not NAME.fullmatch(name) and isinstance(place.node.value, (str, dict, list)):
        place.wrong(f"{name!r} is not fit as {what}", "Use letters, digits, '.', '_' and '-'.")
    return name


def _note_unreachable(place: Place, rule: Rule, before: list[Rule]) -> None:
    other = shadowed_by(rule, before)
    if other is not None:
        remedy = "Move it up, or give the other a condition."
        place.wrong(f"can never match: rule {other.id!r} above always wins", remedy)


def _places(place: Place) -> dict[str, tuple[int, str]]:
    """Return where a mapping stands, under "", and where each of its keys does."""
    below = {key: (one.line, one.field) for key, one in place.entries().items()}
    return {"": (place.line, place.field), **below}


def _texts(place: Place) -> list[SegmentUse]:
    """Return all texts below a test of `segments`, but for patterns and types."""
    value = place.node.value
    if isinstance(value, str):
        return [SegmentUse(value, place.line, place.field)]
    if isinstance(value, list):
        return [use for one in place.items() for use in _texts(one)]
    if isinstance(value, dict):
        skipped = ("$regex", "$regexi", "$type", "$inGroup", "$notInGroup")
        below = (one for key, one in place.entries().items() if key not in skipped)
        return [use for one in below for use in _texts(one)]
    return []
