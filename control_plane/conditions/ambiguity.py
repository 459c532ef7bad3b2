"""How much a backtracking matcher may have to try before it knows that a pattern fails.

A pattern becomes an automaton whose states are its characters' places (Glushkov's), with the
number of ways from one to the next. Two ways round one loop over the same text double the work
with every character (exponential); loops one after another over the same text multiply it by
the text's length each (polynomial). See Weber and Seidl, "On the degree of ambiguity of finite
automata", 1991. The start of an unanchored pattern is a loop too: every place is tried.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache

import msgspec

from control_plane.conditions.charset import ALL
from control_plane.conditions.graphs import components, reached
from control_plane.conditions.patterns import Characters, Choice, Node, Place, Repeat, Sequence

MAX_STATES = 400
MAX_STEPS = 400_000
MAX_CHOICES = 4096
#: Loops in a row over the same text; two cost the square of the text's length.
MAX_DEGREE = 2


class _TooLarge(Exception):
    """The analysis would take too long."""


class _Part(msgspec.Struct):
    """Ways through a part: without a character, to its first, from its last characters."""

    empty: int
    first: Counter[int]
    last: Counter[int]


class _Automaton:
    def __init__(self) -> None:
        self.members: list[int] = []
        self.ways: Counter[tuple[int, int]] = Counter()

    def add(self, node: Node) -> _Part:
        match node:
            case Characters(members):
                if len(self.members) >= MAX_STATES:
                    raise _TooLarge
                self.members.append(members)
                state = len(self.members) - 1
                return _Part(0, Counter([state]), Counter([state]))
            case Place():
                return _Part(1, Counter(), Counter())
            case Sequence(parts):
                return self.chain(self.add(part) for part in parts)
            case Choice(options):
                return self.one_of([self.add(option) for option in options])
            case Repeat(part, least, most):
                return self.repeat(part, least, most)

    def chain(self, parts: Iterable[_Part]) -> _Part:
        whole = _Part(1, Counter(), Counter())
        for part in parts:
            self.join(whole.last, part.first)
            first = whole.first + _times(part.first, whole.empty)
            last = part.last + _times(whole.last, part.empty)
            whole = _Part(min(2, whole.empty * part.empty), first, last)
        return whole

    def one_of(self, options: list[_Part]) -> _Part:
        first: Counter[int] = sum((option.first for option in options), Counter())
        last: Counter[int] = sum((option.last for option in options), Counter())
        return _Part(min(2, sum(option.empty for option in options)), first, last)

    def repeat(self, part: Node, least: int, most: int | None) -> _Part:
        must = [self.add(part) for _ in range(least - (most is None and least > 0))]
        if most is None:
            loop = self.add(part)
            self.join(loop.last, loop.first)
            return self.chain([*must, loop if least else self.optional(loop)])
        rest = _Part(1, Counter(), Counter())
        for _ in range(most - least):
            rest = self.optional(self.chain([self.add(part), rest]))
        return self.chain([*must, rest])

    def optional(self, part: _Part) -> _Part:
        # JavaScript drops an optional round that took no character: one empty way only.
        return _Part(1, part.first, part.last)

    def join(self, last: Counter[int], first: Counter[int]) -> None:
        for p, ways in last.items():
            for q, more in first.items():
                self.ways[p, q] = min(2, self.ways[p, q] + ways * more)


def cost_problem(pattern: Node) -> str | None:
    """Say why matching `pattern` can take too long, or None when it is cheap on any text."""
    tree = _without_free_tail(pattern)
    if _choices(tree) > MAX_CHOICES:
        return f"leaves more than {MAX_CHOICES} ways to try"
    automaton = _Automaton()
    try:
        whole = automaton.add(tree)
        if not _anchored(tree):
            _add_start_loop(automaton, whole)
        return _loop_problem(automaton)
    except _TooLarge:
        return "is too large to check"


def _add_start_loop(automaton: _Automaton, whole: _Part) -> None:
    automaton.members.append(ALL)
    start = len(automaton.members) - 1
    automaton.join(Counter([start]), Counter([start]))
    automaton.join(Counter([start]), Counter(dict.fromkeys(whole.first, 1)))


class _Graph(msgspec.Struct):
    """The automaton to walk: which states follow which, and which lie on a common loop."""

    members: list[int]
    follow: dict[int, list[int]]
    component: dict[int, int]
    steps_left: int = MAX_STEPS

    def on_loop(self, state: int) -> list[int]:
        """Return the followers that stay on the state's own loop."""
        return [
            after for after in self.follow[state] if self.component[after] == self.component[state]
        ]

    def spend(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise _TooLarge


def _loop_problem(automaton: _Automaton) -> str | None:
    follow: dict[int, list[int]] = defaultdict(list)
    for p, q in automaton.ways:
        follow[p].append(q)
    component = components(range(len(automaton.members)), lambda state: follow[state])
    graph = _Graph(automaton.members, follow, component)
    doubled = any(n > 1 and component[p] == component[q] for (p, q), n in automaton.ways.items())
    if doubled or _is_exponential(graph):
        return "can be matched in two ways within a repetition, which takes exponential time"
    degree = _degree(graph)
    if degree > MAX_DEGREE:
        return f"has {degree} overlapping repetitions in a row (an open start counts as one)"
    return None


def _is_exponential(graph: _Graph) -> bool:
    """Say whether two different ways lead round a loop over the same text."""

    def pairs(pair: tuple[int, int]) -> list[tuple[int, int]]:
        ones, others = graph.on_loop(pair[0]), graph.on_loop(pair[1])
        graph.spend(1 + len(ones) * len(others))
        return [(a, b) for a in ones for b in others if graph.members[a] & graph.members[b]]

    together = components([(state, state) for state in graph.component], pairs)
    alone = {group for (a, b), group in together.items() if a == b}
    return any(a != b and group in alone for (a, b), group in together.items())


def _degree(graph: _Graph) -> int:
    """Return the length of the longest row of loops that can share one text."""
    loops: dict[int, list[int]] = defaultdict(list)
    for state, group in graph.component.items():
        if graph.on_loop(state):
            loops[group].append(state)
    after = {
        a: [b for b in loops if a != b and _share_text(graph, loops[a], loops[b])] for a in loops
    }

    @cache
    def row(group: int) -> int:
        return 1 + max(map(row, after[group]), default=0)

    return max(map(row, loops), default=0)


def _share_text(graph: _Graph, first: list[int], second: list[int]) -> bool:
    """Say whether some text leads round one loop, from it to another, and round that too."""
    members = graph.members

    def steps(triple: tuple[int, int, int]) -> list[tuple[int, int, int]]:
        x, y, z = triple
        found = []
        for i in graph.on_loop(x):
            for k in graph.on_loop(z):
                both = members[i] & members[k]
                graph.spend(1 + len(graph.follow[y]))
                found += [(i, j, k) for j in graph.follow[y] if members[j] & both]
        return found

    return any((p, q, q) in reached((p, p, q), steps) for p in first for q in second)


def _times(ways: Counter[int], factor: int) -> Counter[int]:
    return Counter({state: count * factor for state, count in ways.items() if factor})


def _without_free_tail(node: Node) -> Node:
    """Leave out what ends the pattern and may be absent: it can't fail, so nothing is retried."""
    if not isinstance(node, Sequence):
        return node
    parts = list(node.parts)
    while parts and isinstance(parts[-1], Repeat) and parts[-1].least == 0:
        parts.pop()
    return Sequence(tuple(parts))


def _anchored(node: Node) -> bool:
    match node:
        case Place(assertion):
            return assertion == r"\A"
        case Sequence(parts):
            return bool(parts) and _anchored(parts[0])
        case Choice(options):
            return all(map(_anchored, options))
    return False


def _choices(node: Node) -> int:
    """Return an upper bound of the ways through a pattern, each loop gone round once."""
    match node:
        case Sequence(parts):
            product = 1
            for part in parts:
                product = min(product * _choices(part), MAX_CHOICES + 1)
            return product
        case Choice(options):
            return sum(map(_choices, options)) if _overlap(options) else max(map(_choices, options))
        case Repeat(part, least, most):
            rounds = least + 1 if most is None else most
            spread = 2 if most is None else most - least + 1
            return min(spread * _choices(part) ** min(rounds, 13), MAX_CHOICES + 1)
    return 1


def _overlap(options: Iterable[Node]) -> bool:
    """Say whether two options may begin with the same character, or one with none."""
    seen = 0
    for option in options:
        automaton = _Automaton()
        part = automaton.add(option)
        starts = 0
        for state in part.first:
            starts |= automaton.members[state]
        if part.empty or starts & seen:
            return True
        seen |= starts
    return False
