"""Whether an experiment may go on as it was before: what moves people asks for a new phase."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from control_plane.rules.problems import Problems
from control_plane.rules.shapes import Rules

_CLOSE = 1e-9

#: An experiment's variations, weights, coverage, namespace and phase, as plain data.
Past = dict[str, Any]


def past_of(table: Mapping[str, Any]) -> dict[str, Past]:
    """Return what a later release has to know of a table's experiments, by key."""
    rules = (rule for slot in table["slots"].values() for rule in slot.get("rules", ()))
    found = [rule["experiment"] for rule in rules if "experiment" in rule]
    names = (*_CHANGES, "phase")
    return {one["key"]: {name: one.get(name) for name in names} for one in found}


def validate_phases(rules: Rules, now: Mapping[str, Past], before: Mapping[str, Past]) -> None:
    """Raise InputError that tells of every experiment which changed and kept its phase."""
    problems = Problems(Path(rules.file))
    for use in rules.experiment_uses:
        key = use.experiment.key
        for name, problem, remedy in moves(key, now[key], before.get(key)):
            line, field = use.places.get(name, use.places[""])
            problems.add(line, field, problem, remedy)
    problems.raise_any()


def moves(key: str, now: Past, before: Past | None) -> Iterator[tuple[str, str, str]]:
    """Tell what of an experiment moves people without a new phase: field, problem and remedy."""
    if before is None or now["phase"] > before["phase"]:
        return
    phase = before["phase"]
    remedy = f"Write 'phase: {phase + 1}': everybody is assigned anew, and counting starts again."
    if now["phase"] < phase:
        yield "phase", f"{key!r} has phase {now['phase']} after phase {phase}", remedy
        return
    for name, changed in _CHANGES.items():
        if changed(now[name], before[name]):
            told = f"{key!r} changed its {name} from {_show(before[name])} to {_show(now[name])}"
            yield name, f"{told} without a new phase", f"{remedy} Or change it back."


def _weights(now: list[float], before: list[float]) -> bool:
    # More or fewer of them is told of the variations.
    pairs = zip(now, before, strict=False)
    return len(now) == len(before) and any(abs(a - b) > _CLOSE for a, b in pairs)


#: Raising the coverage moves nobody: each variation's range grows at its end.
_CHANGES: dict[str, Callable[[Any, Any], bool]] = {
    "variations": lambda now, before: now != before,
    "weights": _weights,
    "coverage": lambda now, before: now < before - _CLOSE,
    "namespace": lambda now, before: now != before,
}


def _show(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return f"[{', '.join(map(_show, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
