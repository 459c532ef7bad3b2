"""A product split into sizes counts, and is shown, as one."""

from __future__ import annotations

import numpy as np
import pytest
from toy_log import event, item, open_log

from control_plane.models.learn import learn
from control_plane.models.variants import MOST_TWINS
from control_plane.settings import Train

SIZES = [item(f"shoe-{size}", "Shoes", 5000, title="Shoe", group_id="shoe") for size in range(20)]
HATS = [item(f"hat-{n}", "Hats", 2000 + 500 * n, title=f"Hat {n}") for n in range(3)]


def learned(events, items):
    with open_log(events, items) as log:
        return learn(log, Train())


def row(model, name, table=None):
    """Return an item's neighbours, best first."""
    table = table or model.neighbours
    number = model.item_ids.index(name)
    return [model.item_ids[n] for n in table.items[table.indptr[number] : table.indptr[number + 1]]]


def visits_of_sizes():
    """Return sessions in each of which another size is looked at before a hat; size 7 most."""
    sizes = [*range(20), 7, 7]
    return [
        event(name, session=str(n), user=n + 1)
        for n, size in enumerate(sizes)
        for name in (f"shoe-{size}", f"hat-{n % 2}")
    ]


def test_sizes_are_counted_together_and_the_most_wanted_stands_for_them():
    model = learned(visits_of_sizes(), [*SIZES, *HATS])
    assert model.item_ids[model.popular["all"][0]] == "shoe-7"
    assert row(model, "hat-0")[0] == "shoe-7"
    assert not {f"shoe-{n}" for n in range(20) if n != 7} & set(row(model, "hat-0"))


def test_every_size_has_the_products_row():
    model = learned(visits_of_sizes(), [*SIZES, *HATS])
    assert row(model, "shoe-3") == row(model, "shoe-7")
    assert set(row(model, "shoe-3")) >= {"hat-0", "hat-1"}


def test_a_size_that_is_sold_out_stands_for_nobody():
    gone = [size | {"available": size["item_id"] != "shoe-7"} for size in SIZES]
    model = learned(visits_of_sizes(), [*gone, *HATS])
    assert row(model, "hat-0")[0] == "shoe-0"


def test_a_product_of_which_all_is_sold_out_stands_for_itself():
    gone = [size | {"available": False} for size in SIZES]
    assert row(learned(visits_of_sizes(), [*gone, *HATS]), "hat-0")[0] == "shoe-7"


def test_a_product_repeated_in_other_sizes_is_each_ones_own_neighbour():
    model = learned([event("shoe-1", "shoe-2", session="s")], [*SIZES, *HATS])
    assert "shoe-2" in row(model, "shoe-2")
    assert "shoe-2" not in row(model, "shoe-1")


@pytest.mark.parametrize("size", [2, MOST_TWINS, MOST_TWINS + 1])
def test_items_alike_in_everything_are_likened_as_one_unless_they_are_too_many(size):
    twins = [item(f"ring-{n}", "Rings", 900, title="Ring") for n in range(size)]
    other = [item("ring-z", "Rings", 1000, title="Ring of oak")]
    model = learned([event("ring-0", session="s")], [*twins, *other])
    alike = [name for name in row(model, "ring-z") if name != "ring-z"]
    assert len(alike) == (1 if size <= MOST_TWINS else size)


def test_item_events_stay_each_variants_own():
    model = learned(visits_of_sizes(), [*SIZES, *HATS])
    counts = dict(zip(model.item_ids, model.item_events.tolist(), strict=True))
    assert (counts["shoe-7"], counts["shoe-3"], counts["hat-2"]) == (3, 1, 0)
    assert np.asarray(model.item_events).sum() == 44


def test_a_group_of_too_many_items_is_named():
    goods = [item(f"i{n}", "Shoes", title=f"Shoe {n}", group_id="0") for n in range(301)]
    warnings = learned([event("i1", session="s")], goods).report["warnings"]
    assert any("301 items have the group_id '0'" in warning for warning in warnings)
    assert not any(
        "group_id" in one for one in learned(visits_of_sizes(), SIZES).report["warnings"]
    )


def test_the_report_counts_new_products_and_who_shows_them():
    counts = learned(visits_of_sizes(), [*SIZES, *HATS]).report["content"]
    assert counts == {
        "products": 4,
        "products_with_content": 3,
        "new_products": 1,
        "new_products_with_neighbours": 1,
        "new_products_shown_by_others": 1,
    }
