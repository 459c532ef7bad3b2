"""What Python wrote is what JavaScript reads, in the real runtime."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane.compiler import related
from control_plane.compiler.cards import NO_PRICE, Cards
from control_plane.compiler.items import item_values
from control_plane.compiler.locator import build_locator
from control_plane.compiler.popular import popular_value
from control_plane.compiler.related import related_values
from control_plane.compiler.rows import renumber
from control_plane.compiler.texts import slug
from control_plane.compiler.visitors import visitor_values
from control_plane.hashing import hash_texts
from control_plane.models.artifacts import Rows, Sets, Visitors

roundtrip = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
text = st.text(st.characters(codec="utf-8"), max_size=20)
skus = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), unique=True)


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def make_cards(names: list[str], texts: list[str] | None = None) -> Cards:
    count = len(names)
    filled = (texts or ["plain"]) * (count + 1)
    return Cards(
        sku=names,
        title=filled[:count],
        url=[f"/p/{name}" for name in names],
        image=filled[1 : count + 1],
        category=[["shoes", "hats"][i % 2] for i in range(count)],
        currency=["EUR"] * count,
        price=np.array([NO_PRICE if i % 3 == 0 else 100 * i for i in range(count)], np.uint32),
        group=np.arange(count, dtype=np.uint32),
        available=np.array([i % 4 != 1 for i in range(count)], np.bool_),
    )


def make_rows(rows: list[dict[int, float]]) -> Rows:
    lengths = [len(row) for row in rows]
    flat = [pair for row in rows for pair in sorted(row.items())]
    return Rows(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.array([item for item, _ in flat], dtype=np.int32),
        np.array([score for _, score in flat], dtype=np.float32),
    )


@roundtrip
@given(texts=st.lists(text))
def test_both_sides_hash_an_sku_alike(probe: Any, texts: list[str]) -> None:
    high, low = hash_texts(texts)
    read = probe("hash", texts=texts)
    assert [(entry["high"], entry["low"]) for entry in read] == list(
        zip(high.tolist(), low.tolist(), strict=True)
    )


@roundtrip
@given(names=skus, data=st.data())
def test_the_locator_names_each_items_value(probe: Any, names: list[str], data: Any) -> None:
    answers = [data.draw(st.integers(0, 5000)) for _ in names]
    parts = build_locator(hash_texts(names), np.array(answers, dtype=np.int64))
    sent = [
        {"seed": p.seed, "third": p.third, "bits": p.bits, "cells": encoded(p.cells)} for p in parts
    ]
    assert probe("locate", parts=sent, texts=names) == answers


def test_a_locator_of_several_parts_names_each_items_value(probe: Any) -> None:
    names = [f"sku-{number}" for number in range(70_000)]
    parts = build_locator(hash_texts(names), np.arange(70_000) % 300)
    assert len(parts) == 2
    sent = [
        {"seed": p.seed, "third": p.third, "bits": p.bits, "cells": encoded(p.cells)} for p in parts
    ]
    assert probe("locate", parts=sent, texts=names[::97]) == [i % 300 for i in range(0, 70_000, 97)]


def assert_rows_alike(rows: list[dict[int, float]], read: list[list[tuple[int, float]]]) -> None:
    for given_row, read_row in zip(rows, read, strict=True):
        assert sorted(item for item, _ in read_row) == sorted(given_row)
        top = max(given_row.values(), default=0)
        for item, stored in read_row:
            # 8 bits of square root: half a step is 1/510 of the root of the largest, and the
            # smallest score is never rounded to nothing. The largest is kept to a 64th octave.
            step = 2 * (given_row[item] / top) ** 0.5 / 510 + 2e-5
            near = given_row[item] / top
            assert stored / top == pytest.approx(near, abs=step + 0.011 * near)


@roundtrip
@given(names=skus.filter(bool), texts=st.lists(text, min_size=1), data=st.data())
def test_neighbours_and_cards_come_back(
    probe: Any, names: list[str], texts: list[str], data: Any
) -> None:
    count = len(names)
    row = st.dictionaries(
        st.integers(0, count - 1), st.floats(2**-20, 2**20, width=32), max_size=50
    )
    rows = [data.draw(row) for _ in names]
    cards = make_cards(names, texts)
    order = np.arange(count)
    made = item_values(renumber(make_rows(rows), order, order), cards, hash_texts(names))
    assert made.cuts.tolist() == [0, count]
    read = probe("items", value=encoded(made.values[0].data), skus=[*names, "not there"])
    assert read["found"] == [*range(count), -1]
    assert_rows_alike(rows, read["rows"])
    for place, card in enumerate(read["cards"]):
        assert card["sku"] == names[place]
        assert card["title"] == cards.title[place]
        assert card["url"] == cards.url[place]
        assert card["image"] == cards.image[place]
        assert card["category"] == cards.category[place]
        assert card["price"] == (-1 if place % 3 == 0 else 100 * place)
        assert card["available"] == (place % 4 != 1)


@roundtrip
@given(data=st.data())
def test_rows_of_another_kind_come_back_from_however_many_values(probe: Any, data: Any) -> None:
    count = data.draw(st.integers(1, 40))
    row = st.dictionaries(st.integers(0, count - 1), st.floats(2**-20, 2**20, width=32), max_size=9)
    rows = [data.draw(st.one_of(st.just({}), row)) for _ in range(count)]
    order = np.arange(count)
    made = renumber(make_rows(rows), order, order)
    cuts = sorted({0, count, *data.draw(st.sets(st.integers(0, count), max_size=3))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(related, "TARGET_BYTES", data.draw(st.sampled_from([40, 100, 70_000])))
        firsts, values = related_values(made, np.array(cuts, dtype=np.int64))
    assert len(values) == len(firsts)
    read = probe("related", values=[encoded(value.data) for value in values], count=count)
    assert_rows_alike(rows if values else [], read)
    assert bool(values) == any(rows)


@roundtrip
@given(data=st.data())
def test_visitor_rows_come_back(probe: Any, data: Any) -> None:
    keys = sorted(data.draw(st.sets(st.integers(0, 2**48 - 1), min_size=1, max_size=30)))
    sets = st.sets(st.integers(0, 999), max_size=20)
    again = st.one_of(st.just(set()), sets)
    drawn = [
        (data.draw(sets), data.draw(sets), data.draw(sets), data.draw(again), data.draw(again))
        for _ in keys
    ]
    segment = [data.draw(st.integers(-1, 6)) for _ in keys]

    def flat(which: int) -> Sets:
        rows = make_rows([dict.fromkeys(row[which], 1.0) for row in drawn])
        return Sets(rows.indptr, rows.items)

    recommended, rebuy = (
        make_rows([{item: item + 1.0 for item in row[which]} for row in drawn]) for which in (0, 3)
    )
    visitors = Visitors(
        np.array([key << 16 for key in keys], dtype=np.uint64),
        np.array(segment, dtype=np.int16),
        recommended,
        flat(1),
        flat(2),
        rebuy,
        flat(4),
        np.ones(len(keys), dtype=np.float32),
    )
    values = visitor_values(visitors, np.arange(1000), "k1", 2**40).values
    asked = [[key >> 16, key & 0xFFFF] for key in keys]
    stranger = next(key for key in range(2**20) if key not in keys)
    read = probe(
        "visitors",
        value=encoded(values[0].data),
        keys=[*asked, [stranger >> 16, stranger & 0xFFFF]],
    )
    assert read.pop() is None
    for row, place, found in zip(drawn, segment, read, strict=True):
        assert found["segment"] == place
        assert found["items"] == sorted(row[0])
        assert found["bought"] == sorted(row[1])
        assert found["seen"] == sorted(row[2])
        assert found["rebuy"] == sorted(row[3])
        assert found["hidden"] == sorted(row[4])
        for items, scores in (("items", "scores"), ("rebuy", "rebuyScores")):
            top = max(found[items], default=0) + 1
            for item, score in zip(found[items], found[scores], strict=True):
                assert score == pytest.approx((item + 1) / top, abs=0.08)


@roundtrip
@given(ids=st.sets(st.integers(3, 2**29), min_size=1, max_size=50))
def test_ids_of_a_very_large_shop_come_back(probe: Any, ids: set[int]) -> None:
    # All lie to the right of the three items' own numbers: this is their coding order.
    rows = make_rows([dict.fromkeys(ids, 1.0), {}, dict.fromkeys(ids, 2.0)])
    names = ["a", "b", "c"]
    made = item_values(rows, make_cards(names), hash_texts(names))
    read = probe("items", value=encoded(made.values[0].data), skus=names)
    assert [[item for item, _ in row] for row in read["rows"]] == [sorted(ids), [], sorted(ids)]


@roundtrip
@given(
    titles=st.lists(
        st.sampled_from(["Red shoe", "Red  shoe!", "ROTER Schuh", "Grüne Mütze 7", "-", "", "a1"]),
        min_size=3,
        max_size=30,
    ),
    style=st.sampled_from(
        ["/p/{slug}-{sku}", "https://cdn.shop/{sku}/{slug}.webp?v={sku}", "{slug}{slug}", "{sku}"]
    ),
    odd=text,
)
def test_texts_of_a_kind_come_back(probe: Any, titles: list[str], style: str, odd: str) -> None:
    names = [f"SKU-{number * 37}x" for number in range(len(titles))]
    urls = [
        style.replace("{slug}", slug(title)).replace("{sku}", name)
        for title, name in zip(titles, names, strict=True)
    ]
    cards = msgspec.structs.replace(
        make_cards(names), title=titles, url=urls, image=[odd, *urls[1:]]
    )
    bare = make_rows([{} for _ in names])
    made = item_values(bare, cards, hash_texts(names))
    for place, card in enumerate(
        probe("items", value=encoded(made.values[0].data), skus=[])["cards"]
    ):
        assert [card["sku"], card["title"]] == [names[place], titles[place]]
        assert [card["url"], card["image"]] == [urls[place], cards.image[place]]


def test_popular_lists_come_back_with_what_is_sold_out_last(probe: Any) -> None:
    cards = make_cards([f"s{number}" for number in range(8)])
    value = popular_value(
        {"all": np.array([3, 1, 2], np.int32), "country:FR": np.array([7], np.int32)},
        np.arange(8),
        cards,
    )
    read = probe("popular", value=encoded(value.data))
    assert read["lists"] == {"all": [3, 2, 1], "country:FR": [7]}
    assert read["skus"] == {"1": "s1", "2": "s2", "3": "s3", "7": "s7"}


@roundtrip
@given(
    entries=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9))),
    limit=st.integers(1, 12),
    refused=st.sets(st.integers(0, 60), max_size=5),
)
def test_the_best_items_are_those_a_sort_would_give(
    probe: Any, entries: list[tuple[int, int]], limit: int, refused: set[int]
) -> None:
    sums: dict[int, int] = {}
    for item, score in entries:
        sums[item] = sums.get(item, 0) + score
    ranked = sorted((item for item in sums if item not in refused), key=lambda i: (-sums[i], i))
    read = probe("best", entries=entries, limit=limit, refused=sorted(refused))
    assert read == ranked[:limit]
