"""Visitor features: what is counted, and how it is scaled."""

from __future__ import annotations

import numpy as np
import pytest
from toy_log import event, item, open_log

from control_plane.models.features import visitor_features
from control_plane.models.scaling import SCORE_BOUND, scale, skewness
from control_plane.models.tastes import MOST_TASTES, broad_categories, visitor_tastes
from control_plane.profiles.people import resolve_people
from control_plane.schema import ADDED, ORDERED, REFUNDED, SEARCHED

DAY = 24 * 60


def features(events, items=(), people=(1, 2), timezone="UTC"):
    """Return scaled feature -> standard score of each person."""
    keys = np.array(people, dtype=np.uint64)
    with open_log(events, items) as log:
        resolve_people(log)
        found = visitor_features(log, keys, np.ones(len(keys), dtype=np.int64), timezone=timezone)
    return dict(zip(found.names, found.scores.T.tolist(), strict=True))


def tastes(events, items, people=(1, 2)):
    """Return taste -> share of each person's interest."""
    with open_log(events, items) as log:
        resolve_people(log)
        found = visitor_tastes(log, np.array(people, dtype=np.uint64))
    return dict(zip(found.names, found.shares.T, strict=True))


@pytest.mark.parametrize(
    ("feature", "more"),
    [
        ("views", [event("a", user=2)] * 3),
        ("carts", [event("a", user=2, name=ADDED)]),
        ("orders", [event("a", user=2, name=ORDERED, price=100)]),
        ("value", [event("a", user=2, name=ORDERED, price=100)]),
        ("searches", [event(user=2, name=SEARCHED)]),
        ("price", [event("a", user=2, price=9900)]),
        ("mobile", [event("a", user=2, device_class="x") | {"context": [("device", "mobile")]}]),
        ("evening", [event("a", user=2, at=9 * 60)]),
        ("weekend", [event("a", user=2, at=5 * DAY)]),
    ],
)
def test_who_does_more_of_it_scores_higher(feature, more):
    desktop = {"context": [("device", "desktop")]}
    events = [event("a", user=user, price=100) | desktop for user in (1, 2)]
    one, two = features(events + more)[feature]
    assert two > one


def test_recency_counts_days_since_the_newest_event():
    one, two = features([event("a", user=1), event("a", user=2, at=3 * DAY)])["recency"]
    assert one > two


def test_baskets_and_returns_are_compared_among_buyers_and_others_are_average():
    events = [
        event("a", user=1, name=ORDERED, price=100),
        event("a", user=2, name=ORDERED, price=900, quantity=3),
        event("a", user=2, name=REFUNDED),
        event("a", user=3),
    ]
    found = features(events, people=(1, 2, 3))
    assert found["basket"] == pytest.approx([-1, 1, 0])
    assert found["basket_units"] == pytest.approx([-1, 1, 0])
    assert found["returns"] == pytest.approx([-1, 1, 0])


def test_the_lines_of_one_order_are_one_order_though_each_is_an_event():
    three = [event(name, user=2, name=ORDERED, price=100, order="o1") for name in "abc"]
    one = [event("a", user=1, name=ORDERED, price=100, order="o2")]
    found = features(one + three)
    assert "orders" not in found
    assert found["basket"] == pytest.approx([-1, 1])


def test_a_discount_is_what_was_paid_under_the_catalogues_price():
    events = [event("a", user=1, price=1000), event("a", user=2, price=500)]
    assert features(events, [item("a", price=1000)])["discount"] == [-1, 1]


def test_events_without_consent_say_nothing():
    events = [event("a", user=user) for user in (1, 2)]
    refused = [event("a", user=2, at=DAY * n, name=ORDERED, consent=()) for n in range(5)]
    assert features(events + refused) == features(events) == {}


def test_what_all_have_alike_is_no_feature():
    assert features([event("a", user=user) for user in (1, 2)]) == {}
    assert scale({"same": np.ones(3)}, 3, "zscore").names == ()


def test_unknown_is_average_and_extremes_are_cut():
    wild = scale({"wild": np.append(np.zeros(99), 1e9)}, 100, "zscore")
    assert wild.names == ("wild",)
    assert wild.scores.max() == SCORE_BOUND
    half = scale({"half": np.array([np.nan, 1.0, 3.0])}, 3, "zscore")
    assert half.scores[:, 0].tolist() == [0, -1, 1]


def test_only_skewed_columns_are_taken_on_a_log_scale():
    random = np.random.default_rng(1)
    columns = {
        "money": np.exp(random.normal(0, 1, 500)),
        "share": random.random(500),
        "below zero": np.exp(random.normal(0, 1, 500)) - 1,
    }
    found = scale(columns, 500, "zscore")
    assert found.logged == ("money",)
    assert abs(skewness(found.scores[:, 0])) < skewness(columns["money"]) / 2


def test_both_scales_keep_the_order_and_the_mean():
    column = {"a": np.array([1.0, 2.0, 4.0, np.nan])}
    z, ranged = (scale(column, 4, way).places[:, 0] for way in ("zscore", "minmax"))
    assert z.argsort().tolist() == ranged.argsort().tolist()
    assert ranged.mean() == pytest.approx(0)
    assert np.ptp(ranged) == pytest.approx(1)
    assert scale(column, 4, "minmax").scores[:, 0].tolist() == z.tolist()


def test_hours_are_the_shops():
    events = [event("a", user=1, at=6 * 60), event("a", user=2)]  # 16:00 and 10:00 in UTC
    assert "evening" not in features(events)
    one, two = features(events, timezone="Asia/Dubai")["evening"]
    assert one > two


def test_nobody_has_no_features():
    with open_log([]) as log:
        resolve_people(log)
        found = visitor_features(log, np.zeros(0, np.uint64), np.zeros(0, np.int64))
    assert found.names == ()
    assert found.scores.shape == found.space.shape == (0, 0)


def test_tastes_are_shares_of_broad_categories_shrunk_towards_the_average():
    events = [event("run", user=1)] * 9 + [event("hat", user=2)] * 9
    items = [item("run", "Shoes > Running"), item("hat", "Hats > Straw"), item("none")]
    found = tastes(events, items)
    assert list(found) == ["Hats", "Shoes"]
    assert found["Shoes"].tolist() == pytest.approx([9.5 / 10, 0.5 / 10])


def test_the_rarest_of_very_many_categories_count_as_one():
    events = [event(f"i{number}", user=1) for number in range(100)] + [event("i99", user=2)]
    found = tastes(events, [item(f"i{number}", f"c{number:02}") for number in range(100)])
    assert len(found) == MOST_TASTES
    assert list(found)[-1] == ""
    assert "c99" in found
    assert sum(found.values()).tolist() == pytest.approx([1, 1])


def test_items_without_a_category_have_no_taste():
    assert tastes([event("a", user=1), event("b", user=2)], [item("a"), item("b", "Hats")]) == {}


def test_broad_categories_are_those_of_the_first_level_that_tells_apart():
    paths = ["Shop > Shoes > Running", "Shop/Hats", "Shop"]
    assert broad_categories(paths) == {paths[0]: "Shoes", paths[1]: "Hats", paths[2]: "Shop"}
    assert broad_categories(["Shoes > Running", "Hats"]) == {
        "Shoes > Running": "Shoes",
        "Hats": "Hats",
    }
    assert broad_categories(["A", "A"]) == {"A": "A"}
    assert broad_categories([]) == {}
