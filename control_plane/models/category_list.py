"""Conditions from a list of telling categories: the purest that a session met says the segment.

A decision list (Rivest 1987), grown purest first. A session of two categories of one segment and
a purer one of another belongs to the first, so pairs of a segment's categories go before the list.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Condition = dict[str, Any]

ATTRIBUTE = "session.categories"

#: States that must have met a category before it tells anything, by weight.
FEWEST_MET = 10.0
#: A category whose visitors are more often of other segments together tells none.
LEAST_PURITY = 0.5


class Rule(msgspec.Struct, frozen=True):
    """A category and the segment number of those who met it, and none of the rules before."""

    category: str
    segment: int


def grow_list(
    words: list[str], met: NDArray[np.bool_], label: NDArray[np.int64], weight: NDArray[np.float64],
    count: int,
) -> list[Rule]:  # fmt: skip
    """Return rules, the purest first, from states that `met` (states, words) categories.

    `label` (states,) is each one's segment of `count`, `weight` how much it counts.
    """
    member = (label[:, None] == np.arange(count)[None, :]) * weight[:, None]
    open_words = np.ones(len(words), dtype=bool)
    rules: list[Rule] = []
    # Alike states are one: there are few sets of categories in many sessions.
    sets, place = np.unique(met, axis=0, return_inverse=True)
    sums = np.zeros((len(sets), count))
    np.add.at(sums, place.reshape(-1), member)
    while open_words.any():
        by_segment = sets.T.astype(np.float64) @ sums
        total = by_segment.sum(axis=1)
        # One visitor of each segment beforehand (Laplace), so that few do not look pure.
        purity = (by_segment.max(axis=1) + 1) / (total + count)
        purity[~open_words | (total < FEWEST_MET)] = -1
        best = int(purity.argmax())
        if purity[best] < LEAST_PURITY:
            break
        rules.append(Rule(words[best], int(by_segment[best].argmax())))
        open_words[best] = False
        left = ~sets[:, best]
        sets, sums = sets[left], sums[left]
    return rules


def list_conditions(rules: list[Rule], count: int, pairs: bool) -> list[Condition | None]:
    """Return a condition for each segment, None for one without a rule.

    They hold for visitors for whom none before them holds. With `pairs`, two categories of one
    segment outdo one of another; that takes three times the bytes.
    """
    groups = [[rule.category for rule in rules if rule.segment == n] for n in range(count)]
    both = [_two_of(group) if pairs else [] for group in groups]
    conditions: list[Condition | None] = []
    for segment in range(count):
        singles = _in_order(rules, segment)
        later = [pair for after in both[segment + 1 :] for pair in after]
        if singles and later:
            singles = [_any_of(singles) | {"$nor": later}]
        conditions.append(_any_of(both[segment] + singles) if singles else None)
    return conditions


def _any_of(alternatives: list[Condition]) -> Condition:
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}


def _in_order(rules: list[Rule], segment: int) -> list[Condition]:
    """Return an alternative for each run of the segment's rules: none of those before met.

    Rules of segments before this one need no mention, since their conditions did not hold.
    """
    found: list[Condition] = []
    before: list[str] = []
    for number, run in groupby(rules, key=lambda rule: rule.segment):
        names = [rule.category for rule in run]
        if number == segment:
            test = {"$in": sorted(names), **({"$nin": sorted(before)} if before else {})}
            found.append({ATTRIBUTE: test})
        elif number > segment:
            before += names
    return found


def _two_of(group: list[str]) -> list[Condition]:
    """Return conditions one of which holds for lists with two of the group.

    Two places differ in a binary digit, so a split by each digit parts every pair somewhere.
    """
    found: list[Condition] = []
    for digit in range((len(group) - 1).bit_length()):
        halves = [
            sorted(name for place, name in enumerate(group) if place >> digit & 1 == side)
            for side in (0, 1)
        ]
        found.append({"$and": [{ATTRIBUTE: {"$in": half}} for half in halves]})
    return found
