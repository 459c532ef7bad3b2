"""Python and the edge agree on conditions and attributes that nobody thought of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane.bucket import bucket_ranges, hash_to_unit
from control_plane.conditions import evaluate
from control_plane.conditions.evaluate import OPERATORS

alike = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NAMES = ("a", "b", "length", "0", "__proto__")
WORDS = (
    "",
    "0",
    " 7 ",
    "1e3",
    "0x1F",
    "a",
    "A",
    "null",
    "true",
    "1.2.3",
    "v1.10.0-rc.1",
    "été",
    "\U0001f375",
)
numbers = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 1, 7, 1000, 31, 1e21, 1e-7, 0.1, -0.0]),
)
words = st.one_of(st.sampled_from(WORDS), st.text(st.characters(codec="utf-8"), max_size=3))
scalars = st.one_of(st.none(), st.booleans(), numbers, words)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=6,
)
patterns = st.from_regex(r"\A\^?([a0]|\.|\[^a\]|\\d|\\w|\\s|é)[*+?]?(\|t)?\$?\Z", fullmatch=True)
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(".".join)


def operators_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return operators with operands that mostly fit."""
    lists = st.lists(scalars, max_size=3)
    fitting: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("$in", "$nin", "$ini", "$nini", "$all", "$alli"), lists),
        "$regex": patterns,
        "$regexi": patterns,
        "$not": inner,
        "$size": st.one_of(numbers, inner),
        "$elemMatch": inner,
        "$inGroup": st.sampled_from(["few", "none"]),
        "$notInGroup": st.sampled_from(["few", "none"]),
        "$type": st.sampled_from(["string", "number", "boolean", "array", "object", "null"]),
    }
    pairs = [
        st.tuples(st.just(name), st.one_of(fitting.get(name, scalars), values))
        for name in (*OPERATORS, "$unknown")
    ]
    return st.lists(st.one_of(pairs), min_size=1, max_size=2).map(dict)


operators = st.recursive(values, operators_of, max_leaves=4)
conditions = st.recursive(
    st.dictionaries(paths, operators, max_size=3),
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
        "groups": st.fixed_dictionaries({"few": st.lists(scalars, max_size=3)}),
    }
)


@pytest.mark.slow
@alike
@given(several=st.lists(cases, min_size=60, max_size=60))
def test_both_sides_decide_alike(edge: Any, several: list[dict[str, Any]]) -> None:
    decided = edge("evaluate", several)
    for case, answer in zip(several, decided, strict=True):
        assert evaluate(case["condition"], case["attributes"], case["groups"]) is answer, case


@alike
@given(pairs=st.lists(st.tuples(words, words), min_size=1, max_size=50))
def test_both_sides_hash_alike(edge: Any, pairs: list[tuple[str, str]]) -> None:
    asked = [{"seed": s, "value": v, "version": n} for s, v in pairs for n in (1, 2)]
    expected = [hash_to_unit(one["seed"], one["value"], one["version"]) for one in asked]
    assert edge("hash", asked) == expected


@alike
@given(
    weights=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    count=st.integers(1, 6),
    coverage=st.floats(-1, 2),
)
def test_both_sides_cut_alike(edge: Any, weights: list[float], count: int, coverage: float) -> None:
    asked = {"count": count, "coverage": coverage, "weights": weights}
    expected = [list(one) for one in bucket_ranges(count, coverage, weights)]
    assert edge("ranges", [asked]) == [expected]


def test_a_value_nested_without_end_never_matches_and_never_fails(edge: Any) -> None:
    nested = "[" * 30_000 + "]" * 30_000
    assert edge("nested", [{"json": nested}]) == [[False, False]]
    deep: list[Any] = []
    for _ in range(30_000):
        deep = [deep]
    assert evaluate({"a": "x"}, {"a": deep}) is False
    assert evaluate({"a": [[[]]]}, {"a": deep}) is False
