"""Reads a rule's experiment and the holdout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from control_plane.rules.problems import Place
from control_plane.rules.shapes import Experiment, Holdout

MAX_VARIATIONS = 20
#: Weights are written with few digits: thirds as 0.333 sum to 0.999.
WEIGHT_TOLERANCE = 0.0015

_KEYS = ("key", "variations", "weights", "coverage", "namespace", "phase")


def read_experiment(
    place: Place, content: Callable[[Place], str], known: dict[str, Experiment]
) -> Experiment:
    """Return an experiment; `content` reads a variation, `known` holds those met so far."""
    found = place.keys(_KEYS, required=["key", "variations"])
    variations = (
        tuple(content(one) for one in found["variations"].items())
        if ("variations" in found)
        else ()
    )
    if "variations" in found and not 2 <= len(variations) <= MAX_VARIATIONS:
        remedy = f"Compare 2 to {MAX_VARIATIONS} contents."
        found["variations"].wrong(f"{len(variations)} variations", remedy)
    experiment = Experiment(
        key=_read_key(found["key"]) if "key" in found else "",
        variations=variations,
        weights=_read_weights(found.get("weights"), len(variations)),
        coverage=_read_coverage(found.get("coverage")),
        namespace=_read_namespace(found["namespace"]) if "namespace" in found else None,
        phase=_read_phase(found["phase"]) if "phase" in found else 1,
    )
    _note_differences(place, experiment, known)
    return experiment


def read_holdout(place: Place, experiments: dict[str, Experiment]) -> Holdout:
    """Return the holdout; it must not share its key, or its people would be one variation's."""
    found = place.keys(("key", "share"), required=["key", "share"])
    key = _read_key(found["key"]) if "key" in found else ""
    if key in experiments:
        found["key"].wrong(f"{key!r} is an experiment's key too", "Choose another.")
    share = found["share"].take(float, 0.0) if "share" in found else 0.0
    if not 0 <= share < 1:
        found["share"].wrong(f"{share:g} is not a share", "Give a number from 0 to below 1.")
    return Holdout(key, share)


def _read_key(place: Place) -> str:
    key = place.take(str, "")
    if isinstance(place.node.value, str) and not 1 <= len(key) <= 100:
        place.wrong("is not fit for a key", "Use 1 to 100 characters.")
    return key


def _read_weights(place: Place | None, count: int) -> tuple[float, ...]:
    if place is None:
        return (1 / count,) * count if count else ()
    weights = tuple(one.take(float, 0.0) for one in place.items())
    total = sum(weights)
    if len(weights) != count:
        place.wrong(f"{len(weights)} weights for {count} variations", "Give each variation one.")
    elif any(weight < 0 for weight in weights):
        place.wrong("a weight is below 0", "Give numbers from 0 to 1.")
    elif abs(total - 1) > WEIGHT_TOLERANCE:
        place.wrong(f"the weights sum to {total:.4g}, not 1", _scaled(weights, total))
    return weights


def _scaled(weights: tuple[float, ...], total: float) -> str | None:
    if total <= 0:
        return None
    scaled = [round(weight / total, 3) for weight in weights]
    scaled[-1] = round(1 - sum(scaled[:-1]), 3)
    return f"Did you mean [{', '.join(f'{weight:g}' for weight in scaled)}]?"


def _read_coverage(place: Place | None) -> float:
    coverage = 1.0 if place is None else place.take(float, 1.0)
    if place is not None and not 0 < coverage <= 1:
        place.wrong(f"can never match: it covers {coverage:g}", "Give a share above 0, up to 1.")
    return coverage


def _read_namespace(place: Place) -> tuple[str, float, float] | None:
    parts = place.items()
    if len(parts) != 3:
        place.wrong("is not a namespace", "Write '[name, from, to]', such as '[hero, 0, 0.5]'.")
        return None
    name = parts[0].take(str, "")
    low, high = parts[1].take(float, 0.0), parts[2].take(float, 1.0)
    if not 0 <= low < high <= 1:
        place.wrong(f"can never match: {low:g} to {high:g} is no part", "Write 0 ≤ from < to ≤ 1.")
    return name, low, high


def _read_phase(place: Place) -> int:
    phase = place.take(int, 1)
    if phase < 1:
        place.wrong(f"the phase {phase}", "Phases count from 1.")
    return phase


def _note_differences(place: Place, experiment: Experiment, known: dict[str, Any]) -> None:
    """An experiment may run in several slots, but assigns its people in one way only."""
    other = known.setdefault(experiment.key, experiment)
    for field in ("weights", "coverage", "namespace", "phase"):
        if getattr(other, field) != getattr(experiment, field):
            remedy = f"Give it the same {field} everywhere, or another key."
            place.wrong(f"{experiment.key!r} has other {field} elsewhere", remedy)
