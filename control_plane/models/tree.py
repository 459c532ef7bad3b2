"""Conditions from a shallow tree over all that a session shows: the ways to its good leaves.

A leaf becomes a condition only if it is right often enough for other visitors than those it was
learned from.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.category_list import ATTRIBUTE, Condition
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

Bools = NDArray[np.bool_]


class Step(msgspec.Struct, frozen=True):
    """One turn on the way to a leaf: above the threshold, or not."""

    column: int
    threshold: float
    above: bool


def tree_conditions(
    states: States, label: NDArray[np.int64], learned: Bools, judged: Bools, count: int, seed: int
) -> list[Condition | None]:
    """Return a condition for each of `count` segments, None for one without a good leaf.

    `label` (n,) is each state's segment; `learned` and `judged` (n,) mark states of different
    visitors.
    """
    states = _with_groups(states, label, learned, count)
    leaves = _leaves(states, label, learned, judged, count, seed)
    return [
        _joined([to_condition(states.columns, steps) for steps in leaves[number]])
        for number in range(count)
    ]


def _with_groups(states: States, label: NDArray[np.int64], learned: Bools, count: int) -> States:
    """Add a column for each segment: whether the session met one of its telling categories."""
    places = [n for n, one in enumerate(states.columns) if one.attribute == ATTRIBUTE]
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
            columns.append(Column(ATTRIBUTE, tuple(words)))
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
    categories = tests.get(ATTRIBUTE, {})
    if "$in" not in categories:
        # What was learned from sessions must not place those who have none.
        views = tests.setdefault("session.views", {})
        views["$gte"] = max(1, views.get("$gte", 1))
    elif "$nin" in categories:
        categories["$in"] = [one for one in categories["$in"] if one not in categories["$nin"]]
    condition: Condition = dict(sorted(tests.items()))
    return condition | ({"$and": further} if further else {})


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
