"""The inner loops of the neighbour table, compiled by Numba: a few instructions a meeting.

They hold no lock of Python's, so that blocks of items are counted side by side.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

#: What is known of each other item while one item's row is counted: whom the last meeting was
#: with, how many people so far, the sum of theirs but the last, and the last one's strongest.
#: Side by side, so that a meeting touches one line of the processor's cache.
HEARD = np.dtype(
    [("owner", np.int32), ("people", np.int32), ("sum", np.float64), ("best", np.float64)],
    align=True,
)
NOBODY = -1


def _compiled(function: Any) -> Any:
    """Compile at the first call, or take what an earlier process compiled."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # No folder to keep it in, as for an account without a home: seconds more each time.
        return numba.njit(nogil=True)(function)


@_compiled
def order_by_item(indptr: Any, items: Any, sessions: Any, item_count: int) -> Any:
    """Return where each item's steps start (items + 1,), the steps and the session of each.

    Sessions are taken in the order of `sessions`, which each item's steps then keep.
    """
    first = np.zeros(item_count + 1, np.int64)
    for item in items:
        first[item + 1] += 1
    for item in range(item_count):
        first[item + 1] += first[item]
    free = first[:-1].copy()
    steps = np.empty(len(items), np.int64)
    session_of = np.empty(len(items), np.int32)
    for session in sessions:
        for step in range(indptr[session], indptr[session + 1]):
            place = free[items[step]]
            free[items[step]] += 1
            steps[place] = step
            session_of[place] = session
    return first, steps, session_of


@_compiled
def count_people(first: Any, session_of: Any, owners: Any) -> Any:
    """Return how many owners met each item; steps of one owner stand together."""
    people = np.zeros(len(first) - 1, np.int64)
    for item in range(len(people)):
        last = NOBODY
        for place in range(first[item], first[item + 1]):
            owner = owners[session_of[place]]
            people[item] += owner != last
            last = owner
    return people


@_compiled
def best_neighbours(log: Any, found: Any, weights: Any, rule: Any, block: Any, heard: Any) -> Any:
    """Return the rows of the items from `start` to `stop`, and how many pairs they rest on.

    `log` is (indptr, items, kinds, owners) of sessions, `found` (first, steps, session_of) of
    order_by_item; `weights` is (session (s,), forward and backward (kinds, window), source and
    target (items,)); `rule` is (the people that a pair of each item takes (items,), what a pair of
    one person counts); `block` is (start, stop, limit). `heard` (items,) of HEARD has nobody in
    it, before and after.

    Returns lengths (stop - start,), items and scores (stop - start, limit) best first, of equal
    scores the lower item first, the number of pairs of two items, and of those of one person.
    """
    indptr, items, kinds, owners = log
    first, steps, session_of = found
    of_session, forward, backward, source, target = weights
    wanted, lone_weight = rule
    start, stop, limit = block
    window = forward.shape[1]
    lengths = np.zeros(stop - start, np.int64)
    best_items = np.empty((stop - start, limit), np.int32)
    best_scores = np.empty((stop - start, limit), np.float32)
    met = np.empty(len(heard), np.int32)
    pairs = lone_pairs = 0
    for item in range(start, stop):
        others = 0
        for place in range(first[item], first[item + 1]):
            step, session = steps[place], session_of[place]
            owner, weight = owners[session], of_session[session]
            opens = max(indptr[session], step - window)
            for far in range(opens, min(indptr[session + 1], step + window + 1)):
                if far == step:
                    continue
                if far > step:
                    meeting = weight * forward[kinds[far], far - step - 1]
                else:
                    meeting = weight * backward[kinds[far], step - far - 1]
                other = heard[items[far]]
                if other.owner == owner:
                    other.best = max(other.best, meeting)
                    continue
                if other.people == 0:
                    met[others] = items[far]
                    others += 1
                other.owner = owner
                other.people += 1
                other.sum += other.best
                other.best = meeting
        row_items, row_scores = best_items[item - start], best_scores[item - start]
        length = 0
        for number in met[:others]:
            other = heard[number]
            score, people = other.sum + other.best, other.people
            other.owner, other.people, other.sum, other.best = NOBODY, 0, 0.0, 0.0
            if number != item:
                pairs += 1
                if people == 1:
                    lone_pairs += 1
                    score *= lone_weight
                if people < wanted[item]:
                    continue
            rounded = np.float32(score * source[item] * target[number])
            if rounded > 0:
                length = _keep(row_items, row_scores, length, limit, number, rounded)
        lengths[item - start] = length
        _best_first(row_items, row_scores, length)
    return lengths, best_items, best_scores, pairs, lone_pairs


@_compiled
def _keep(items: Any, scores: Any, length: int, limit: int, item: int, score: Any) -> int:
    """Put an item in a heap whose top is the worst, if it is good enough; return the length."""
    if length < limit:
        place = length
        while place > 0:
            above = (place - 1) >> 1
            if not _worse(score, item, scores[above], items[above]):
                break
            scores[place], items[place] = scores[above], items[above]
            place = above
        scores[place], items[place] = score, item
        return length + 1
    if _worse(scores[0], items[0], score, item):
        _sink(items, scores, length, item, score)
    return length


@_compiled
def _best_first(items: Any, scores: Any, length: int) -> None:
    """Turn a heap into a row, best first."""
    for last in range(length - 1, 0, -1):
        item, score = items[last], scores[last]
        items[last], scores[last] = items[0], scores[0]
        _sink(items, scores, last, item, score)


@_compiled
def _sink(items: Any, scores: Any, length: int, item: int, score: Any) -> None:
    """Put an item in the place of a heap's top."""
    place = 0
    while True:
        below = 2 * place + 1
        if below >= length:
            break
        if below + 1 < length and _worse(
            scores[below + 1], items[below + 1], scores[below], items[below]
        ):
            below += 1
        if not _worse(scores[below], items[below], score, item):
            break
        scores[place], items[place] = scores[below], items[below]
        place = below
    scores[place], items[place] = score, item


@_compiled
def _worse(score: Any, item: int, than: Any, than_item: int) -> bool:
    return score < than or (score == than and item > than_item)
