"""One catalogue for several markets: the base row of an item, and what differs elsewhere."""

from __future__ import annotations

import msgspec
import pytest

from control_plane.collect.log import EventLog
from control_plane.settings import Shop

HEAD = "item_id,market,title,price,currency,available\n"
BASE = "SELECT item_id, title, price_minor, currency, available FROM items ORDER BY item_id"
ELSEWHERE = (
    "SELECT market, item_id, title, price_minor, currency, available FROM items_elsewhere "
    "ORDER BY market, item_id"
)


@pytest.fixture
def told(project, take):
    """Take in rows; return what the views say where the shop's own market is `market`."""

    def ask(rows, market=""):
        take("items.csv", HEAD + rows)
        shop = Shop(market=market)
        settings = msgspec.structs.replace(project.settings, shop=shop)
        with EventLog(msgspec.structs.replace(project, settings=settings)).connect() as log:
            return log.execute(BASE).fetchall(), log.execute(ELSEWHERE).fetchall()

    return ask


def test_a_markets_row_says_what_differs_from_the_one_for_all(told):
    base, elsewhere = told("a,,Tent,10,EUR,yes\na,FR,Tente,,,yes\na,GB,,9,GBP,yes\n")
    assert base == [("a", "Tent", 1000, "EUR", True)]
    assert elsewhere == [
        ("FR", "a", "Tente", 1000, "EUR", True),
        ("GB", "a", "Tent", 900, "GBP", True),
    ]


def test_a_row_that_says_nothing_else_makes_no_card(told):
    assert told("a,,Tent,10,EUR,yes\na,FR,Tent,10,EUR,yes\n")[1] == []


def test_an_item_may_be_sold_out_or_not_sold_in_one_market(told):
    base, elsewhere = told("a,,Tent,10,EUR,yes\na,FR,,,,no\nb,FR,Sac,5,EUR,yes\n", "DE")
    assert base == [("a", "Tent", 1000, "EUR", True), ("b", "Sac", 500, "EUR", False)]
    assert elsewhere == [
        ("FR", "a", "Tent", 1000, "EUR", False),
        ("FR", "b", "Sac", 500, "EUR", True),
    ]


def test_an_item_of_markets_alone_is_not_sold_in_others(told):
    base, elsewhere = told("a,FR,Tente,10,EUR,yes\nb,DE,Seil,3,EUR,yes\n", "DE")
    assert base == [("a", "Tente", 1000, "EUR", False), ("b", "Seil", 300, "EUR", True)]
    assert elsewhere == [
        ("FR", "a", "Tente", 1000, "EUR", True),
        ("FR", "b", "Seil", 300, "EUR", False),
    ]


def test_the_shops_own_market_goes_before_the_row_for_all(told):
    base, elsewhere = told("a,,Tent,10,EUR,yes\na,DE,Zelt,11,EUR,yes\na,FR,Tente,,,yes\n", "DE")
    assert base == [("a", "Zelt", 1100, "EUR", True)]
    assert elsewhere == [("FR", "a", "Tente", 1000, "EUR", True)]


def test_a_shop_of_one_market_is_as_it_was(told):
    assert told("a,FR,Tente,10,EUR,yes\n") == ([("a", "Tente", 1000, "EUR", True)], [])


def test_the_newest_row_of_an_item_and_market_wins(take, told):
    take("first.csv", f"{HEAD}a,,Tent,10,EUR,yes\na,FR,Tente,10,EUR,yes\n")
    base, elsewhere = told("a,FR,La tente,12,EUR,yes\n")
    assert base == [("a", "Tent", 1000, "EUR", True)]
    assert elsewhere == [("FR", "a", "La tente", 1200, "EUR", True)]


def test_an_item_twice_for_one_market_is_rejected(take, rejects):
    report = take(
        "items.csv", f"{HEAD}a,FR,A,1,EUR,yes\na,,B,1,EUR,yes\na,FR,C,1,EUR,yes\n", max_rejects=1
    )
    assert rejects(report) == [(4, "item_id", "the item stands twice in this file")]


def test_a_new_market_makes_an_item_no_newer(take, query):
    take("first.csv", f"{HEAD}a,,Tent,10,EUR,yes\n")
    (first,) = query("SELECT added_at FROM items")
    take("more.csv", f"{HEAD}a,FR,Tente,10,EUR,yes\n")
    assert query("SELECT added_at FROM items") == [first]
