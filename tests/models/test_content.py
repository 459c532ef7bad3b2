"""Likeness by what the catalogue says, without any event."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.models import content
from control_plane.models.catalogue import Catalogue
from control_plane.models.content import content_rows
from control_plane.models.texts import FEATURES, text_vectors


def catalogue(*titles, brand=(), category=(), tags=(), price=(), group=()):
    """Return the catalogue of these titles; the other columns may be shorter."""

    def filled(values, nothing):
        return [*values, *[nothing] * (len(titles) - len(values))]

    return Catalogue(
        title=list(titles),
        brand=filled(brand, ""),
        category=filled(category, ()),
        tags=filled(tags, ()),
        price=np.array(filled(price, 0), dtype=np.int64),
        group=filled(group, ""),
        available=np.ones(len(titles), dtype=np.bool_),
        added=np.zeros(len(titles), dtype=np.int64),
    )


def row(rows, item):
    """Return what an item is like, with how much."""
    mine = slice(rows.indptr[item], rows.indptr[item + 1])
    return dict(zip(rows.items[mine].tolist(), rows.scores[mine].tolist(), strict=True))


def likest(goods, item):
    return next(iter(row(content_rows(goods, 5), item)))


def test_a_red_shoe_stands_beside_red_shoes():
    goods = catalogue("Red shoe Fen", "Blue hat Ula", "Red shoe Kip", "Blue shoe Mo", "Blue hat Z")
    assert list(row(content_rows(goods, 2), 0)) == [2, 3]
    assert likest(goods, 1) == 4


@pytest.mark.parametrize(
    "titles",
    [
        ("赤い長靴", "青い帽子", "赤い長靴下", "白い帽子"),
        ("حذاء أحمر", "قبعة زرقاء", "الحذاء الأحمر", "القبعات زرقاء"),
        ("Красный ботинок", "Синяя шапка", "Красные ботинки", "Синие шапки"),
        ("Damenlederschuh", "Herrenhut", "Damenlederschuhe", "Herrenhüte"),
        ("ＲＥＤ ＳＨＯＥ", "blue hat", "red shoe", "Blue Hat"),
        ("รองเท้าสีแดง", "หมวกสีฟ้า", "รองเท้าแตะสีแดง", "หมวกไหมพรมสีฟ้า"),
    ],
    ids=["Japanese", "Arabic", "Russian", "German", "wide letters", "Thai"],
)
def test_other_scripts_and_forms_of_words_are_understood(titles):
    goods = catalogue(*titles)
    assert [likest(goods, item) for item in range(4)] == [2, 3, 0, 1]


def test_category_brand_and_tags_speak_where_there_are_no_titles():
    paths = [("shoes", "boots"), ("shoes", "sandals"), ("hats",), ("shoes", "boots")]
    assert likest(catalogue(*[""] * 4, category=paths), 0) == 3
    assert likest(catalogue(*[""] * 3, brand=("fen", "ula", "fen")), 0) == 2
    assert likest(catalogue(*[""] * 4, tags=(("wool",), ("silk",), ("wool",), ("silk",))), 0) == 2


def test_of_what_is_alike_the_nearer_price_is_liker():
    goods = catalogue(*["Red shoe"] * 3, price=(5000, 20000, 6000))
    assert list(row(content_rows(goods, 2), 0)) == [2, 1]


def test_a_price_alone_is_no_likeness():
    assert len(content_rows(catalogue("", "", price=(5000, 5000)), 5).items) == 0


def test_what_is_like_in_everything_known_scores_one():
    goods = catalogue("Oak chair", "Oak chair", "Wool rug", category=[("a",)] * 3, price=(9, 9, 9))
    assert row(content_rows(goods, 5), 0)[1] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    "titles",
    [(), ("Shoe",), ("",), ("", ""), ("Shoe",) * 40, ("!", "?"), ("x" * 10_000, "y " * 5_000)],
    ids=["none", "one", "untitled", "two untitled", "all alike", "signs", "endless"],
)
def test_odd_catalogues_are_likened_without_a_warning(titles):
    rows = content_rows(catalogue(*titles), 5)
    assert len(rows.indptr) == len(titles) + 1
    assert np.isfinite(rows.scores).all()


def test_where_all_titles_are_alike_everyone_has_somebody_else():
    rows = content_rows(catalogue(*["Shoe"] * 500), 5)
    assert (np.diff(rows.indptr) == 5).all()
    assert len(set(rows.items.tolist())) > 400


def test_a_row_of_words_is_short_whatever_the_title_says():
    many = " ".join(f"word{n}" for n in range(3_000))
    assert np.diff(text_vectors([many, many], [(), ()]).indptr).max() <= FEATURES


def shop(size, seed=4):
    """Return goods of 20 kinds, in 40 colours and 15 makes."""
    draws = np.random.default_rng(seed)
    kind, colour, make = (draws.integers(0, n, size) for n in (20, 40, 15))
    titles = [f"make{m} colour{c} thing{k}" for k, c, m in zip(kind, colour, make, strict=True)]
    paths = [(f"top{k % 4}", f"thing{k}") for k in kind]
    return catalogue(*titles, category=paths, price=(100 + 10 * colour).tolist())


def test_the_same_catalogue_gives_the_same_bytes_whatever_the_block(monkeypatch):
    goods = shop(400)
    rows = content_rows(goods, 10)
    again = content_rows(goods, 10)
    monkeypatch.setattr(content, "_BLOCK_COST", 20_000)
    blocked = content_rows(goods, 10)
    for other in (again, blocked):
        assert rows.items.tobytes() == other.items.tobytes()
        assert rows.scores.tobytes() == other.scores.tobytes()


def test_few_items_held_against_each_other_find_nearly_what_all_do(monkeypatch):
    goods = shop(2_000)
    whole = content_rows(goods, 10)
    monkeypatch.setattr(content, "REACH", 300)
    fewer = content_rows(goods, 10)
    assert fewer.scores.mean() > 0.95 * whole.scores.mean()


@given(st.lists(st.text(max_size=30), max_size=12))
def test_rows_are_sorted_positive_and_of_others(titles):
    rows = content_rows(catalogue(*titles), 4)
    for item in range(len(titles)):
        scores = list(row(rows, item).values())
        assert item not in row(rows, item)
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 1.0001 for score in scores)
