"""Numbers for the most frequent words of a column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[Any]


def word_numbers(texts: Words, most: int) -> tuple[list[str], NDArray[np.int64]]:
    """Return the `most` frequent words but "", and each text's place among them, -1 for none."""
    known, number, count = np.unique(texts, return_inverse=True, return_counts=True)
    ranked = [n for n in np.lexsort((np.arange(len(known)), -count)).tolist() if known[n]][:most]
    place = np.full(len(known), -1, dtype=np.int64)
    place[ranked] = np.arange(len(ranked))
    return [str(known[n]) for n in ranked], place[number]
