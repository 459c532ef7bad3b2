"""What visitors returned or asked not to see."""

from __future__ import annotations

import pytest
from toy_log import event, item, open_log

from control_plane.models.learn import learn
from control_plane.schema import HIDDEN, ORDERED, REFUNDED
from control_plane.settings import Train

DAY = 24 * 60


def learned(events, items=()):
    with open_log(sorted(events, key=lambda row: row["timestamp"]), list(items)) as log:
        return learn(log, Train(), key_id="k1")


def of(model, table, key):
    number = model.visitors.keys.tolist().index(key)
    start, stop = table.indptr[number : number + 2]
    return [model.item_ids[i] for i in table.items[start:stop]]


def shop():
    """Return views of people who all like the same ten items, and of 99, who met two of them."""
    events = [event(f"i{n}", user=user, at=n) for user in range(1, 30) for n in range(10)]
    return [*events, event("i0", user=99, at=50), event("i1", user=99, at=51)]


@pytest.mark.parametrize("name", [HIDDEN, REFUNDED])
def test_what_was_returned_or_hidden_is_offered_no_more(name):
    before = learned(shop())
    assert "i5" in of(before, before.visitors.rows, 99)
    model = learned([*shop(), event("i5", user=99, at=60, name=name)])
    assert of(model, model.visitors.hidden, 99) == ["i5"]
    assert "i5" not in of(model, model.visitors.rows, 99)
    assert len(of(model, model.visitors.rows, 99)) > 5
    assert of(model, model.visitors.hidden, 1) == []


def test_what_led_from_a_returned_item_is_no_longer_liked():
    tastes = [
        event(f"{kind}{n}", user=user) for user, kind in enumerate("ab" * 20, 1) for n in range(6)
    ]
    mine = [event("a0", user=99, at=1), event("b0", user=99, at=2)]
    model = learned([*tastes, *mine, event("b0", user=99, at=3, name=HIDDEN)])
    assert {name[0] for name in of(model, model.visitors.rows, 99)} == {"a"}


def test_what_is_ordered_after_a_return_is_wanted_again():
    back = event("i5", user=99, at=60, name=REFUNDED)
    model = learned([*shop(), back, event("i5", user=99, at=70, name=ORDERED)])
    assert of(model, model.visitors.hidden, 99) == []


def test_a_refund_without_products_is_of_all_its_order():
    bought = event("i5", "i6", user=99, at=60, name=ORDERED, order="o1")
    kept = event("i7", user=99, at=61, name=ORDERED, order="o2")
    model = learned([*shop(), bought, kept, event(user=99, at=70, name=REFUNDED, order="o1")])
    assert of(model, model.visitors.hidden, 99) == ["i5", "i6"]


def test_a_hidden_item_is_not_bought_again():
    weekly = [
        event(name, user=user, at=week * 7 * DAY, name=ORDERED)
        for user in range(1, 20)
        for week in range(9)
        for name in ("milk", "oil")
    ]
    model = learned([*weekly, event("oil", user=3, at=80 * DAY, name=HIDDEN)])
    assert of(model, model.visitors.rebuy, 3) == ["milk"]
    assert set(of(model, model.visitors.rebuy, 4)) == {"milk", "oil"}


def test_one_variant_returned_is_the_product_returned():
    sizes = [item(name, "Shoes", 1000, group_id="g") for name in ("s", "m")]
    model = learned([*shop(), event("s", user=99, at=60, name=HIDDEN)], sizes)
    assert len(of(model, model.visitors.hidden, 99)) == 1


def test_those_who_refused_consent_are_not_told_of():
    model = learned([*shop(), event("i5", user=98, at=60, name=HIDDEN, consent=())])
    assert 98 not in model.visitors.keys.tolist()
