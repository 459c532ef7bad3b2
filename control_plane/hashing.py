"""Names of items that hold outside a release: a 64-bit hash of the SKU, in two halves.

Two multiplicative lanes over the UTF-8 bytes, finished by MurmurHash3's `fmix32` (Appleby, public
domain): cheap with 32-bit multiplication in JavaScript, vectorised here. Not a defence against
chosen SKUs; readers compare the SKU itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Lanes = tuple[NDArray[np.uint32], NDArray[np.uint32]]


def hash_texts(texts: list[str]) -> Lanes:
    """Return the (high, low) halves of each text's hash, uint32 (n,)."""
    encoded = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded], dtype=np.int64)
    high = np.full(len(texts), 0x811C9DC5, dtype=np.uint32)
    low = np.full(len(texts), 0x9747B28C, dtype=np.uint32)
    joined = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    live = np.arange(len(texts))
    for place in range(int(lengths.max(initial=0))):
        live = live[lengths[live] > place]
        byte = joined[starts[live] + place].astype(np.uint32)
        high[live] = (high[live] ^ byte) * np.uint32(0x01000193)
        mixed = (low[live] ^ byte) * np.uint32(0x5BD1E995)
        low[live] = mixed ^ (mixed >> np.uint32(15))
    high = fmix32(high ^ lengths.astype(np.uint32))
    return high, fmix32(low + high)


def fmix32(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return MurmurHash3's 32-bit finaliser of each number."""
    mixed = values ^ (values >> np.uint32(16))
    mixed = mixed * np.uint32(0x85EBCA6B)
    mixed = mixed ^ (mixed >> np.uint32(13))
    mixed = mixed * np.uint32(0xC2B2AE35)
    return mixed ^ (mixed >> np.uint32(16))
