"""Patterns that can take long are told from those that are cheap on any text."""

from __future__ import annotations

import time

import pytest

from control_plane.conditions.ambiguity import cost_problem
from control_plane.conditions.patterns import PatternError, compile_pattern, parse

CHEAP = [
    "",
    "^/sale/",
    r"\.html$",
    "^/(men|women|kids)/",
    r"^/p/[0-9]+$",
    r"^https?://(www\.)?google\.",
    r"[a-z]+\.[a-z]+\.com",
    r"\d+-\d+",
    ".*shoes.*",
    "(a|b)*c",
    r"(\w+,)*x",
    "^.*sale.*x",
    "iPhone|iPad|Android.*Mobile",
    "^/(shoes|boots)(/.*)?$",
    r"^[^@]+@[^@]+\.[^@]+$",
    r"(\d{1,3}\.){3}\d{1,3}",
    "^(ab|ac)*$",
    "a{2,30}b",
]
DEAR = [
    "(a+)+$",
    "(a*)*b",
    "(a|a)*b",
    "(a|aa)+b",
    "(.*)*x",
    r"^(\w+\s?)*$",
    "(x*y*)*z",
    r"([a-z]+)*\.com$",
    "^(a|b|ab)*c$",
    r"\d+\d+x",
    ".*a.*b.*c",
    "(a?){30}b",
    "a?" * 20 + "a" * 20,
    "(a|a)" * 13 + "b",
    "(a|b|a){14}c",
    "a{3,500}b",
    "((a{1,20}){1,20}){1,20}b",
]


@pytest.mark.parametrize("pattern", CHEAP)
def test_a_cheap_pattern_passes(pattern: str) -> None:
    assert cost_problem(parse(pattern)) is None


@pytest.mark.parametrize("pattern", DEAR)
def test_a_dear_pattern_is_refused(pattern: str) -> None:
    start = time.perf_counter()
    assert cost_problem(parse(pattern)) is not None
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("pattern", CHEAP)
def test_a_cheap_pattern_is_fast_on_the_longest_text_there_is(pattern: str) -> None:
    compiled = compile_pattern(pattern, fold=False)
    assert compiled is not None
    start = time.perf_counter()
    for unit in ("a", "ab,", "/shoes/", "1.", "sale", "google.", "@.", "x!"):
        compiled.search((unit * 1024)[:1023] + "!")
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(", "never closed"),
        ("a)", "')' too many"),
        ("[a", "ends within"),
        ("[z-a]", "holds nothing"),
        ("a**", "repeats a repetition"),
        ("*a", "nothing to repeat"),
        ("^*", "repeats a place"),
        ("x{3,2}", "repeats 3 to 2 times"),
        ("x{2000}", "more than 1000"),
        ("\\", "ends within"),
        (r"\u12", "hexadecimal"),
        (r"(.)\1", "uses \\1"),
        (r"\p{L}", "uses \\p"),
        ("(?=a)b", "looks ahead or behind"),
        ("(?<!a)b", "looks ahead or behind"),
        ("a" * 501, "longer than 500"),
    ],
)
def test_what_rules_may_not_use_is_told(pattern: str, problem: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse(pattern)
    assert problem in str(caught.value)
    assert compile_pattern(pattern, fold=False) is None
