"""Reads a project's rules.yaml, and turns it into the plain data of the manifest."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from control_plane.bucket import bucket_ranges
from control_plane.errors import suggest
from control_plane.rules.content import read_content
from control_plane.rules.experiments import read_holdout
from control_plane.rules.problems import Place, Problems
from control_plane.rules.segments import read_segments
from control_plane.rules.shapes import Content, Experiment, Html, Items, Rule, Rules, Slot, Weight
from control_plane.rules.slots import SlotReader, read_name
from control_plane.rules.source import read
from control_plane.rules.times import read_timezone

FILE = "rules.yaml"
HASH_VERSION = 2

_KEYS = ("timezone", "content", "segments", "slots", "holdout")


def load_rules(root: Path) -> Rules:
    """Return a project's rules; raise one InputError that tells of everything wrong with them."""
    file = root / FILE
    problems = Problems(file)
    top = Place(read(file), "", problems)
    found = top.keys(_KEYS, required=["slots"])
    zone = read_timezone(found["timezone"]) if "timezone" in found else ZoneInfo("UTC")
    content: dict[str, Content] = {}
    for name, place in (found["content"].entries() if "content" in found else {}).items():
        content[read_name(place, name, "a content's name")] = read_content(place, root)
    reader = SlotReader(list(content), zone)
    segments = read_segments(found["segments"], reader) if "segments" in found else {}
    slots: dict[str, Slot] = {}
    for name, place in (found["slots"].entries() if "slots" in found else {}).items():
        slots[read_name(place, name, "a slot's name")] = reader.slot(place)
    holdout = read_holdout(found["holdout"], reader.experiments) if "holdout" in found else None
    problems.raise_any()
    return Rules(
        file=str(file),
        timezone=zone.key,
        content=content,
        slots=slots,
        holdout=holdout,
        segments=segments,
        segment_lines={
            name: one.line
            for name, one in (found["segments"].entries() if segments else {}).items()
        },
        segment_uses=tuple(reader.segment_uses),
        experiment_uses=tuple(reader.experiment_uses),
    )


def validate_segments(rules: Rules, known: Collection[str]) -> None:
    """Raise InputError that tells of every condition on a segment that the model has not."""
    problems = Problems(Path(rules.file))
    for name in rules.segments:
        if name in known:
            problem, remedy = "the model has a segment of this name", "Choose another name."
            problems.add(rules.segment_lines[name], f"segments.{name}", problem, remedy)
    both = [*known, *rules.segments]
    for use in rules.segment_uses:
        if use.segment not in both:
            remedy = suggest(use.segment, both) if both else "The model has no segments."
            problems.add(use.line, use.field, f"unknown segment {use.segment!r}", remedy)
    problems.raise_any()


def to_table(rules: Rules) -> dict[str, Any]:
    """Return the rules as plain data in a stable order; what is not set is left out."""
    return {
        "timezone": rules.timezone,
        "content": {name: _content(rules.content[name]) for name in sorted(rules.content)},
        "slots": {name: _slot(rules.slots[name]) for name in sorted(rules.slots)},
        "holdout": (
            {"key": rules.holdout.key, "share": rules.holdout.share} if rules.holdout else None
        ),
        **({"segments": [list(one) for one in rules.segments.items()]} if rules.segments else {}),
    }


def _content(content: Content) -> dict[str, Any]:
    if isinstance(content, Html):
        return {"kind": "html", "html": content.html}
    return {"kind": "items", **_items(content)}


def _items(items: Items) -> dict[str, Any]:
    exclude = items.exclude
    return {
        "from": [[[source, weight] for source, weight in stage] for stage in items.stages],
        "limit": items.limit,
        "exclude": {name: getattr(exclude, name) for name in exclude.__struct_fields__},
        "reminder": items.reminder,
        "template": items.template,
        **({"pin": list(items.pin)} if items.pin else {}),
        **({"weights": [_weight(weight) for weight in items.weights]} if items.weights else {}),
        "diversity": dict(items.diversity),
    }


def _weight(weight: Weight) -> dict[str, Any]:
    return {name: getattr(weight, name) for name in weight.__struct_fields__}


def _slot(slot: Slot) -> dict[str, Any]:
    return {
        "default": slot.default,
        "control": slot.control,
        "rules": [_rule(rule) for rule in slot.rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    table: dict[str, Any] = {
        "id": rule.id,
        "when": rule.when,
        "starts": rule.starts,
        "ends": rule.ends,
        "show": rule.show,
        "experiment": _experiment(rule.experiment) if rule.experiment else None,
    }
    return {key: value for key, value in table.items() if value is not None}


def _experiment(experiment: Experiment) -> dict[str, Any]:
    ranges = bucket_ranges(len(experiment.variations), experiment.coverage, experiment.weights)
    table: dict[str, Any] = {
        "key": experiment.key,
        "variations": list(experiment.variations),
        "weights": list(experiment.weights),
        "coverage": experiment.coverage,
        "ranges": [list(bounds) for bounds in ranges],
        "seed": _seed(experiment),
        "hash_version": HASH_VERSION,
        "phase": experiment.phase,
    }
    if experiment.namespace:
        table["namespace"] = list(experiment.namespace)
    return table


def _seed(experiment: Experiment) -> str:
    """A new phase assigns anew, so that no arm inherits the people of another."""
    key, phase = experiment.key, experiment.phase
    return key if phase == 1 else f"{key}:{phase}"
