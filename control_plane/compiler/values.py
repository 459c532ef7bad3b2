"""A compiled value, and how long tables are cut into values."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.tables import digest, value_key

#: Bytes of columns a cut aims for; what is left of 72 KB holds the header and padding. Below
#: 64 KB, so that 16 bits hold every offset.
TARGET_BYTES = 60_000


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
