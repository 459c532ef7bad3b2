"""What each visitor buys again, where a shop's customers do."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Rows, Sets, no_rows
from control_plane.models.visitors.histories import Histories
from control_plane.models.visitors.refused import within
from control_plane.profiles.interest import ORDER, Interest

#: Share of bought lines that must be of what the same visitor had bought on an earlier day, and
#: how many there must be to know: in a shop of dresses "buy again" would be wrong.
LEAST_SHARE, FEWEST_PURCHASES = 0.05, 100

# Measured on a year of groceries (weeks 49 to 53 as test, R@20): own frequency .122; halved in
# 100 days, four times the median interval, .130; times the root of how often others rebuy the
# item .133. What was bought a few days ago is as likely as ever (halving it costs .003 and more).
HALF_LIFE_INTERVALS = 4.0
RATE_POWER, RATE_SMOOTHING = 0.5, 5.0
#: What is overdue by its own interval counts less: N@20 .377 -> .379.
OVERDUE_POWER = -0.25

_DAY = 86_400


class Purchases(msgspec.Struct, frozen=True):
    """What each visitor bought on how many days, ascending by visitor, then item: arrays (n,).

    `visitor` int64 row of the histories, `item` int64, `days` int64; `recent` float64 is the sum
    of 2^(-age / half-life) over those days, `last` and `first` float64 days of the epoch.
    `interval` is the median of days from one purchase of an item to the next.
    """

    visitor: NDArray[np.int64]
    item: NDArray[np.int64]
    days: NDArray[np.int64]
    recent: NDArray[np.float64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    interval: float


class Rebought(msgspec.Struct, frozen=True):
    """The rows, empty where customers hardly rebuy, and the share of purchases that repeat."""

    rows: Rows
    share: float


def rebuy_rows(interest: Interest, histories: Histories, limit: int, hidden: Sets) -> Rebought:
    """Return the `limit` items that each visitor is likeliest to buy again, none of them hidden."""
    visitor, item, day = _bought_on(interest, histories)
    pairs = len(np.unique(np.stack([visitor, item]), axis=1)[0]) if len(visitor) else 0
    share = 1 - pairs / len(visitor) if len(visitor) else 0.0
    if share < LEAST_SHARE or len(visitor) < FEWEST_PURCHASES:
        return Rebought(no_rows(len(histories.keys)), share)
    bought = _gather(visitor, item, day)
    rate, usual = _rebuy_rate(bought, len(interest.item_ids))
    own = (bought.last - bought.first) / np.maximum(bought.days - 1, 1)
    usually = np.maximum(np.where(bought.days > 1, own, bought.interval), 1.0)
    overdue = np.maximum((float(day.max()) - bought.last) / usually, 1.0)
    scores = bought.recent * rate[bought.item] ** RATE_POWER * overdue**OVERDUE_POWER
    # What one bought once comes back only where it is a thing that people rebuy.
    likely = (bought.days > 1) | (rate[bought.item] >= usual)
    likely &= ~within(hidden, bought.visitor, bought.item)
    return Rebought(_best(bought, scores * likely, len(histories.keys), limit), share)


def report_of(rebought: Rebought) -> dict[str, Any]:
    """Return what the training report says of it."""
    return {
        "share": round(rebought.share, 3),
        "rows": int((np.diff(rebought.rows.indptr) > 0).sum()),
    }


def _bought_on(
    interest: Interest, histories: Histories
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return visitor, item and day, each combination once, ascending."""
    rows = interest.personal & (interest.kind == ORDER)
    row_of = np.full(len(interest.people), -1, dtype=np.int64)
    row_of[histories.people] = np.arange(len(histories.people))
    visitor = row_of[interest.person[rows]]
    told = np.stack([visitor, interest.item[rows].astype(np.int64), interest.seconds[rows] // _DAY])
    visitor, item, day = np.unique(told[:, visitor >= 0], axis=1)
    return visitor, item, day


def _gather(
    visitor: NDArray[np.int64], item: NDArray[np.int64], day: NDArray[np.int64]
) -> Purchases:
    new = np.ones(len(visitor), dtype=np.bool_)
    new[1:] = (visitor[1:] != visitor[:-1]) | (item[1:] != item[:-1])
    starts = np.flatnonzero(new)
    interval = float(np.median(np.diff(day)[~new[1:]]))
    half_life = HALF_LIFE_INTERVALS * max(interval, 1.0)
    return Purchases(
        visitor=visitor[starts],
        item=item[starts],
        days=np.diff(np.append(starts, len(visitor))),
        recent=np.add.reduceat(np.exp2((day - day.max()) / half_life), starts),
        first=day[starts].astype(np.float64),
        last=day[np.append(starts[1:], len(day)) - 1].astype(np.float64),
        interval=interval,
    )


def _rebuy_rate(bought: Purchases, items: int) -> tuple[NDArray[np.float64], float]:
    """Return the share of each item's buyers who rebought it, smoothed, and that of all."""
    again = bought.days > 1
    usual = float(again.mean())
    buyers = np.bincount(bought.item, minlength=items)
    rebuyers = np.bincount(bought.item, again, minlength=items)
    return (rebuyers + RATE_SMOOTHING * usual) / (buyers + RATE_SMOOTHING), usual


def _best(bought: Purchases, scores: NDArray[np.float64], visitors: int, limit: int) -> Rows:
    order = np.lexsort((bought.item, -scores, bought.visitor))
    starts = np.searchsorted(bought.visitor[order], np.arange(visitors))
    rank = np.arange(len(order)) - starts[bought.visitor[order]]
    kept = order[(rank < limit) & (scores[order] > 0)]
    counts = np.bincount(bought.visitor[kept], minlength=visitors)
    indptr = np.append(0, np.cumsum(counts)).astype(np.int64)
    return Rows(indptr, bought.item[kept].astype(np.int32), scores[kept].astype(np.float32))
