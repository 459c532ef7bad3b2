"""Who is in which variation: the Python twin of edge_bundle/core/bucket.js.

Both follow GrowthBook's SDK specification and are run on the same cases, so that a warehouse
query reproduces what the edge assigned.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

Range = tuple[float, float]


def hash_to_unit(seed: str, value: str, version: int) -> float | None:
    """Return where in [0, 1) `value` falls under `seed`; None for an unknown hash version."""
    if version == 2:
        return _fnv1a(str(_fnv1a(seed + value))) % 10_000 / 10_000
    if version == 1:
        return _fnv1a(value + seed) % 1_000 / 1_000
    return None


def bucket_ranges(
    count: int, coverage: float | None = None, weights: Sequence[float] | None = None
) -> list[Range]:
    """Return the range [from, to) of each of `count` variations.

    Weights of the wrong number, or that do not sum to 1, count as equal ones.
    """
    share = 1.0 if coverage is None else min(1.0, max(0.0, coverage))
    fair = weights is not None and len(weights) == count and 0.99 <= sum(weights) <= 1.01
    shares = weights if weights is not None and fair else [1 / count] * count
    ranges, start = [], 0.0
    for weight in shares:
        ranges.append((start, start + share * weight))
        start += weight
    return ranges


def choose_variation(place: float, ranges: Sequence[Range]) -> int:
    """Return the first variation whose range holds `place`, or -1."""
    found = (n for n, (low, high) in enumerate(ranges) if low <= place < high)
    return next(found, -1)


def in_namespace(identifier: str, namespace: tuple[str, float, float]) -> bool:
    """Say whether a person is in a namespace (name, from, to)."""
    name, low, high = namespace
    place = hash_to_unit(f"__{name}", identifier, 1)
    return place is not None and low <= place < high


def _fnv1a(text: str) -> int:
    """Return 32-bit FNV-1a over UTF-16 code units, as the specification's reference does."""
    raw = text.encode("utf-16-le", "surrogatepass")
    found = 0x811C9DC5
    for unit in struct.unpack(f"<{len(raw) // 2}H", raw):
        found = ((found ^ unit) * 0x01000193) & 0xFFFFFFFF
    return found
