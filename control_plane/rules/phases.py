"""Whether an experiment may go on as it was before: what moves people asks for a new phase."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from control_plane.rules.problems import Problems
from control_plane.rules.shapes import Rules

_CLOSE = 1e-9

#: An experiment's weights, coverage, namespace, phase, and variations by slot, as plain data.
Past = dict[str, Any]
_PLAIN = ("weights", "coverage", "namespace", "phase")


def past_of(table: Mapping[str, Any]) -> dict[str, Past]:
    """Return what a later release has to know of a table's experiments, by key."""
    past: dict[str, Past] = {}
    for slot, entry in table["slots"].items():
        for one in (rule["experiment"] for rule in entry.get("rules", ()) if "experiment" in rule):
            plain = {name: one.get(name) for name in _PLAIN}
            known = past.setdefault(one["key"], {**plain, "variations": {}})
            known["variations"][slot] = one["variations"]
    return past


def validate_phases(rules: Rules, now: Mapping[str, Past], before: Mapping[str, Past]) -> None:
    """Raise InputError that tells of every experiment which changed and kept its phase."""
    problems = Problems(Path(rules.file))
    for use in rules.experiment_uses:
        key = use.experiment.key
        for name, problem, remedy in moves(key, now[key], before.get(key), use.slot):
            line, field = use.places.get(name, use.places[""])
            problems.add(line, field, problem, remedy)
    problems.raise_any()


def moves(
    key: str, now: Past, before: Past | None, slot: str | None = None
) -> Iterator[tuple[str, str, str]]:
    """Tell what of an experiment moves people without a new phase: field, problem and remedy.

    Of its variations, those in `slot` are looked at, or those in all slots.
    """
    if before is None or now["phase"] > before["phase"]:
        return
    phase = before["phase"]
    remedy = f"Write 'phase: {phase + 1}': everybody is assigned anew, and counting starts again."
    if now["phase"] < phase:
        yield "phase", f"{key!r} has phase {now['phase']} after phase {phase}", remedy
        return
    for name, old, new in _changes(now, before, slot):
        told = f"{key!r} changed its {name} from {_show(old)} to {_show(new)}"
        yield name, f"{told} without a new phase", f"{remedy} Or change it back."


def _changes(now: Past, before: Past, slot: str | None) -> Iterator[tuple[str, Any, Any]]:
    shown = now["variations"] if slot is None else {slot: now["variations"][slot]}
    for place, new in shown.items():
        # A slot that runs it for the first time shows as many, or it is no longer the same.
        old = before["variations"].get(place) or next(iter(before["variations"].values()))
        if new != old and (place in before["variations"] or len(new) != len(old)):
            yield "variations", old, new
    for name, changed in _CHANGED.items():
        if changed(now[name], before[name]):
            yield name, before[name], now[name]


def _weights(now: list[float], before: list[float]) -> bool:
    # More or fewer of them is told of the variations.
    pairs = zip(now, before, strict=False)
    return len(now) == len(before) and any(abs(a - b) > _CLOSE for a, b in pairs)


#: Raising the coverage moves nobody: each variation's range grows at its end.
_CHANGED: dict[str, Callable[[Any, Any], bool]] = {
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
