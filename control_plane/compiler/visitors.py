"""Visitor values: rows for known visitors, by ascending 48 bits of their key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import SPARE_BYTES, Blob, interleave, number_columns
from control_plane.compiler.gaps import GapCode, code_gaps, fit_code, tally_gaps
from control_plane.compiler.rows import ascending_gaps, compand, in_order, nibbles
from control_plane.compiler.values import Value, cut, make_values
from control_plane.models.artifacts import Rows, Sets, Visitors
from control_plane.tables import pack

#: Of a key, 32 bits stand in a column of their own and up to 16 in another.
KEY_BYTES = 4 + 2

#: Visitors coded at a time, so that a million of them need no gigabytes.
BLOCK = 100_000


_Sets = TypeVar("_Sets", Rows, Sets)

#: 4-bit scores of the first of some sets of items.
_Part = tuple[NDArray[np.uint8], list[Sets]]


class _Coded(msgspec.Struct, frozen=True):
    """All rows: bytes, where each row's start (v + 1,), and the gaps' code."""

    data: NDArray[np.uint8]
    ends: NDArray[np.int64]
    code: GapCode


class Made(msgspec.Struct, frozen=True):
    """The values, the upper 32 bits of each one's first key (c,), and how many rows they hold."""

    firsts: NDArray[np.uint32]
    values: list[Value]
    count: int


def visitor_values(
    visitors: Visitors, place: NDArray[np.int64], key_id: str, budget_bytes: int
) -> Made:
    """Return the values of rows of about `budget_bytes` together, the most active visitors'.

    A visitor's row is 4-bit scores, then ids of recommendations, of items bought, of items seen;
    on a new byte, scores and ids of what they buy again, and ids of what they hid. The segment
    column holds the segment's number + 1, 0 for none. 48 bits of the 64-bit key are kept: among a
    million rows, 4 in a billion strangers would meet somebody's.
    """
    coded = _code(visitors, place)
    counts = {
        "item_count": np.diff(visitors.rows.indptr),
        "bought_count": np.diff(visitors.bought.indptr),
        "seen_count": np.diff(visitors.seen.indptr),
        "rebuy_count": np.diff(visitors.rebuy.indptr),
        "hidden_count": np.diff(visitors.hidden.indptr),
        "segment": visitors.segment.astype(np.int64) + 1,
        "row_size": np.diff(coded.ends),
    }
    bits = sum(int(np.ptp(values)).bit_length() for values in counts.values() if len(values))
    sizes = counts["row_size"] + KEY_BYTES + (bits + 7) // 8
    kept = _most_active(visitors, sizes, budget_bytes)
    if not kept.all():
        counts = {name: values[kept] for name, values in counts.items()}
        coded, sizes = _only(coded, kept), sizes[kept]
    keys = (visitors.keys[kept] >> np.uint64(16)).astype(np.int64)

    def packed(start: int, stop: int) -> bytes:
        first, from_first = int(keys[start]), keys[start:stop] - keys[start]
        # What is left of a key above its upper 32 bits is a column of its own.
        tail = max(0, int(from_first[-1]).bit_length() - 32)
        numbers = {name: values[start:stop] for name, values in counts.items()}
        numbers["key_tail"] = from_first & ((1 << tail) - 1)
        shapes, columns = number_columns(numbers)
        rows = coded.data[coded.ends[start] : coded.ends[stop]].tobytes() + bytes(SPARE_BYTES)
        header = {
            "key_id": key_id,
            "count": stop - start,
            "first": [first >> 16, first & 0xFFFF],
            "tail": tail,
            "sizes": coded.code.lengths.shape[1],
            "numbers": shapes,
        }
        columns["key"] = (from_first >> tail).astype(np.uint32)
        return pack("visitors", header, {**columns, "code": coded.code.packed(), "rows": rows})

    cuts, values = make_values("visitors", "u", _apart(cut(sizes), keys >> 16), packed)
    return Made((keys[cuts[:-1]] >> 16).astype(np.uint32), values, len(keys))


def _most_active(
    visitors: Visitors, sizes: NDArray[np.int64], budget_bytes: int
) -> NDArray[np.bool_]:
    """Return whose rows fit the budget together, (v,); of equally active ones the lower key's."""
    order = np.argsort(-visitors.activity, kind="stable")
    kept = np.zeros(len(sizes), dtype=np.bool_)
    kept[order[np.cumsum(sizes[order]) <= budget_bytes]] = True
    return kept


def _only(coded: _Coded, kept: NDArray[np.bool_]) -> _Coded:
    sizes = np.diff(coded.ends)
    ends = np.append(0, np.cumsum(sizes[kept]))
    return _Coded(coded.data[np.repeat(kept, sizes)], ends, coded.code)


def _apart(cuts: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """Move cuts to the left until they divide no keys of one upper half: those name the value."""
    inner = cuts[1:-1]
    while (same := high[inner] == high[inner - 1]).any():
        inner = inner - same
    return np.unique(np.concatenate([cuts[:1], inner, cuts[-1:]]))


def _code(visitors: Visitors, place: NDArray[np.int64]) -> _Coded:
    """Code blocks of visitors in turn: once to count gaps for the code, once with it."""
    top = len(place).bit_length()
    tally = np.zeros((top + 3, top + 1), dtype=np.int64)
    for block in _blocks(visitors, place):
        for _, sets in block:
            tally += tally_gaps(ascending_gaps(sets), top)
    code = fit_code(tally)
    parts: list[Blob] = []
    for block in _blocks(visitors, place):
        pieces: list[Blob] = []
        for scores, sets in block:
            gaps = code_gaps(ascending_gaps(sets), code, len(sets[0].indptr) - 1)
            pieces += [nibbles(sets[0].indptr, scores), gaps]
        parts.append(interleave(pieces))
    data = np.concatenate([np.zeros(0, np.uint8), *(data for data, _ in parts)])
    sizes = np.concatenate([np.zeros(1, np.int64), *(sizes for _, sizes in parts)])
    return _Coded(data, np.cumsum(sizes), code)


def _blocks(visitors: Visitors, place: NDArray[np.int64]) -> Iterator[list[_Part]]:
    """Return blocks of visitors: what is recommended, bought and seen; rebought, hidden."""
    for start in range(0, len(visitors.keys), BLOCK):
        bought, _ = in_order(_slice(visitors.bought, start, start + BLOCK), place)
        seen, _ = in_order(_slice(visitors.seen, start, start + BLOCK), place)
        scores, items = _scored(_slice(visitors.rows, start, start + BLOCK), place)
        again = _scored(_slice(visitors.rebuy, start, start + BLOCK), place)
        hidden, _ = in_order(_slice(visitors.hidden, start, start + BLOCK), place)
        yield [(scores, [items, bought, seen]), (again[0], [again[1], hidden])]


def _scored(rows: Rows, place: NDArray[np.int64]) -> tuple[NDArray[np.uint8], Sets]:
    items, sort = in_order(rows, place)
    return compand(rows.indptr, rows.scores, 15)[sort], items


def _slice(sets: _Sets, start: int, stop: int) -> _Sets:
    indptr = sets.indptr[start : stop + 1]
    first, last = int(indptr[0]), int(indptr[-1])
    parts = {name: getattr(sets, name)[first:last] for name in sets.__struct_fields__[1:]}
    return type(sets)(indptr - first, **parts)
