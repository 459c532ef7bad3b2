"""The newest items of a sample of visitors, kept from learning to choose models by."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.visitors.histories import Histories, filtered

#: Visitors whose newest items are held out, of those with enough of them, and at most that share.
SAMPLE_VISITORS, SAMPLE_SHARE, ENOUGH_ITEMS = 2_000, 0.2, 5
#: Under so many the choice would be chance.
FEWEST_VISITORS = 100
#: Of a visitor's items the newest, at least one.
HELD_SHARE = 0.2


class HeldOut(msgspec.Struct, frozen=True):
    """Histories without what is held out, and what is.

    `visitors` (s,) int64 rows of the sample in both; `share` of all items is held out.
    """

    older: Histories
    newest: Histories
    visitors: NDArray[np.int64]
    share: float


def hold_out(histories: Histories) -> HeldOut | None:
    """Return histories without the newest items of a sample; None when there are too few.

    What was taken together says little of what comes next (on Gowalla, items held out at random
    choose weights that lose a point of recall on its test set), so that without times there is
    nothing to hold out.
    """
    if not has_times(histories):
        return None
    lengths = np.diff(histories.indptr)
    enough = np.flatnonzero(lengths >= ENOUGH_ITEMS)
    count = min(SAMPLE_VISITORS, int(len(enough) * SAMPLE_SHARE))
    if count < FEWEST_VISITORS:
        return None
    sample = np.sort(enough[np.argsort(_mixed(histories.keys[enough]), kind="stable")[:count]])
    kept = lengths.copy()
    kept[sample] -= np.maximum(1, (lengths[sample] * HELD_SHARE).astype(np.int64))
    place = np.arange(len(histories.items)) - np.repeat(histories.indptr[:-1], lengths)
    older = place < np.repeat(kept, lengths)
    return HeldOut(
        filtered(histories, older),
        filtered(histories, ~older),
        sample,
        float(1 - older.mean()),
    )


def has_times(histories: Histories) -> bool:
    """Return whether anyone's items have different times: else none of them is the newest."""
    same = np.diff(histories.seconds) == 0
    inside = np.ones(len(same), dtype=np.bool_)
    starts = histories.indptr[1:-1]
    inside[starts[(starts > 0) & (starts <= len(same))] - 1] = False
    return bool((inside & ~same).any())


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers whose order has nothing to do with that of `keys`.

    Keys are random, but need not be in a test or an import of small numbers.
    """
    return keys * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)
