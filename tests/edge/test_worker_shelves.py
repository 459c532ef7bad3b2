"""The shelves a shop expects, from its events to what the worker answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from toy_log import event, item, open_log
from toy_shop import ADAPTERS, World, make_project

from control_plane.compiler.build import compile_release
from control_plane.deploy.publish import publish
from control_plane.models.learn import learn
from control_plane.schema import ORDERED
from control_plane.settings import Project, Train

pytestmark = pytest.mark.parametrize("shop", ADAPTERS, indirect=True)

DAY = 24 * 60
START = 1_772_445_600_000  # toy_log.START in epoch milliseconds

STAGES = ("also_bought", "similar", "trending", "new", "popular_here")
RULES = "content:\n" + "".join(
    f"  {stage}: {{items: {{from: [{stage}, popular], limit: 2}}}}\n" for stage in STAGES
)
RULES += "  blend: {items: {from: [{also_bought: 1, trending: 0.1}], limit: 4}}\n"
RULES += "  later: {items: {from: [session, also_bought, new], limit: 12, exclude: {seen: true}}}\n"
RULES += "slots:\n" + "".join(
    f"  home.{name}: {{default: {name}}}\n" for name in (*STAGES, "blend", "later")
)


def catalogue() -> list[dict[str, Any]]:
    """Return a photographer's shop to which two things came of late, one of them sold out."""
    kinds = {"camera": "Cameras", "film": "Film", "film-2": "Film", "bag": "Bags", "gone": "Film"}
    kinds |= {"bestseller": "Books", "launch": "Books", "lens": "Cameras"}
    shop = [
        item(name, kind, title=f"{kind} {name}", url=f"/p/{name}", added_at=START)
        for name, kind in kinds.items()
    ]
    shop[-1]["group_id"] = shop[0]["group_id"] = "kit"
    shop[4]["available"] = False
    for day, name, kind in ((55, "tripod", "Bags"), (56, "album", "Books"), (57, "none", "Film")):
        shop.append(
            item(name, kind, title=name, url=f"/p/{name}", added_at=START + day * 86_400_000)
        )
    shop[-1]["available"] = False
    return shop


def events() -> list[dict[str, Any]]:
    """Return two months in which cameras go with films, and what was launched rises in France."""
    devices, made = count(1), []
    for day in range(60):
        for country in ("FR", "DE"):
            made += [
                event("bestseller", device=next(devices), at=day * DAY, country=country)
                for _ in range(10)
            ]
        if day % 4 == 0:
            user = next(devices)
            basket = ("camera", "film", "gone") if day % 8 else ("camera", "film-2", "film")
            made.append(event(*basket, user=user, at=day * DAY, name=ORDERED, country="DE"))
    for n in range(40):
        made.append(event("launch", device=next(devices), at=58.5 * DAY + n, country="FR"))
    return sorted(made, key=lambda row: row["timestamp"])


def release(project: Project) -> None:
    with open_log(events(), catalogue()) as log:
        compile_release(project, learn(log, Train()), log)


@pytest.fixture(scope="module")
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    project = make_project(tmp_path_factory.mktemp("shop"), RULES)
    release(project)
    with ADAPTERS[request.param](project) as worker:
        world = World(project, worker)
        publish(world.target, project.build / "current", project)
        yield world


def shown(shop: World, stage: str, **body: Any) -> tuple[list[str], str]:
    """Return the items of a stage's slot, and the reason."""
    decision = shop.decide(f"home.{stage}", **body)["decisions"][f"home.{stage}"]
    return decision["items"], decision["reason"]


def did(*done: tuple[str, str]) -> dict[str, Any]:
    return {"events": [{"event": kind, "item": name} for kind, name in done]}


def test_a_product_page_shows_what_is_bought_with_it(shop: World) -> None:
    assert shown(shop, "also_bought", page={"item": "camera"}) == (
        ["film", "film-2"],
        "also_bought",
    )
    assert shown(shop, "also_bought", page={"item": "bag"})[1] == "popular"


def test_a_variant_shows_what_is_bought_with_its_product(shop: World) -> None:
    assert shown(shop, "also_bought", page={"item": "lens"}) == (["film", "film-2"], "also_bought")


def test_a_page_without_an_item_shows_what_goes_with_the_cart(shop: World) -> None:
    cart = did(("view", "bag"), ("cart", "camera"))
    assert shown(shop, "also_bought", session=cart) == (["film", "film-2"], "also_bought")
    assert shown(shop, "also_bought", session=did(("view", "camera")))[1] == "popular"


def test_without_consent_the_cart_is_not_read_and_the_page_is(shop: World) -> None:
    refused = {"session": did(("cart", "camera")), "consent": {"personalization": False}}
    assert shown(shop, "also_bought", **refused)[1] == "popular"
    assert shown(shop, "also_bought", **refused, page={"item": "camera"})[1] == "also_bought"


def test_what_was_bought_or_stands_in_the_cart_is_not_shown_again(shop: World) -> None:
    for kind in ("order", "cart"):
        items, _ = shown(shop, "also_bought", page={"item": "camera"}, session=did((kind, "film")))
        assert "film" not in items
        assert items[0] == "film-2"


def test_a_product_page_shows_what_is_like_it(shop: World) -> None:
    items, reason = shown(shop, "similar", page={"item": "film"})
    assert reason == "similar"
    assert items[0] == "film-2"
    assert "gone" not in items


def test_what_rises_is_shown_where_it_rises(shop: World) -> None:
    assert shown(shop, "trending")[0][0] == "launch"
    assert shown(shop, "trending", attributes={"country": "FR"}) == (
        ["launch", "bestseller"],
        "trending",
    )


def test_what_is_new_is_shown_before_anybody_has_seen_it(shop: World) -> None:
    assert shown(shop, "new") == (["album", "tripod"], "new")


def test_what_is_new_is_shown_first_of_the_kind_looked_at(shop: World) -> None:
    looked = did(("view", "bag"))
    assert shown(shop, "new", session=looked)[0] == ["tripod", "album"]
    refused = {"session": looked, "consent": {"personalization": False}}
    assert shown(shop, "new", **refused)[0] == ["album", "tripod"]


def test_a_country_shows_what_is_popular_in_it(shop: World) -> None:
    assert shown(shop, "popular_here", attributes={"country": "FR"})[1] == "popular_here"
    assert shown(shop, "popular_here", attributes={"country": "IT"})[1] == "popular"


def test_sources_blend_and_later_stages_fill_up(shop: World) -> None:
    items, _ = shown(shop, "blend", page={"item": "camera"})
    assert items == ["film", "film-2", "launch"]
    items, _ = shown(shop, "later", session=did(("cart", "camera")))
    assert set(items) == {"film", "film-2", "album", "tripod"}


def test_an_explanation_names_the_stage_of_each_item(shop: World) -> None:
    answer = shop.decide("home.blend", page={"item": "camera"}, explain=True)
    shelf = answer["decisions"]["home.blend"]["explain"]["shelf"]
    told = {entry["item"]: set(entry["sources"]) for entry in shelf["items"]}
    assert told == {"film": {"also_bought"}, "film-2": {"also_bought"}, "launch": {"trending"}}
    out = {entry["item"]: entry["why"] for entry in shelf["excluded"]}
    assert out["gone"] == "unavailable"


def test_a_fragment_shows_them_too(shop: World) -> None:
    html = shop.get("/_fs/slot/home.also_bought?item=camera").text
    assert "/p/film" in html
    assert "/p/camera" not in html


def test_the_same_input_compiles_to_the_same_bytes_and_rules_change_no_table(
    shop: World,
) -> None:
    def keys() -> set[str]:
        release(shop.project)
        return {file.name for file in (shop.project.build / "current" / "values").iterdir()}

    before = keys()
    assert keys() == before
    rules = shop.project.rules.read_text()
    shop.project.rules.write_text(
        "content: {none: {html: x}}\nslots: {home.none: {default: none}}\n"
    )
    try:
        changed = keys() ^ before
    finally:
        shop.project.rules.write_text(rules)
        release(shop.project)
    assert {key[0] for key in changed} == {"m"}
