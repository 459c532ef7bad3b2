"""Overlays at the edge: no sold-out item, no old price, nobody erased, no slot that is off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from toy_shop import ADAPTERS, HATS, SHOES, SOLD_OUT, World, make_project, views

from control_plane.collect.stock import StockLine
from control_plane.deploy.head import StockOverlay, read_head
from control_plane.deploy.history import rollback
from control_plane.deploy.overlays import changes as overlay_changes
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.overlays.stock import change_stock
from control_plane.deploy.overlays.values import find, value_keys
from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key

STRIP = {"name": "home.recommended", "limit": 12}


class Overlays:
    """Short ways to change the overlays of a toy shop, and to ask what shows."""

    def __init__(self, world: World) -> None:
        self.world = world

    def change(self, make: Callable) -> None:
        change_overlays(self.world.target, self.world.project, make, sleep=lambda seconds: None)

    def stock(self, replace: bool = True, **lines: tuple[bool | None, int | None]) -> None:
        named = {item.replace("_", "-"): StockLine(*line) for item, line in lines.items()}
        project = self.world.project
        self.change(lambda t, h: change_stock(t, project, h, named, {}, replace=replace))

    def erase(self, user: str) -> None:
        key = int(self.key_of(user), 16)
        self.change(lambda t, h: overlay_changes.erase(t, h, "k1", [key]))

    def switch(self, slot: str, off: bool) -> None:
        self.change(lambda t, h: overlay_changes.switch(t, h, slot, off=off))

    def key_of(self, user: str) -> str:
        secrets = load_visitor_secrets(self.world.project.keys)
        return format_visitor_key(visitor_key(secrets.secrets[secrets.current], "u", user))

    def items(self, slot: object = STRIP, **body: object) -> list[str]:
        (decision,) = self.world.decide(slot, **body)["decisions"].values()
        return decision["items"]

    def faults(self) -> dict[str, int]:
        return dict(self.world.get("/_fs/health").json()["faults"])

    def stock_keys(self) -> list[str]:
        head = read_head(self.world.target, self.world.project)
        return value_keys(find(head.overlays, StockOverlay)[0])


@pytest.fixture(scope="module", params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def deployed(adapter: str, folder: Path) -> Iterator[Overlays]:
    project = make_project(folder)
    with ADAPTERS[adapter](project) as worker:
        world = World(project, worker)
        world.publish()
        yield Overlays(world)


@pytest.fixture(scope="module")
def shop(adapter: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Overlays]:
    with deployed(adapter, tmp_path_factory.mktemp("toy")) as shop:
        yield shop


@pytest.fixture
def fresh(adapter: str, tmp_path: Path) -> Iterator[Overlays]:
    """A toy shop of its own."""
    with deployed(adapter, tmp_path) as shop:
        yield shop


def test_what_is_sold_out_now_is_not_shown_and_what_is_back_is(shop: Overlays) -> None:
    assert SOLD_OUT not in shop.items()
    shop.stock(hat_0=(False, None), shoe_5=(True, None))
    shown = shop.items()
    assert "hat-0" not in shown
    assert SOLD_OUT in shown
    assert set(shop.items(session=views("shoe-4"))) == {*SHOES, *HATS} - {"hat-0", "shoe-0"}
    shop.stock(hat_0=(True, None))
    assert "hat-0" in shop.items()
    assert SOLD_OUT not in shop.items()


def test_a_sold_out_item_is_not_pinned_either(shop: Overlays) -> None:
    shop.stock(hat_5=(False, None))
    assert "hat-5" not in shop.items("home.pinned")
    shop.stock(hat_5=(True, None))
    assert shop.items("home.pinned")[0] == "hat-5"


def test_a_price_stands_in_the_markup_in_place_of_the_tables_and_goes_again(shop: Overlays) -> None:
    path = "/_fs/slot/product.alike?item=shoe-2"
    assert shop.world.get(path).text.count("€12.90") == 3
    shop.stock(shoe_1=(None, 990))
    for _ in range(2):
        text = shop.world.get(path).text
        assert (text.count("€12.90"), text.count("€9.90")) == (2, 1)
    shop.stock(shoe_3=(None, 0))
    text = shop.world.get(path).text
    assert (text.count("€12.90"), text.count("€0.00"), text.count("€9.90")) == (2, 1, 0)
    shop.stock(hat_1=(True, None))
    assert shop.world.get(path).text.count("€12.90") == 3


def test_a_price_may_have_a_currency_of_its_own(shop: Overlays) -> None:
    lines = {"shoe-1": StockLine(None, 1500, "JPY"), "shoe-3": StockLine(None, 700, "USD")}
    project = shop.world.project
    shop.change(lambda t, h: change_stock(t, project, h, lines, {}, replace=True))
    text = shop.world.get("/_fs/slot/product.alike?item=shoe-2").text
    assert "¥1500" in text
    assert "$7.00" in text


def test_a_slot_switched_off_shows_the_pages_own_content(shop: Overlays) -> None:
    shop.switch("home.hero", off=True)
    assert shop.world.decide("home.hero")["decisions"]["home.hero"]["reason"] == "off"
    page = shop.world.get("/").text
    assert "own hero" in page
    assert "<b>new</b>" not in page
    assert shop.world.get("/_fs/slot/home.hero").status_code == 204
    shop.switch("home.hero", off=False)
    assert "<b>new</b>" in shop.world.get("/").text


def test_a_slot_that_is_off_is_a_disabled_flag(shop: Overlays) -> None:
    shop.switch("home.test", off=True)
    answer = shop.world.worker.dispatch_fetch(
        "http://shop.example/ofrep/v1/evaluate/flags/home.test",
        method="POST",
        headers={"authorization": "Bearer a-token"},
        content='{"context": {"targetingKey": "someone"}}',
    ).json()
    shop.switch("home.test", off=False)
    assert answer["reason"] == "DISABLED"
    assert "value" not in answer


def test_an_erased_visitors_row_is_never_used_in_any_release(fresh: Overlays) -> None:
    anna = fresh.key_of("anna")
    assert fresh.world.decide(STRIP, visitor=anna)["segments"] == ["shoe-fans"]
    fresh.erase("anna")
    fresh.erase("bert")
    rules = fresh.world.project.rules
    for _ in range(2):
        answer = fresh.world.decide(STRIP, visitor=anna)
        assert answer["segments"] == []
        assert answer["decisions"]["home.recommended"]["reason"] == "popular"
        rules.write_text(rules.read_text().replace("<b>new</b>", "<b>newer</b>"))
        fresh.world.publish()
    rollback(fresh.world.target, fresh.world.project)
    assert fresh.world.decide(STRIP, visitor=anna)["segments"] == []
    shown = fresh.world.decide(STRIP, device="D" * 22)["decisions"]["home.recommended"]
    assert shown["reason"] == "visitor", "others keep their rows"


def test_items_of_an_unreadable_stock_value_are_not_shown(fresh: Overlays) -> None:
    fresh.stock(hat_0=(None, 100))
    (key,) = fresh.stock_keys()
    value = fresh.world.kv.get(key, "bytes")
    fresh.world.kv.delete(key)
    assert fresh.items() == []
    assert "own shelf" in fresh.world.get("/").text
    fresh.world.kv.put(key, value[:-1] + b"\xff")
    assert fresh.items() == []
    assert fresh.faults()["overlay_stock"] > 0
    fresh.world.kv.put(key, value)
    assert fresh.items()[0] == "hat-0"


def test_without_its_erased_value_no_visitor_row_is_used(fresh: Overlays) -> None:
    fresh.erase("bert")
    keys = [key.name for key in fresh.world.kv.list(prefix="e-").keys]
    for key in keys:
        fresh.world.kv.delete(key)
    shown = fresh.world.decide(STRIP, visitor=fresh.key_of("anna"))
    assert shown["segments"] == []
    assert shown["decisions"]["home.recommended"]["items"], "the shelf is filled without the row"
    assert fresh.faults()["overlay_erased"] > 0


def test_a_stock_overlay_of_many_values_is_read_by_need(fresh: Overlays) -> None:
    many = {f"sku-{number}": StockLine(None, number) for number in range(80_000)}
    many |= {"hat-0": StockLine(False, None), "shoe-1": StockLine(None, 50)}
    project = fresh.world.project
    fresh.change(lambda t, h: change_stock(t, project, h, many, {}))
    keys = fresh.stock_keys()
    assert len(keys) > 8
    assert fresh.items("home.pinned") == ["hat-5", "hat-1", "hat-2"]
    read = fresh.world.get("/_fs/health").json()["tables"]["values"]
    assert read < len(keys)
    assert "€0.50" in fresh.world.get("/_fs/slot/product.alike?item=shoe-2").text


def test_the_overlays_of_a_head_hold_though_its_release_cannot_be_had(fresh: Overlays) -> None:
    anna = fresh.key_of("anna")
    assert fresh.world.decide(STRIP, visitor=anna)["segments"] == ["shoe-fans"]
    fresh.erase("anna")
    rules = fresh.world.project.rules
    rules.write_text(rules.read_text().replace("<b>new</b>", "<b>newer</b>"))
    fresh.world.publish()
    head = read_head(fresh.world.target, fresh.world.project)
    fresh.world.kv.delete(head.live.manifest)
    assert fresh.world.decide(STRIP, visitor=anna)["segments"] == []
    assert "<b>new</b>" in fresh.world.get("/").text, "the release before goes on"
