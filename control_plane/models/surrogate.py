"""Conditions that place a live visitor in a learned segment: a shallow tree, its good leaves.

A tree learns from the sessions of visitors whose segment is known; a leaf becomes a condition
only if it is right often enough for other visitors than those it was learned from, and the
report is on visitors that neither saw.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.conditions import evaluate
from control_plane.models.live import Column, States

#: Few leaves generalise best: of a sample shop's held-out visitors, 16 leaves for 8 segments place
#: 73 % as known, 24 place 69 %, 60 place 66 %.
LEAVES_PER_SEGMENT, LEAST_LEAVES, MAX_DEPTH = 2, 8, 12
#: States a leaf must hold, of those learned from and of those it is judged by.
FEWEST_LEARNED, FEWEST_JUDGED = 30, 20
#: A leaf that is wrong more often than this leaves visitors in no segment.
LEAST_PRECISION = 0.6
#: A category tells a segment whose visitors meet it so many times as often as all do.
LEAST_LIFT = 1.5
MOST_STATES = 150_000
MOST_REPORTED = 4_000

Condition = dict[str, Any]
Bools = NDArray[np.bool_]


class Step(msgspec.Struct, frozen=True):
    """One turn on the way to a leaf: above the threshold, or not."""

    column: int
    threshold: float
    above: bool


class Surrogate(msgspec.Struct, frozen=True):
    """Conditions by segment number (None for none), and how well they place others."""

    conditions: list[Condition | None]
    report: dict[str, Any]


def fit_surrogate(
    states: States, label: NDArray[np.int64], group: NDArray[np.uint64], keys: list[str], seed: int
) -> Surrogate:
    """Return conditions for the segments `keys`.

    `label` (n,) is each state's segment number; `group` (n,) a number drawn from its visitor's
    key, so that all of a visitor's states are learned from, judged by, or reported on.
    """
    tenth = group % np.uint64(10)
    learned, judged, told = tenth < 6, (tenth >= 6) & (tenth < 8), tenth >= 8
    leaves: dict[int, list[list[Step]]] = {number: [] for number in range(len(keys))}
    states = with_groups(states, label, learned, len(keys))
    if min(learned.sum(), judged.sum()) >= FEWEST_LEARNED and len(set(label[learned])) > 1:
        leaves |= _leaves(states, label, learned, judged, len(keys), seed)
    conditions = [_joined([to_condition(states.columns, steps) for steps in leaves[number]])
                  for number in leaves]  # fmt: skip
    report = fidelity(states, label, told & states.last, conditions, keys)
    return Surrogate(conditions, report)


def with_groups(states: States, label: NDArray[np.int64], learned: Bools, count: int) -> States:
    """Add a column for each segment: whether the session met one of its telling categories."""
    places = [n for n, one in enumerate(states.columns) if one.attribute == "session.categories"]
    flags, weight = states.values[learned][:, places], states.weight[learned]
    member = (label[learned][:, None] == np.arange(count)[None, :]) * weight[:, None]
    met = flags.T @ member  # (categories, segments): how often each segment met each category
    lift = met / np.maximum(met.sum(axis=1, keepdims=True), 1e-9)
    lift /= np.maximum(member.sum(axis=0) / max(weight.sum(), 1e-9), 1e-9)
    best = lift.argmax(axis=1) if count else np.zeros(0)
    columns, blocks = [*states.columns], [states.values]
    for segment in range(count):
        telling = [n for n in np.flatnonzero(best == segment) if lift[n, segment] >= LEAST_LIFT]
        if len(telling) > 1:
            words = sorted(states.columns[places[n]].values[0] for n in telling)
            columns.append(Column("session.categories", tuple(words)))
            blocks.append(states.values[:, [places[n] for n in telling]].max(axis=1)[:, None])
    values = np.column_stack(blocks)
    return msgspec.structs.replace(states, columns=tuple(columns), values=values)


def to_condition(columns: tuple[Column, ...], steps: list[Step]) -> Condition:
    """Return what a state must be to come to the leaf at the end of `steps`."""
    tests: dict[str, dict[str, Any]] = {}
    further: list[Condition] = []
    for step in steps:
        column = columns[step.column]
        test = tests.setdefault(column.attribute, {})
        if not column.values:
            # Whole numbers: above 2.5 is at least 3.
            bound = int(np.floor(step.threshold)) + 1
            name, choose = ("$gte", max) if step.above else ("$lt", min)
            test[name] = choose(bound, test.get(name, bound))
        elif not step.above:
            test["$nin"] = sorted({*test.get("$nin", ()), *column.values})
        elif "$in" in test:
            further.append({column.attribute: {"$in": list(column.values)}})
        else:
            test["$in"] = list(column.values)
    categories = tests.get("session.categories", {})
    if "$in" not in categories:
        # What was learned from sessions must not place those who have none.
        views = tests.setdefault("session.views", {})
        views["$gte"] = max(1, views.get("$gte", 1))
    elif "$nin" in categories:
        categories["$in"] = [one for one in categories["$in"] if one not in categories["$nin"]]
    condition: Condition = dict(sorted(tests.items()))
    return condition | ({"$and": further} if further else {})


def attributes_of(columns: tuple[Column, ...], values: NDArray[np.float32]) -> dict[str, Any]:
    """Return a state as the edge would have its attributes."""
    found: dict[str, Any] = {"session": {"categories": []}}
    for column, value in zip(columns, values.tolist(), strict=True):
        names = column.attribute.split(".")
        place = found if len(names) == 1 else found.setdefault(names[0], {})
        if not column.values:
            place[names[-1]] = int(value)
        elif value and column.attribute == "session.categories":
            place["categories"] += column.values if len(column.values) == 1 else ()
        elif value:
            place[names[-1]] = column.values[0]
    return found


def fidelity(
    states: States,
    label: NDArray[np.int64],
    which: Bools,
    conditions: list[Condition | None],
    keys: list[str],
) -> dict[str, Any]:
    """Return how visitors are placed at the end of their newest session, against what is known."""
    rows = np.flatnonzero(which)[:MOST_REPORTED]
    placed = np.array(
        [_place(attributes_of(states.columns, states.values[row]), conditions) for row in rows],
        dtype=np.int64,
    )
    truth = label[rows]
    alike = placed == truth
    return {
        "visitors": len(rows),
        "placed_alike": _share(alike.sum(), len(rows)),
        "placed_otherwise": _share(((placed >= 0) & ~alike).sum(), len(rows)),
        "unplaced": _share((placed < 0).sum(), len(rows)),
        "segments": {
            key: {
                "precision": _share(alike[placed == number].sum(), (placed == number).sum()),
                "recall": _share(alike[truth == number].sum(), (truth == number).sum()),
                "alternatives": _alternatives(conditions[number]),
            }
            for number, key in enumerate(keys)
        },
    }


def _leaves(
    states: States,
    label: NDArray[np.int64],
    learned: Bools,
    judged: Bools,
    count: int,
    seed: int,
) -> dict[int, list[list[Step]]]:
    # scikit-learn takes two seconds to load; only here is it worth them.
    from sklearn.tree import DecisionTreeClassifier

    rows = np.flatnonzero(learned)[:MOST_STATES]
    tree = DecisionTreeClassifier(
        max_depth=MAX_DEPTH,
        max_leaf_nodes=max(LEAST_LEAVES, LEAVES_PER_SEGMENT * count),
        min_samples_leaf=max(FEWEST_LEARNED, len(rows) // 500),
        random_state=seed,
    ).fit(states.values[rows], label[rows], sample_weight=states.weight[rows])
    at = tree.apply(states.values[judged])
    leaves: dict[int, list[list[Step]]] = {number: [] for number in range(count)}
    for leaf, steps in _paths(tree.tree_):
        segment = int(tree.classes_[np.argmax(tree.tree_.value[leaf][0])])
        right = (label[judged] == segment)[at == leaf]
        weight = states.weight[judged][at == leaf]
        if len(right) >= FEWEST_JUDGED and _least_share(right, weight) >= LEAST_PRECISION:
            leaves[segment].append(steps)
    return leaves


def _least_share(right: Bools, weight: NDArray[np.float64]) -> float:
    """Return the weighted share less its standard error: of many leaves some are right by luck."""
    share = float(np.average(right, weights=weight))
    return share - float(np.sqrt(share * (1 - share) / len(right)))


def _paths(tree: Any) -> list[tuple[int, list[Step]]]:
    """Return each leaf's node and the way to it."""
    found = []
    stack: list[tuple[int, list[Step]]] = [(0, [])]
    while stack:
        node, steps = stack.pop()
        if tree.children_left[node] < 0:
            found.append((node, steps))
            continue
        column, threshold = int(tree.feature[node]), float(tree.threshold[node])
        stack.append((tree.children_right[node], [*steps, Step(column, threshold, True)]))
        stack.append((tree.children_left[node], [*steps, Step(column, threshold, False)]))
    return found


def _joined(alternatives: list[Condition]) -> Condition | None:
    if not alternatives:
        return None
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}


def _alternatives(condition: Condition | None) -> int:
    return 0 if condition is None else len(condition.get("$or", [condition]))


def _place(attributes: dict[str, Any], conditions: list[Condition | None]) -> int:
    fits = (n for n, one in enumerate(conditions) if one is not None and evaluate(one, attributes))
    return next(fits, -1)


def _share(count: Any, total: Any) -> float | None:
    return round(float(count) / float(total), 4) if total else None
