"""The field's measures of ranked lists; a case's own numbers are kept, so that they can be paired.

Lists are int32 (n, k) item numbers, best first, -1 where a list is shorter.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.evaluation.cases import owners
from control_plane.models.artifacts import Sets

#: Measures of a case, in the order of the columns of `score`.
HR, MRR, RECALL, NDCG = MEASURES = ("hr", "mrr", "recall", "ndcg")


class Spread(msgspec.Struct, frozen=True):
    """Over how many items what is shown is spread.

    `coverage` is the share of the catalogue shown at all; `novelty` the mean of -log2 of the share
    of people who took an interest in an item shown (bits); `popularity` the mean of that share
    over the one of what was wanted (1: as popular as people's own choices); `gini` how unequally
    items are shown (0: all alike, 1: always the same).
    """

    coverage: float
    novelty: float
    popularity: float
    gini: float


def score(shown: NDArray[np.int32], wanted: Sets, later: Sets) -> NDArray[np.float64]:
    """Return (n, 4): hit rate and reciprocal rank of the wanted, recall and NDCG of all later.

    A case's reciprocal rank is that of its first hit. Recall divides by all that came, also where
    it is more than k places hold; NDCG by what they could hold at best.
    """
    hits = hits_of(shown, wanted)
    first = np.argmax(hits, axis=1)
    any_hit = hits.any(axis=1)
    reciprocal = np.where(any_hit, 1 / (first + 1.0), 0.0)
    gains = hits_of(shown, later)
    counts = np.diff(later.indptr)
    discount = 1 / np.log2(np.arange(shown.shape[1]) + 2)
    best = np.append(0, np.cumsum(discount))[np.minimum(counts, shown.shape[1])]
    recall = gains.sum(axis=1) / np.maximum(counts, 1)
    ndcg = (gains * discount).sum(axis=1) / np.where(counts > 0, best, 1)
    return np.stack([any_hit, reciprocal, recall, ndcg], axis=1).astype(np.float64)


def hits_of(shown: NDArray[np.int32], targets: Sets) -> NDArray[np.bool_]:
    """Return which places of each list hold one of the row's items, bool (n, k)."""
    cells = owners(targets) << 32 | targets.items
    asked = np.arange(len(shown))[:, None] << 32 | shown.astype(np.int64) & 0xFFFFFFFF
    return np.isin(asked, cells)


def spread(
    shown: NDArray[np.int32], wanted: Sets, popularity: NDArray[np.float64], catalogue: int
) -> Spread:
    """Return over how many of `catalogue` items lists spread.

    `popularity` (items,) is the share of people who took an interest in each when learning.
    """
    items = shown[shown >= 0]
    if not len(items):
        return Spread(0.0, 0.0, 0.0, 0.0)
    exposure = np.bincount(items, minlength=len(popularity))
    least = popularity[popularity > 0].min(initial=1.0)
    own = float(popularity[wanted.items].mean()) if len(wanted.items) else 0.0
    return Spread(
        coverage=float((exposure > 0).sum() / max(1, catalogue)),
        novelty=float(-np.log2(np.maximum(popularity[items], least / 2)).mean()),
        popularity=float(popularity[items].mean() / own) if own else 0.0,
        gini=gini(exposure, catalogue),
    )


def gini(exposure: NDArray[np.int64], count: int) -> float:
    """Return the Gini coefficient of how often each of `count` items is shown."""
    values = np.sort(exposure[exposure > 0]).astype(np.float64)
    if count < 2 or not len(values):
        return 0.0
    places = np.arange(count - len(values) + 1, count + 1)
    return float((2 * places - count - 1) @ values / (count * values.sum()))
