"""What a shelf shows of an item in the visitor's market, which their country tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from toy_shop import ITEMS, World, make_project, start_worker, toy_model

from control_plane.collect.ingest import ingest
from control_plane.collect.log import EventLog
from control_plane.collect.stock import StockLine
from control_plane.compiler.build import compile_release
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.overlays.stock import change_stock
from control_plane.deploy.publish import publish
from control_plane.errors import InputError
from control_plane.settings import Project, Shop

RULES = """
content:
  best: {items: {from: [popular], limit: 12}, template: product-strip}
slots:
  best: {default: best}
"""
SHOP = Shop(name="toy", environment="test", market="DE", countries={"BE": "FR"})


def catalogue() -> list[dict[str, object]]:
    """Return items that cost 10 EUR, 9 GBP in GB; shoes are named otherwise in FR.

    hat-0 is sold in FR alone, hat-1 everywhere but in FR.
    """
    rows: list[dict[str, object]] = []
    for item in ITEMS:
        row = {"item_id": item, "title": f"The {item}", "price": 10, "currency": "EUR"}
        rows += [row, {"item_id": item, "market": "GB", "price": 9, "currency": "GBP"}]
        if "shoe" in item:
            rows.append({"item_id": item, "market": "FR", "title": f"La {item}"})
        if item == "hat-0":
            rows = [*rows[:-2], row | {"market": "FR"}]
        if item == "hat-1":
            rows.append({"item_id": item, "market": "FR", "available": "no"})
    return rows


def compiled(project: Project, rows: list[dict[str, object]]) -> None:
    file = project.root / "items.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest(project, file)
    with EventLog(project).connect() as log:
        compile_release(project, toy_model(project), log)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_project(tmp_path, RULES)
    project = msgspec.structs.replace(
        made, settings=msgspec.structs.replace(made.settings, shop=SHOP)
    )
    with start_worker(project) as worker:
        world = World(project, worker)
        compiled(project, catalogue())
        publish(world.target, project.build / "current", project)
        yield world


def shelf(world: World, country: str) -> dict[str, str]:
    """Return the text of each item's card on the shelf of a visitor from there."""
    html = world.get("/_fs/slot/best", cf_ipcountry=country).text
    cards = re.findall(r'data-fs-sku="([^"]+)".*?(?=data-fs-sku=|\Z)', html, re.S)
    parts = re.split(r'data-fs-sku="[^"]+"', html)[1:]
    return dict(zip(cards, parts, strict=True))


def test_a_visitor_sees_their_markets_prices_and_titles(world: World) -> None:
    home, france, britain = (shelf(world, country) for country in ("DE", "FR", "GB"))
    assert "The shoe-1" in home["shoe-1"]
    assert "La shoe-1" in france["shoe-1"]
    assert "The shoe-1" in britain["shoe-1"]
    assert "10" in home["shoe-1"]
    assert "10" in france["shoe-1"]
    assert re.search(r"£\s?9|9[.,]00|GBP", britain["shoe-1"])
    assert "The hat-3" in france["hat-3"]


def test_a_country_counts_to_the_market_that_the_settings_say(world: World) -> None:
    assert "La shoe-1" in shelf(world, "BE")["shoe-1"]
    assert "The shoe-1" in shelf(world, "US")["shoe-1"]


def test_an_item_is_shown_only_where_it_is_sold(world: World) -> None:
    assert {country: "hat-0" in shelf(world, country) for country in ("DE", "FR", "GB")} == {
        "DE": False,
        "FR": True,
        "GB": False,
    }
    assert "hat-1" not in shelf(world, "FR")
    assert "hat-1" in shelf(world, "GB")


def test_sold_out_holds_everywhere_and_a_price_in_the_shops_own_market(world: World) -> None:
    said = {"shoe-1": StockLine(False, None), "shoe-2": StockLine(None, 777, "EUR")}
    said["hat-1"] = StockLine(True, None)
    change_overlays(
        world.target,
        world.project,
        lambda target, head: change_stock(target, world.project, head, said, {}, replace=True),
        sleep=lambda seconds: None,
    )
    home, france, britain = (shelf(world, country) for country in ("DE", "FR", "GB"))
    assert "shoe-1" not in {**home, **france, **britain}
    assert "7.77" in home["shoe-2"].replace(",", ".")
    assert "7.77" not in britain["shoe-2"].replace(",", ".")
    assert "hat-1" not in france


def test_where_a_markets_cards_cannot_be_read_nobody_sees_anothers_prices(world: World) -> None:
    for key in list(world.target.keys("k-")):
        world.kv.delete(key)
    assert shelf(world, "GB") == {}
    assert len(shelf(world, "DE")) == 11


def test_too_many_markets_are_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, RULES)
    rows = [{"item_id": "hat-0", "market": f"m{n}", "title": f"Hat {n}"} for n in range(70)]
    with pytest.raises(InputError, match="names 69 markets"):
        compiled(project, rows)
