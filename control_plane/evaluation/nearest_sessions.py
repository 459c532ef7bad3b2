"""Nearest-session recommenders, to be held against: VMIS-kNN and VSTAN.

They keep every past session at hand when they answer, which a lookup table does not.
VMIS-kNN: Kersbergen, Sprangers & Schelter, "Serenade: Low-Latency Session-Based Recommendation in
e-Commerce at Scale", SIGMOD 2022, algorithm 2. VSTAN: Ludewig, Mauro, Latifi & Jannach, "Empirical
Analysis of Session-Based Recommendation Algorithms", UMUAI 2021, after STAN (Garg et al., SIGIR
2019).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Sets
from control_plane.profiles.sessions import Sessions

VMIS, VSTAN = "VMIS-kNN", "VSTAN"

_DAY_SECONDS = 86_400.0

_Numbers = NDArray[np.float64]


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a past session a near one, and what its items count.

    The `most_recent` sessions that share an item are looked at, the most similar `neighbours` of
    them counted. `recency` (steps ago, length at hand) is what sharing an item counts;
    `alikeness` (length of the past session, its age in days, length at hand) multiplies the sum;
    `trust` (steps ago) is by the newest item shared; `nearness` (steps apart) by how far an item
    stands from it in the past session; `rareness` by log(sessions / the item's sessions).
    """

    most_recent: int
    neighbours: int
    recency: Callable[[_Numbers, int], _Numbers]
    alikeness: Callable[[_Numbers, _Numbers, int], _Numbers]
    trust: Callable[[_Numbers], _Numbers]
    nearness: Callable[[_Numbers], _Numbers]
    rareness: Callable[[_Numbers], _Numbers]


#: The paper's weights; m and k of Serenade's own example.
VMIS_RECIPE = Recipe(
    most_recent=500,
    neighbours=100,
    recency=lambda ago, length: (length - ago) / length,
    alikeness=lambda lengths, age, length: np.ones_like(age),
    trust=lambda ago: np.maximum(0.0, 1 - 0.1 * ago),
    nearness=np.ones_like,
    rareness=lambda rarity: rarity,
)

#: The best of settings drawn at random for a part of RetailRocket's *test*: kind to it.
VSTAN_RECIPE = Recipe(
    most_recent=1_000,
    neighbours=500,
    recency=lambda ago, length: np.exp(-ago / 4),
    alikeness=lambda lengths, age, length: np.exp(-age / 80) / np.sqrt(lengths * length),
    trust=np.ones_like,
    nearness=lambda apart: np.exp(-np.abs(apart) / 3),
    rareness=lambda rarity: 1 + 5 * rarity,
)


class _Index(msgspec.Struct, frozen=True):
    """Sessions by item, and items by session, each pair once, with the step it last stood at.

    `by_item` (items + 1,) are starts into `session` and `session_step`, newest sessions first;
    `by_session` (sessions + 1,) starts into `item` and `step`. `length` and `end` are a session's
    steps and epoch second.
    """

    by_item: NDArray[np.int64]
    session: NDArray[np.int64]
    session_step: NDArray[np.int64]
    by_session: NDArray[np.int64]
    item: NDArray[np.int64]
    step: NDArray[np.int64]
    length: NDArray[np.int64]
    end: NDArray[np.int64]


class _Matches(msgspec.Struct, frozen=True):
    """Past sessions that share an item with the one at hand: arrays of one entry a session.

    `ago` says how many steps before its last the newest shared item of the session at hand
    stands, `step` where it last stands in the past one.
    """

    session: NDArray[np.int64]
    similarity: NDArray[np.float64]
    ago: NDArray[np.int64]
    step: NDArray[np.int64]

    def take(self, rows: NDArray[np.intp]) -> _Matches:
        return _Matches(self.session[rows], self.similarity[rows], self.ago[rows], self.step[rows])


class NearestSessions:
    """Sums, over the sessions most like the one at hand, what their items count."""

    def __init__(self, recipe: Recipe, sessions: Sessions, items: int) -> None:
        self._recipe = recipe
        self._index = _make_index(sessions, items)
        count = np.maximum(np.diff(self._index.by_item), 1)
        self._rareness = recipe.rareness(np.log(max(1, len(sessions.ends)) / count))

    def __call__(self, history: Sets, excluded: Sets | None, k: int) -> NDArray[np.int32]:
        """Return the best k items of each case."""
        out = np.full((len(history.indptr) - 1, k), -1, dtype=np.int32)
        for case in range(len(out)):
            found, scores = self._rank(
                history.items[history.indptr[case] : history.indptr[case + 1]]
            )
            if excluded is not None:
                met = excluded.items[excluded.indptr[case] : excluded.indptr[case + 1]]
                left = ~np.isin(found, met)
                found, scores = found[left], scores[left]
            best = np.lexsort((found, -scores))[:k]
            out[case, : len(best)] = found[best]
        return out

    def _rank(self, items: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        index = self._index
        matches = self._most_similar(self._newest(self._match(items)), len(items))
        starts, stops = index.by_session[matches.session], index.by_session[matches.session + 1]
        row = np.repeat(np.arange(len(starts)), stops - starts)
        offset = np.cumsum(stops - starts) - (stops - starts)
        at = np.arange(len(row)) - offset[row] + starts[row]
        weights = matches.similarity * self._recipe.trust(matches.ago.astype(np.float64))
        apart = (index.step[at] - matches.step[row]).astype(np.float64)
        found, place = np.unique(index.item[at], return_inverse=True)
        sums = np.bincount(place, weights[row] * self._recipe.nearness(apart), len(found))
        return found, sums * self._rareness[found]

    def _match(self, items: NDArray[np.int32]) -> _Matches:
        index = self._index
        known, ago = np.unique(items[::-1], return_index=True)
        order = np.argsort(ago)
        known, ago = known[order], ago[order]
        starts = index.by_item[known]
        sizes = np.minimum(index.by_item[known + 1] - starts, self._recipe.most_recent)
        at = np.repeat(starts - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        # Stable: of a past session's shared items, the newest at hand stays first.
        order = np.argsort(index.session[at], kind="stable")
        session, step = index.session[at][order], index.session_step[at][order]
        similarity = np.repeat(self._recipe.recency(ago.astype(np.float64), len(items)), sizes)[
            order
        ]
        first = np.flatnonzero(np.r_[True, session[1:] != session[:-1]][: len(session)])
        sums = np.add.reduceat(similarity, first) if len(first) else similarity
        return _Matches(session[first], sums, np.repeat(ago, sizes)[order][first], step[first])

    def _newest(self, matches: _Matches) -> _Matches:
        if len(matches.session) <= self._recipe.most_recent:
            return matches
        order = np.lexsort((matches.session, -self._index.end[matches.session]))
        return matches.take(order[: self._recipe.most_recent])

    def _most_similar(self, matches: _Matches, length: int) -> _Matches:
        index, session = self._index, matches.session
        age = (index.end.max(initial=0) - index.end[session]) / _DAY_SECONDS
        lengths = index.length[session].astype(np.float64)
        similar = matches.similarity * self._recipe.alikeness(lengths, age, length)
        order = np.lexsort((session, -index.end[session], -similar))
        alike = msgspec.structs.replace(matches, similarity=similar)
        return alike.take(order[: self._recipe.neighbours])


def _make_index(sessions: Sessions, items: int) -> _Index:
    count, length = len(sessions.ends), np.diff(sessions.indptr)
    session = np.repeat(np.arange(count), length)
    step = np.arange(len(session)) - sessions.indptr[session]
    # Of a reversed array, the first occurrence is where an item stands last.
    cells = (sessions.items.astype(np.int64) * max(count, 1) + session)[::-1]
    cells, last = np.unique(cells, return_index=True)
    item, session, step = cells // max(count, 1), cells % max(count, 1), step[::-1][last]
    newest = np.lexsort((session, -sessions.ends[session], item))
    together = np.lexsort((item, session))
    return _Index(
        by_item=np.searchsorted(item, np.arange(items + 1)),
        session=session[newest],
        session_step=step[newest],
        by_session=np.searchsorted(session[together], np.arange(count + 1)),
        item=item[together],
        step=step[together],
        length=length,
        end=sessions.ends,
    )
