"""Shelves of a whole shop: variants count as one product, and the report says from whom."""

from __future__ import annotations

from toy_log import event, item, open_log

from control_plane.models.artifacts import Model, load, save
from control_plane.models.learn import learn
from control_plane.schema import ORDERED
from control_plane.settings import Train

DAY = 24 * 60


def learned(events: list[dict], items: list[dict] = ()) -> Model:
    with open_log(events, items) as log:
        return learn(log, Train())


def bought_with(model: Model, name: str) -> list[str]:
    rows = model.related["also_bought"]
    number = model.item_ids.index(name)
    return [model.item_ids[i] for i in rows.items[rows.indptr[number] : rows.indptr[number + 1]]]


def orders() -> list[dict]:
    """Return orders of shirts in two sizes, each with one of two ties."""
    pairs = [("shirt-s", "tie"), ("shirt-m", "tie"), ("shirt-m", "belt"), ("shirt-s", "tie")]
    return [event(*pair, user=user, name=ORDERED) for user, pair in enumerate(pairs, 1)]


CATALOGUE = [
    *(item(name, group_id="shirt") for name in ("shirt-s", "shirt-m", "shirt-l")),
    item("tie"),
    item("belt"),
]


def test_what_goes_with_one_size_goes_with_every_size_and_one_size_stands_for_all():
    model = learned(orders(), CATALOGUE)
    for size in "sml":
        assert bought_with(model, f"shirt-{size}") == ["tie", "belt"]
    assert len(bought_with(model, "tie")) == 1


def test_a_shop_without_orders_has_no_row_of_what_is_bought_together():
    model = learned([event("a", "b", user=1)])
    assert "also_bought" not in model.related
    assert model.report["shelves"]["also_bought"] == {"items": 0, "people": 0}


def test_the_report_says_how_many_items_have_rows_and_from_how_many_people():
    told = learned(orders(), CATALOGUE).report["shelves"]
    assert told["also_bought"] == {"items": 5, "people": 4}
    assert told["popular"] == {"items": 3, "people": 4}
    assert told["trending"] == {"items": 0, "people": 4}
    assert told["new"] == {"items": 0, "people": 0}


def test_what_is_learned_for_shelves_is_kept_with_the_model(tmp_path):
    events = [event("old", device=n, at=n * DAY) for n in range(1, 60)]
    events += [event("launch", device=100 + n, at=59 * DAY + n) for n in range(20)]
    events += [event("launch", "old", user=n, name=ORDERED, at=60 * DAY) for n in (1, 2)]
    model = learned(events)
    assert set(model.latest) == {"trending", "new"}
    save(model, tmp_path)
    again = load(tmp_path)
    assert {key: items.tolist() for key, items in again.latest.items()} == {
        key: items.tolist() for key, items in model.latest.items()
    }
    assert bought_with(again, "old") == bought_with(model, "old") == ["launch"]
