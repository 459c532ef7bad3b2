"""A release is of this day's catalogue, whenever its model was learned."""

from __future__ import annotations

import numpy as np
import pytest
from toy_log import event, item, open_log

from control_plane.compiler.refresh import refresh
from control_plane.models.learn import learn
from control_plane.settings import Train

GOODS = [
    item("a", "Shoes", 5000, title="Red shoe Fen"),
    item("b", "Shoes", 5100, title="Red shoe Kip"),
    item("c", "Hats", 2000, title="Blue hat Mo"),
    item("d", "Hats", 2100, title="Blue hat Ula"),
]
SIZES = [item(f"e-{n}", "Bags", 900, title="Bag", group_id="bag") for n in range(3)]
EVENTS = [
    event(*pair, session=f"{pair}{n}", user=n + 1)
    for n in range(20)
    for pair in (("a", "b"), ("c", "d"), ("e-1", "a"))
]


def refreshed(then, now, events=EVENTS):
    """Return the model learned from the catalogue `then`, brought up to `now`."""
    with open_log(events, then) as log:
        model = learn(log, Train())
    with open_log(events, now) as log:
        return refresh(model, log)


def row(model, name, table=None):
    table = table or model.neighbours
    number = model.item_ids.index(name)
    return [model.item_ids[n] for n in table.items[table.indptr[number] : table.indptr[number + 1]]]


def test_an_unchanged_catalogue_leaves_the_model_as_it_is():
    with open_log(EVENTS, GOODS) as log:
        model = learn(log, Train())
        assert refresh(model, log) is model


def test_an_item_that_came_since_has_neighbours_and_is_one():
    model = refreshed(GOODS, [*GOODS, item("0", "Shoes", 5050, title="Red shoe Ska")])
    assert model.item_ids == ["a", "b", "c", "d", "e-1", "0"]
    assert set(row(model, "0")) == {"a", "b"}
    assert set(row(model, "0", model.related["similar"])) == {"a", "b"}
    assert row(model, "a")[-1] == "0"
    assert "0" not in row(model, "c")
    assert model.item_events.tolist()[-1] == 0


def test_a_size_that_came_since_has_its_products_row_and_is_nobodys_neighbour():
    model = refreshed([*GOODS, SIZES[1]], [*GOODS, *SIZES])
    assert row(model, "e-0") == row(model, "e-1") == ["a"]
    assert not {"e-0", "e-2"} & {name for one in model.item_ids for name in row(model, one)}


def test_a_first_catalogue_gives_a_shop_of_events_alone_its_likeness():
    model = refreshed([], [*GOODS, item("0", "Hats", 2000, title="Blue hat Yo")])
    assert set(row(model, "0")) == {"c", "d"}
    assert list(model.related) == ["similar"]


def test_a_new_item_of_which_nothing_is_told_has_an_empty_row():
    model = refreshed(GOODS, [*GOODS, item("0")])
    assert row(model, "0") == []


@pytest.mark.parametrize(("gone", "shown"), [((), "e-1"), ((1,), "e-0"), ((0, 1), "e-2")])
def test_of_a_product_a_size_is_shown_that_is_still_there(gone, shown):
    stock = [size | {"available": n not in gone} for n, size in enumerate(SIZES)]
    model = refreshed([*GOODS, *SIZES], [*GOODS, *stock])
    assert shown in row(model, "a")
    assert shown in [model.item_ids[n] for n in model.popular["all"]]
    bags = {name for name in row(model, "a") if name.startswith("e-")}
    assert bags == {shown}


def test_variants_of_which_nobody_had_told_stand_once_when_one_is_sold_out():
    now = [goods | {"group_id": "red"} for goods in GOODS[:2]]
    now[0] = now[0] | {"available": False}
    model = refreshed(GOODS, [*now, *GOODS[2:]])
    for one in model.item_ids:
        assert "a" not in row(model, one)
        assert len(row(model, one)) == len(set(row(model, one)))


def test_rows_keep_their_shape():
    model = refreshed(GOODS[:2], [*GOODS, *SIZES])
    count = len(model.item_ids)
    for table in (model.neighbours, *model.related.values()):
        assert len(table.indptr) == count + 1
        assert table.indptr[-1] == len(table.items) == len(table.scores)
        assert (table.items < count).all()
        assert (table.scores > 0).all()
        assert np.isfinite(table.scores).all()
