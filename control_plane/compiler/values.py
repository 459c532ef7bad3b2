"""A compiled value, and how long tables are cut into values."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.errors import TableError
from control_plane.tables import MAX_VALUE_BYTES, digest, value_key

#: Bytes of columns a cut aims for; what is left of 72 KB holds the header and padding.
TARGET_BYTES = MAX_VALUE_BYTES - 1_200


class Value(msgspec.Struct, frozen=True):
    """One KV value: its kind's letter, key and raw bytes."""

    kind: str
    key: str
    data: bytes

    @property
    def digest(self) -> bytes:
        """The first 128 bits of the SHA-256, as the manifest lists it."""
        return digest(self.data)[:16]


def make_value(kind: str, prefix: str, data: bytes) -> Value:
    """Return a value under the key that its digest gives it."""
    return Value(kind, value_key(prefix, data), data)


def make_values(
    kind: str, prefix: str, cuts: NDArray[np.int64], packed: Callable[[int, int], bytes]
) -> tuple[NDArray[np.int64], list[Value]]:
    """Return the values of the runs that `cuts` (c + 1,) makes, and the cuts that hold in the end.

    A run whose bytes come out above the limit, for what could not be foreseen, is cut in two, the
    first of them as long as may fit.
    """
    values: list[Value] = []
    starts = [0]
    waiting = list(pairwise(cuts.tolist()))[::-1]
    while waiting:
        start, stop = waiting.pop()
        data = packed(start, stop)
        if len(data) <= MAX_VALUE_BYTES:
            values.append(make_value(kind, prefix, data))
            starts.append(stop)
        elif stop - start == 1:
            raise TableError(
                f"{kind} {start}: one entry takes {len(data):,} bytes, {MAX_VALUE_BYTES:,} fit a "
                "value. Shorten its texts."
            )
        else:
            share = 0.98 * MAX_VALUE_BYTES / len(data)
            middle = start + max(1, int((stop - start) * share))
            waiting += [(middle, stop), (start, middle)]
    return np.array(starts, dtype=np.int64), values


def cut(sizes: NDArray[np.int64], limit: int = TARGET_BYTES) -> NDArray[np.int64]:
    """Return places (c + 1,) that cut rows of `sizes` bytes into runs of at most `limit`."""
    ends = np.cumsum(sizes)
    places = [0]
    while places[-1] < len(sizes):
        start = places[-1]
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + limit, side="right"))
        places.append(max(stop, start + 1))
    return np.array(places, dtype=np.int64)
