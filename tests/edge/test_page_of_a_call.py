"""A call from a page is decided as that page is: slots filled anew show what it would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from toy_shop import RULES, World, make_project, start_worker

ON_PAGES = """
      - {id: sale, when: {path: {$regex: "^/sale"}}, show: hero-fr}
      - {id: letter, when: {utm.source: "let ter=1"}, show: hero-fan}
      - {id: past"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    rules = RULES.replace("\n      - {id: past", ON_PAGES)
    project = make_project(tmp_path_factory.mktemp("toy"), rules)
    with start_worker(project) as worker:
        world = World(project, worker)
        world.publish()
        yield world


@pytest.mark.parametrize(
    ("referer", "shown"),
    [
        ("http://shop.example/sale/boots", "nouveau"),
        ("http://shop.example/about?utm_source=let+ter%3D1&utm_medium=x", "fan"),
        ("http://shop.example/?a=%zz&utm_source=let%20ter=1", "fan"),
        ("http://shop.example", "new"),
        ("http://shop.example/_fs/slot/sale", "new"),
        ("https://elsewhere.example/sale", "new"),
        ("/sale", "new"),
        ("http://shop.example/" + "&" * 20_000, "new"),
        (None, "new"),
    ],
)
def test_a_slot_filled_anew_follows_the_rules_of_its_page(
    world: World, referer: str | None, shown: str
) -> None:
    sent = {"referer": referer} if referer else {}
    assert world.get("/_fs/slot/home.hero", **sent).text == f"<b>{shown}</b>"


def test_a_page_itself_goes_by_its_own_path(world: World) -> None:
    assert "<b>nouveau</b>" in world.get("/sale").text
    assert "<b>new</b>" in world.get("/about", referer="http://shop.example/sale").text
