"""Codes ascending ids as gaps: a prefix code of the gap's size, then its lower bits.

A gap g has the size s with 2^s <= g + 1 < 2^(s+1); the prefix code of a size depends on the size
before it, since small gaps follow small ones (measured: 7 % less than one code for all).
"""

from __future__ import annotations

import heapq

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import Blob, pack_pieces

#: What comes before a run's first gap: a run that starts on its own, or goes on to the right.
START, RIGHT = 0, 1
FIRST_SIZE_CONTEXT = 2

#: Longest prefix, so that a reader decodes one with a table of 256 entries.
MAX_PREFIX_BITS = 8


class Gaps(msgspec.Struct, frozen=True):
    """Gaps of all rows in coding order: arrays (n,) of row, gap, and START, RIGHT or -1 for the
    context (-1: the size before it)."""

    row: NDArray[np.int64]
    gap: NDArray[np.int64]
    start: NDArray[np.int8]

    def sizes(self) -> NDArray[np.int64]:
        """Return the size of each gap."""
        return np.frexp(self.gap + 1.0)[1].astype(np.int64) - 1

    def contexts(self, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the context of each gap."""
        before = np.concatenate([[0], sizes[:-1]]) if len(sizes) else sizes
        return np.where(self.start < 0, before + FIRST_SIZE_CONTEXT, self.start)


class GapCode(msgspec.Struct, frozen=True):
    """Prefix lengths (contexts, sizes) uint8, 0 for what never comes."""

    lengths: NDArray[np.uint8]

    def packed(self) -> bytes:
        """Return the lengths as nibbles, low half first, context by context."""
        flat = self.lengths.ravel()
        flat = np.append(flat, np.zeros(len(flat) % 2, dtype=np.uint8))
        return (flat[::2] | (flat[1::2] << 4)).astype(np.uint8).tobytes()


def fit_code(tally: NDArray[np.int64]) -> GapCode:
    """Return the best code for how often (contexts, sizes) each size came in each context."""
    return GapCode(np.stack([_prefix_lengths(counts) for counts in tally]))


def tally_gaps(gaps: Gaps, top: int) -> NDArray[np.int64]:
    """Count sizes up to `top` by context: int64 (top + 3, top + 1)."""
    sizes = gaps.sizes()
    cell = gaps.contexts(sizes) * (top + 1) + sizes
    shape = (top + 1 + FIRST_SIZE_CONTEXT, top + 1)
    return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)


def code_gaps(gaps: Gaps, code: GapCode, count: int, left: NDArray[np.int64] | None = None) -> Blob:
    """Return the gaps of `count` rows as bits.

    With `left` (count,), a row starts with that number in as many bits as the row's number of
    gaps needs: how many of them lead to the left.
    """
    sizes = gaps.sizes()
    contexts = gaps.contexts(sizes)
    prefixes = _prefixes(code.lengths)
    lengths = code.lengths[contexts, sizes].astype(np.int64)
    rest = (gaps.gap + 1 - (1 << sizes)).astype(np.uint64)
    values = prefixes[contexts, sizes].astype(np.uint64) | (rest << lengths.astype(np.uint64))
    rows, widths = gaps.row, lengths + sizes
    if left is not None:
        totals = np.bincount(rows, minlength=count)
        heads = np.flatnonzero(totals)
        at = np.searchsorted(rows, heads)
        values = np.insert(values, at, left[heads].astype(np.uint64))
        widths = np.insert(widths, at, np.frexp(totals[heads].astype(float))[1])
        rows = np.insert(rows, at, heads)
    return pack_pieces(rows, values, widths, count)


def _prefix_lengths(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return Huffman's lengths, counts levelled until none is above MAX_PREFIX_BITS."""
    weights = counts.astype(np.float64)
    used = np.flatnonzero(counts)
    out = np.zeros(len(counts), dtype=np.uint8)
    if len(used) == 1:
        out[used] = 1
    if len(used) < 2:
        return out
    while True:
        lengths = _huffman(weights[used].tolist())
        if max(lengths) <= MAX_PREFIX_BITS:
            out[used] = lengths
            return out
        weights[used] += weights.sum() / 512


def _huffman(weights: list[float]) -> list[int]:
    lengths = [0] * len(weights)
    heap = [(weight, place, [place]) for place, weight in enumerate(weights)]
    heapq.heapify(heap)
    tie = len(weights)
    while len(heap) > 1:
        one, other = heapq.heappop(heap), heapq.heappop(heap)
        for place in one[2] + other[2]:
            lengths[place] += 1
        heapq.heappush(heap, (one[0] + other[0], tie, one[2] + other[2]))
        tie += 1
    return lengths


def _prefixes(lengths: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return canonical codes, bits reversed since they are read from the lowest up."""
    out = np.zeros(lengths.shape, dtype=np.int64)
    for context, row in enumerate(lengths.tolist()):
        code = 0
        for length in range(1, MAX_PREFIX_BITS + 1):
            code <<= 1
            for size, own in enumerate(row):
                if own == length:
                    out[context, size] = int(f"{code:0{length}b}"[::-1], 2)
                    code += 1
    return out
