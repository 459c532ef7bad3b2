"""Lists of telling categories: the purest says the segment, two outdo one, and so at the edge."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from control_plane.conditions import check, evaluate
from control_plane.models.category_list import Rule, grow_list, list_conditions
from control_plane.rules.attributes import ATTRIBUTES

WORDS = ["boots", "tents", "mugs", "pans", "knives", "rare"]


def grow(sessions):
    """Return the rules learned from (categories, segment) of sessions."""
    met = np.array([[word in categories for word in WORDS] for categories, _ in sessions])
    label = np.array([segment for _, segment in sessions])
    return grow_list(WORDS, met, label, np.ones(len(sessions)), 2)


def place(conditions, categories):
    attributes = {"session": {"categories": list(categories)}}
    fits = (n for n, one in enumerate(conditions) if one and evaluate(one, attributes))
    return next(fits, None)


CAMPERS = [(("boots",), 0), (("tents",), 0), (("boots", "mugs"), 0)] * 20
COOKS = [(("pans",), 1), (("knives",), 1), (("mugs",), 1), (("mugs",), 1)] * 20


def test_the_purest_category_comes_first():
    rules = grow([*CAMPERS, *COOKS])
    assert [rule.segment for rule in rules if rule.category == "mugs"] == [1]
    order = [rule.category for rule in rules]
    assert order.index("boots") < order.index("mugs")
    assert place(list_conditions(rules, 2, pairs=False), ["boots", "mugs"]) == 0
    assert place(list_conditions(rules, 2, pairs=False), ["mugs"]) == 1


def test_a_category_that_few_met_or_that_tells_nothing_is_left_out():
    both = [(("mugs",), segment) for segment in (0, 1, 0, 1, 1, 0)] * 10
    rare = [(("rare",), 1)] * 9
    assert grow_list(WORDS, np.zeros((0, 6), bool), np.zeros(0, int), np.zeros(0), 2) == []
    assert [rule.category for rule in grow([*both, *rare])] in ([], ["mugs"])
    three = grow_list(WORDS, np.array([[0, 0, 1, 0, 0, 0]] * 60, bool), np.arange(60) % 3,
                      np.ones(60), 3)  # fmt: skip
    assert three == []


RULES = [Rule("boots", 0), Rule("pans", 1), Rule("tents", 0), Rule("knives", 1), Rule("mugs", 1)]


def test_a_session_without_a_telling_category_is_in_no_segment():
    for pairs in (False, True):
        conditions = list_conditions(RULES, 3, pairs)
        assert conditions[2] is None
        assert place(conditions, []) is None
        assert place(conditions, ["rare", "vases"]) is None
        assert all(check(one, ATTRIBUTES) == [] for one in conditions[:2])


def test_two_categories_of_a_segment_outdo_a_purer_one_of_another():
    assert place(list_conditions(RULES, 2, pairs=False), ["boots", "pans", "mugs"]) == 0
    assert place(list_conditions(RULES, 2, pairs=True), ["boots", "pans", "mugs"]) == 1
    assert place(list_conditions(RULES, 2, pairs=True), ["boots", "tents", "pans"]) == 0
    assert place(list_conditions(RULES, 2, pairs=True), ["boots", "knives"]) == 0


SESSIONS = st.sets(st.integers(0, 11), max_size=5)
LISTS = st.lists(st.integers(0, 3), max_size=12)


@given(LISTS, SESSIONS, st.booleans())
def test_conditions_say_what_the_list_says(segments, session, pairs):
    rules = [Rule(f"c{place}", segment) for place, segment in enumerate(segments)]
    met = [rule for rule in rules if int(rule.category[1:]) in session]
    counts = [sum(rule.segment == n for rule in met) for n in range(4)]
    expected = met[0].segment if met else None
    if pairs and max(counts) > 1:
        expected = next(n for n, count in enumerate(counts) if count > 1)
    conditions = list_conditions(rules, 4, pairs)
    assert place(conditions, [f"c{place}" for place in session]) == expected
