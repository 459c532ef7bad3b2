"""Packs numbers of few bits: columns of one width, and runs of pieces of any width.

Bits fill bytes from the lowest up, so that JavaScript reads a number with four byte loads, a
shift and a mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from control_plane.tables import Column

#: Bytes after a column's last number, so that a reader may always load whole 32-bit words.
SPARE_BYTES = 4

Blob = tuple[NDArray[np.uint8], NDArray[np.int64]]  # bytes of all rows, and bytes per row


def pack_numbers(values: NDArray[Any]) -> tuple[list[int], bytes]:
    """Return [base, bits] and the numbers less `base`, each in `bits` bits; none when all are one.

    Numbers are below 2^32.
    """
    if not len(values):
        return [0, 0], b""
    numbers = values.astype(np.int64)
    base = int(numbers.min())
    bits = int(numbers.max() - base).bit_length()
    return [base, bits], pack_bits(numbers - base, bits) if bits else b""


def unpack_numbers(shape: list[int], data: bytes, count: int) -> NDArray[np.int64]:
    """Return the numbers that `pack_numbers` wrote, int64 (count,)."""
    base, bits = shape
    if not bits:
        return np.full(count, base, dtype=np.int64)
    return base + unpack_bits(data, bits, count)


def number_columns(
    numbers: Mapping[str, NDArray[Any]],
) -> tuple[dict[str, list[int]], dict[str, Column]]:
    """Return each column's [base, bits], and as `n_NAME` the columns that have any bits."""
    packed = {name: pack_numbers(values) for name, values in numbers.items()}
    shapes = {name: shape for name, (shape, _) in packed.items()}
    return shapes, {f"n_{name}": data for name, (_, data) in packed.items() if data}


def pack_bits(values: NDArray[np.int64], bits: int) -> bytes:
    """Return numbers below 2^bits, one after another, and spare bytes."""
    flags = ((values[:, None] >> np.arange(bits)) & 1).astype(np.uint8)
    return np.packbits(flags.ravel(), bitorder="little").tobytes() + bytes(SPARE_BYTES)


def unpack_bits(data: bytes, bits: int, count: int) -> NDArray[np.int64]:
    """Return the numbers that `pack_bits` wrote, int64 (count,)."""
    flags = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
    places = flags[: count * bits].reshape(-1, bits).astype(np.int64)
    return (places << np.arange(bits)).sum(axis=1)


def pack_pieces(
    rows: NDArray[np.int64], values: NDArray[np.uint64], widths: NDArray[np.int64], count: int
) -> Blob:
    """Return the pieces of each of `count` rows one after another; a row starts a new byte.

    `rows` (n,) ascending names each piece's row; a piece is `widths` bits wide, at most 40.
    """
    ends = np.concatenate([[0], np.cumsum(widths)])
    first = ends[np.searchsorted(rows, np.arange(count))]
    last = ends[np.searchsorted(rows, np.arange(count), side="right")]
    sizes = (last - first + 7) // 8
    starts = np.concatenate([[0], np.cumsum(sizes)])
    bit = 8 * starts[:-1][rows] + ends[:-1] - first[rows]
    shifted = values << (bit & 7).astype(np.uint64)
    out = np.zeros(int(starts[-1]) + 8, dtype=np.uint8)
    for place in range((7 + int(widths.max(initial=0)) + 7) // 8):
        byte = (shifted >> np.uint64(8 * place)) & np.uint64(0xFF)
        # Pieces share bytes but no bit, so adding is setting.
        np.add.at(out, (bit >> 3) + place, byte.astype(np.uint8))
    return out[: int(starts[-1])], sizes


def interleave(parts: list[Blob]) -> Blob:
    """Return rows made of each part's row in turn."""
    sizes = np.sum([lengths for _, lengths in parts], axis=0).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    out = np.zeros(int(starts[-1]), dtype=np.uint8)
    cursor = starts[:-1].copy()
    for data, lengths in parts:
        own = np.concatenate([[0], np.cumsum(lengths)])[:-1]
        out[np.arange(len(data)) + np.repeat(cursor - own, lengths)] = data
        cursor += lengths
    return out, sizes
