"""Tells the worker, without an index read, which value an SKU's row and card are in.

A static function (Majewski et al. 1996; Botelho, Pagh & Ziviani 2007): each key's answer is the
XOR of three cells of a small table, found by peeling a random 3-hypergraph with 1.23 cells a
key. It costs 1.23 x bits a key and answers anything for unknown keys, so readers check the SKU
in the value itself.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import pack_bits, unpack_bits
from control_plane.errors import TableError
from control_plane.hashing import Lanes, fmix32

#: Packed cells of one part on average: parts differ by a few per cent, and each fits a value.
MAX_PART_BYTES = 66_000
CELLS_A_KEY = 1.23
MAX_SEEDS = 64


class LocatorPart(msgspec.Struct, frozen=True):
    """One part: `cells` is packed little-endian, `bits` a cell, 3 x `third` cells."""

    seed: int
    third: int
    bits: int
    cells: bytes


def build_locator(lanes: Lanes, answers: NDArray[np.int64]) -> list[LocatorPart]:
    """Return parts that answer `answers[i]` for key i: those of a like share of `high` each."""
    high, low = lanes
    bits = max(1, int(answers.max(initial=0)).bit_length())
    size = max(1, len(answers)) * CELLS_A_KEY * bits / 8
    parts = int(np.ceil(size / MAX_PART_BYTES))
    part = _part_of(high, parts)
    return [
        _build_part(high[part == p], low[part == p], answers[part == p], bits) for p in range(parts)
    ]


def locate(parts: list[LocatorPart], lanes: Lanes) -> NDArray[np.int64]:
    """Return each key's answer; anything at all for keys that were not built in."""
    high, low = lanes
    part = _part_of(high, len(parts))
    out = np.zeros(len(high), dtype=np.int64)
    for number, cells in enumerate(parts):
        here = part == number
        edges = _cells_of(high[here], low[here], cells.seed, cells.third)
        table = unpack_bits(cells.cells, cells.bits, 3 * cells.third)
        out[here] = table[edges[0]] ^ table[edges[1]] ^ table[edges[2]]
    return out


def _part_of(high: NDArray[np.uint32], parts: int) -> NDArray[np.int64]:
    return ((high.astype(np.uint64) * np.uint64(parts)) >> np.uint64(32)).astype(np.int64)


def _build_part(
    high: NDArray[np.uint32], low: NDArray[np.uint32], answers: NDArray[np.int64], bits: int
) -> LocatorPart:
    third = int(len(answers) * CELLS_A_KEY / 3) + 8
    for seed in range(MAX_SEEDS):
        edges = _cells_of(high, low, seed, third)
        order = _peel(edges, 3 * third)
        if order is not None:
            return LocatorPart(seed, third, bits, _assign(edges, order, answers, third, bits))
    raise TableError("two items' SKUs have the same 64-bit hash; rename one of them")


def _cells_of(
    high: NDArray[np.uint32], low: NDArray[np.uint32], seed: int, third: int
) -> NDArray[np.int64]:
    """Return the three cells of each key, int64 (3, n)."""
    salt = np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
    words = (fmix32(high ^ salt), fmix32(low ^ salt), fmix32(high + low + salt))
    return np.stack(
        [
            ((w.astype(np.uint64) * np.uint64(third)) >> np.uint64(32)).astype(np.int64)
            for w in words
        ]
    ) + third * np.arange(3).reshape(3, 1)


def _peel(edges: NDArray[np.int64], cells: int) -> list[tuple[NDArray[np.int64], ...]] | None:
    """Return waves of (keys, the cell each one alone still needs), or None when stuck."""
    count = edges.shape[1]
    degree = np.bincount(edges.ravel(), minlength=cells)
    owner = np.zeros(cells, dtype=np.int64)
    for row in edges:
        np.bitwise_xor.at(owner, row, np.arange(count))
    waves: list[tuple[NDArray[np.int64], ...]] = []
    peeled = 0
    while peeled < count:
        free = np.flatnonzero(degree == 1)
        if not len(free):
            return None
        keys, first = np.unique(owner[free], return_index=True)
        waves.append((keys, free[first]))
        peeled += len(keys)
        for row in edges:
            np.subtract.at(degree, row[keys], 1)
            np.bitwise_xor.at(owner, row[keys], keys)
    return waves


def _assign(
    edges: NDArray[np.int64],
    waves: list[tuple[NDArray[np.int64], ...]],
    answers: NDArray[np.int64],
    third: int,
    bits: int,
) -> bytes:
    table = np.zeros(3 * third, dtype=np.int64)
    for keys, cells in reversed(waves):
        others = table[edges[0, keys]] ^ table[edges[1, keys]] ^ table[edges[2, keys]]
        table[cells] = answers[keys] ^ others
    return pack_bits(table, bits)
