"""Two walks over a directed graph that is given by a function from a state to its followers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

State = TypeVar("State", bound=Hashable)


def reached(start: State, steps: Callable[[State], list[State]]) -> set[State]:
    """Return every state that one step or more leads to."""
    seen: set[State] = set()
    waiting = [start]
    while waiting:
        for state in steps(waiting.pop()):
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    return seen


def components(states: Iterable[State], follow: Callable[[State], list[State]]) -> dict[State, int]:
    """Return for each reachable state the number of its strongly connected component (Tarjan)."""
    order: dict[State, int] = {}
    low: dict[State, int] = {}
    group: dict[State, int] = {}
    path: list[State] = []
    for root in states:
        if root in order:
            continue
        order[root] = low[root] = len(order)
        path.append(root)
        work = [(root, iter(follow(root)))]
        while work:
            state, rest = work[-1]
            for after in rest:
                if after not in order:
                    order[after] = low[after] = len(order)
                    path.append(after)
                    work.append((after, iter(follow(after))))
                    break
                if after not in group:
                    low[state] = min(low[state], order[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[state])
                if low[state] == order[state]:
                    number = len(group)
                    while True:
                        member = path.pop()
                        group[member] = number
                        if member == state:
                            break
    return group
