"""The edge decides as GrowthBook's own SDK does, wherever operands are of their kind.

Where a rule's own operand is mistyped the two may differ: the SDK throws or matches, the edge
does not match, and the compiler refuses such a rule before it gets there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane.conditions.evaluate import OPERATORS
from control_plane.emulator.npm import lay_out, node_command

SDK = {
    "@growthbook/growthbook@1.8.0": (
        "WlS5bCwm0EJQDdTNkiPGE1X9EdvU7BIaAbHP8pg/5xP1stRyUI7sPQMpC21p6B2c/VvgxatGn/tM+r0SYnhfQw=="
    )
}
SCRIPT = Path(__file__).with_name("growthbook.mjs")

few = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NAMES = ("a", "b", "length", "0", "c")
WORDS = ("", "0", " 7 ", "1e3", "a", "A", "null", "1.2.3", "1.2.10", "v1.10.0-rc.1", "été", "10")
words = st.sampled_from(WORDS)
numbers = st.sampled_from([0, 1, 5, 7, 31, 1000, -1, 0.1, 1e21])
scalars = st.one_of(st.none(), st.booleans(), numbers, words)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=6,
)
patterns = st.sampled_from(["^a", "a$", r"^\d+$", "b", "[a-c]+", r"\.", "^(a|été)$"])
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(".".join)
lists = st.lists(scalars, max_size=3)
simple = st.fixed_dictionaries({"$gt": numbers, "$ne": scalars})
KINDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("$in", "$nin", "$ini", "$nini", "$all", "$alli"), lists),
    **dict.fromkeys(("$regex", "$regexi"), patterns),
    **dict.fromkeys(("$inGroup", "$notInGroup"), st.sampled_from(["few", "none"])),
    "$not": simple,
    "$size": st.one_of(st.integers(0, 3), simple),
    "$elemMatch": st.one_of(simple, st.dictionaries(st.sampled_from(NAMES), scalars, min_size=1)),
    "$exists": st.booleans(),
    "$type": st.sampled_from(["string", "number", "boolean", "array", "object", "null"]),
}
operators = st.lists(
    st.one_of([st.tuples(st.just(name), KINDS.get(name, scalars)) for name in sorted(OPERATORS)]),
    min_size=1,
    max_size=2,
).map(dict)
conditions = st.recursive(
    st.dictionaries(paths, st.one_of(values, operators), max_size=3),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$not": inner}),
        st.sampled_from(["$and", "$or", "$nor"]).flatmap(
            lambda name: st.fixed_dictionaries({name: st.lists(inner, max_size=3)})
        ),
    ),
    max_leaves=4,
)
cases = st.fixed_dictionaries(
    {
        "condition": conditions,
        "attributes": st.dictionaries(st.sampled_from(NAMES), values, max_size=4),
        "groups": st.fixed_dictionaries({"few": lists}),
    }
)


class Sdk:
    """GrowthBook's SDK in a process of its own, one a batch of cases."""

    def __init__(self) -> None:
        self.packages = lay_out(SDK, lambda words: print(words, file=sys.stderr))
        self.node = node_command(os.environ)

    def __call__(self, probe: str, asked: list[dict[str, Any]]) -> list[Any]:
        """Return the SDK's answer to every case."""
        assert self.node, "node comes with the locked packages"
        said = subprocess.run(
            [self.node, SCRIPT, self.packages],
            input=json.dumps({"probe": probe, "cases": asked}),
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return list(json.loads(said.stdout))


@pytest.fixture(scope="module")
def sdk() -> Sdk:
    return Sdk()


@pytest.mark.slow
@few
@given(several=st.lists(cases, min_size=40, max_size=40))
def test_conditions_match_alike(edge: Any, sdk: Sdk, several: list[dict[str, Any]]) -> None:
    answers = zip(several, edge("evaluate", several), sdk("evaluate", several), strict=True)
    assert [case for case, ours, theirs in answers if ours is not theirs] == []


def test_everybody_falls_into_the_same_bucket(edge: Any, sdk: Sdk) -> None:
    asked = [
        {"seed": f"{word}-{number}", "value": f"{number}{word}", "version": version}
        for word in WORDS
        for number in range(100)
        for version in (1, 2, 3)
    ]
    assert edge("hash", asked) == sdk("hash", asked)


@few
@given(
    several=st.lists(
        st.fixed_dictionaries(
            {
                "count": st.integers(1, 6),
                "coverage": st.floats(-1, 2),
                "weights": st.one_of(st.none(), st.lists(st.floats(0, 1), min_size=1, max_size=6)),
            }
        ),
        min_size=60,
        max_size=60,
    )
)
def test_variations_get_the_same_ranges(edge: Any, sdk: Sdk, several: list[Any]) -> None:
    ranges = edge("ranges", several)
    assert ranges == sdk("ranges", several)
    chosen = [
        {"n": n, "ranges": one}
        for one in ranges
        for n in (0, 0.3, 0.9999, *(edge for pair in one for edge in pair))
    ]
    assert edge("choose", chosen) == sdk("choose", chosen)


def test_a_namespace_has_the_same_people(edge: Any, sdk: Sdk) -> None:
    asked = [
        {"id": f"visitor-{number}", "namespace": [f"n{number % 7}", start / 10, end / 10]}
        for number in range(200)
        for start, end in ((0, 10), (0, 3), (2, 7), (7, 10))
    ]
    assert edge("namespace", asked) == sdk("namespace", asked)
