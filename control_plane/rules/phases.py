"""Whether an experiment may go on as it was before: what moves people asks for a new phase."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from control_plane.rules.problems import Problems
from control_plane.rules.shapes import ExperimentUse, Rules

_KEPT = ("variations", "weights", "coverage", "namespace", "phase")
_CLOSE = 1e-9

Past = dict[str, Any]


def past_of(rules: Rules) -> dict[str, Past]:
    """Return what a later compile has to know of these experiments, by key, as plain data."""
    found = {use.experiment.key: use.experiment for use in rules.experiment_uses}
    return {key: {name: _plain(getattr(found[key], name)) for name in _KEPT} for key in found}


def validate_phases(rules: Rules, past: Mapping[str, Past]) -> None:
    """Raise InputError that tells of every experiment which changed and kept its phase."""
    problems = Problems(Path(rules.file))
    for use in rules.experiment_uses:
        before = past.get(use.experiment.key)
        if before is not None:
            _validate(problems, use, before)
    problems.raise_any()


def _validate(problems: Problems, use: ExperimentUse, before: Past) -> None:
    experiment, phase = use.experiment, before["phase"]
    remedy = f"Write 'phase: {phase + 1}': everybody is assigned anew, and counting starts again."
    if experiment.phase < phase:
        _note(problems, use, "phase", f"phase {experiment.phase} after phase {phase}", remedy)
    if experiment.phase != phase:
        return
    for name, changed in _CHANGES.items():
        now = _plain(getattr(experiment, name))
        if changed(now, before[name]):
            told = f"{experiment.key!r} changed its {name} from {_show(before[name])}"
            told += f" to {_show(now)} without a new phase"
            _note(problems, use, name, told, f"{remedy} Or change it back.")


def _note(problems: Problems, use: ExperimentUse, name: str, problem: str, remedy: str) -> None:
    line, field = use.places.get(name, use.places[""])
    problems.add(line, field, problem, remedy)


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


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _show(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return f"[{', '.join(map(_show, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
