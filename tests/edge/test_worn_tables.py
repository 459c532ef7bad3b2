"""A table turned to noise is refused or read as nonsense, and what is decoded stays bounded."""

from __future__ import annotations

import base64
import random
from typing import Any

import numpy as np
import pytest
from test_tables_read_by_the_worker import make_cards

from control_plane.compiler.items import item_values
from control_plane.compiler.popular import popular_value
from control_plane.compiler.related import related_values
from control_plane.compiler.rows import renumber
from control_plane.compiler.visitors import visitor_values
from control_plane.hashing import hash_texts
from control_plane.models.artifacts import Rows, Sets, Visitors

COUNT = 120


def values() -> dict[str, bytes]:
    """Return a whole value of each kind."""
    draw = np.random.default_rng(1)
    names = [f"sku-{number}" for number in range(COUNT)]
    order = np.arange(COUNT)
    items = np.concatenate([np.sort(draw.choice(COUNT, 12, replace=False)) for _ in order])
    rows = Rows(
        np.arange(COUNT + 1, dtype=np.int64) * 12,
        items.astype(np.int32),
        draw.uniform(0.1, 1, len(items)).astype(np.float32),
    )
    sets = Sets(rows.indptr, rows.items)
    keys = np.sort(draw.integers(0, 2**63, COUNT).astype(np.uint64))
    active = np.ones(COUNT, np.float32)
    visitors = Visitors(keys, np.zeros(COUNT, np.int16), rows, sets, sets, rows, sets, active)
    cards = make_cards(names, ["one", "and another"])
    bare = make_cards(names, [""])
    bare = type(bare)(
        **{
            **{name: getattr(bare, name) for name in bare.__struct_fields__},
            "category": [""] * COUNT,
            "group": np.zeros(COUNT, np.uint32),
        }
    )
    made = item_values(renumber(rows, order, order), cards, hash_texts(names))
    apart = item_values(renumber(rows, order, order), bare, hash_texts(names))
    return {
        "items": made.values[0].data,
        "related": related_values(renumber(rows, order, order), made.cuts)[1][0].data,
        "cards": apart.card_values[0].data,
        "visitors": visitor_values(visitors, order, "k1", 2**40).values[0].data,
        "popular": popular_value({"all": order.astype(np.int32)}, order, cards).data,
    }


VALUES = values()


def worn(value: bytes, seed: int) -> bytes:
    """Return the value cut short, or with a few bytes changed."""
    draw = random.Random(seed)
    if draw.random() < 0.3:
        return value[: draw.randrange(len(value))]
    broken = bytearray(value)
    # Half of the time near the start, where the sizes of everything stand.
    span = len(value) if draw.random() < 0.5 else min(len(value), 300)
    for _ in range(draw.randrange(1, 9)):
        broken[draw.randrange(span)] = draw.randrange(256)
    return bytes(broken)


@pytest.mark.parametrize("kind", VALUES)
def test_a_worn_value_neither_hangs_nor_kills_the_reader(probe: Any, kind: str) -> None:
    sent = [base64.b64encode(worn(VALUES[kind], seed)).decode() for seed in range(2_000)]
    read = probe("worn", kind=kind, values=[*sent, base64.b64encode(VALUES[kind]).decode()])
    assert set(read) <= {"read", "refused"}
    assert read[-1] == "read"
    assert read.count("refused") > 200


def test_decoded_cards_make_room_for_each_other(probe: Any) -> None:
    value = base64.b64encode(VALUES["cards"]).decode()
    read = probe("decoded", value=value, tables=100, count=COUNT)
    assert sum(read["kept"]) == 8192
    # The oldest went, and come back when they are asked for.
    assert read["kept"][0] == 0
    assert read["kept"][-1] == COUNT
    assert read["again"] == "sku-0"
    assert read["counted"] > len(VALUES["cards"]) + 8 * COUNT
