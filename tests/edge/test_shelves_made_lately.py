"""A shelf that the worker remembers is the one that it would make now."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from toy_shop import HATS, RULES, SHOES, World, make_project, start_worker

MORE_RULES = RULES.replace(
    "slots:",
    """  here: {items: {from: [popular_here, item], limit: 4, exclude: {in_cart: true}}}
  again: {items: {from: [recently_viewed, segment], limit: 6}}
slots:
  home.here: {default: here}
  home.again: {default: again}""",
)
SLOTS = ["home.recommended", "home.discover", "product.alike", "home.here", "home.again"]


def view(item: str, event: str = "view") -> dict[str, str]:
    return {"event": event, "item": item}


SESSIONS = [
    [],
    [view("shoe-0")],
    [view("shoe-0", "cart")],
    [view("shoe-0"), view("hat-2")],
    [view("hat-2"), view("shoe-0")],
    [view("shoe-0"), view("shoe-0"), view("hat-2", "order")],
    # Spelled so that careless joining would make two of them one.
    [view("shoe-0~vhat-2")],
    [view("shoe-0\n"), view("hat-2")],
]
WHO = [
    {"device": "N" * 22},
    {"device": "D" * 22},
    {"device": "D" * 22, "attributes": {"segments": ["shoe-fans"]}},
]
PAGES = [None, {"item": "hat-4"}]
CONSENTS = [True, False]
COUNTRIES = [None, "FR"]
LIMITS = [None, 2]


def visits() -> list[dict[str, Any]]:
    """Every combination of what a shelf may depend on."""
    made = []
    for events, who, page, consent, country, limit in product(
        SESSIONS, WHO, PAGES, CONSENTS, COUNTRIES, LIMITS
    ):
        attributes = {**who.get("attributes", {}), **({"country": country} if country else {})}
        made.append(
            {
                "slots": [{"name": name, **({"limit": limit} if limit else {})} for name in SLOTS],
                "session": {"events": events},
                "consent": {"personalization": consent},
                "device": who["device"],
                **({"page": page} if page else {}),
                **({"attributes": attributes} if attributes else {}),
            }
        )
    return made


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """The same release in two workers, which are asked in different orders."""
    project = make_project(tmp_path_factory.mktemp("toy"), MORE_RULES)
    with start_worker(project) as first, start_worker(project) as second:
        both = World(project, first), World(project, second)
        both[0].publish()
        for key in both[0].kv.list().keys:
            both[1].kv.put(key.name, both[0].kv.get(key.name, "bytes"))
        yield both


def shelves(world: World, visit: dict[str, Any]) -> list[tuple[Any, ...]]:
    answer = world.decide(*visit["slots"], **{k: v for k, v in visit.items() if k != "slots"})
    return [(one["content"], one["reason"], *one["items"]) for one in answer["decisions"].values()]


def test_a_shelf_does_not_depend_on_what_was_asked_before(worlds: tuple[World, World]) -> None:
    everything = visits()
    answers = [shelves(worlds[0], visit) for visit in everything]
    order = list(range(len(everything))) * 2
    random.Random(7).shuffle(order)
    for place in order:
        assert shelves(worlds[1], everything[place]) == answers[place], everything[place]
    # What is asked differs in what it shows, or this would have shown nothing.
    assert len({str(answer) for answer in answers}) > 60


def test_a_visitor_who_asks_again_gets_the_same_shelf(worlds: tuple[World, World]) -> None:
    world, _ = worlds
    cookies = {"fs_c": "1.personalization+analytics.1", "fs_id": "D" * 22}
    seen = f"1.zzzzzz.zzzzzz.1.0.0.v{SHOES[0]}"
    first, again = (
        world.get("/_fs/slot/home.recommended", {**cookies, "fs_s": seen}).text for _ in "12"
    )
    assert first == again
    other = world.get(
        "/_fs/slot/home.recommended", {**cookies, "fs_s": seen.replace(SHOES[0], HATS[3])}
    ).text
    assert other != first


def test_cookies_that_say_something_else_are_read_anew(worlds: tuple[World, World]) -> None:
    world, _ = worlds
    session = f"1.zzzzzz.zzzzzz.1.0.0.v{SHOES[0]}"
    known = {"fs_c": "1.personalization+analytics.1", "fs_id": "N" * 22, "fs_s": session}
    shelf = "/_fs/slot/home.recommended"
    personal = world.get(shelf, known).text
    refused = {**known, "fs_c": "1.none.1"}
    assert world.get(shelf, refused).text != personal
    # Global Privacy Control overrules the same cookies in the same request, and only in it.
    assert world.get(shelf, known, sec_gpc="1").text != personal
    assert world.get(shelf, known).text == personal
    over = {**known, "fs_s": session.replace("zzzzzz.1", "000001.1")}
    assert world.get(shelf, over).text != personal


def test_a_shelf_that_lacked_a_value_is_made_again(tmp_path) -> None:
    project = make_project(tmp_path, MORE_RULES)
    with start_worker(project) as worker:
        world = World(project, worker)
        world.publish()
        kept = {key.name: world.kv.get(key.name, "bytes") for key in world.kv.list().keys}
        items = [name for name in kept if name.startswith("i-")]
        for name in items:
            world.kv.delete(name)
        visit = {
            **visits()[40],
            "session": {"events": [view("shoe-1")]},
            "consent": {"personalization": True},
        }
        short = shelves(world, visit)
        assert shelves(world, visit) == short
        for name in items:
            world.kv.put(name, kept[name])
        whole = shelves(world, visit)
    assert whole != short


def test_no_cookie_is_spelled_like_a_session_that_a_server_tells(
    worlds: tuple[World, World],
) -> None:
    world, _ = worlds
    # What a body's view of shoe-4 would be, if both were spelled alike.
    forged = {"fs_c": "1.personalization+analytics.1", "fs_id": "N" * 22}
    world.get(
        "/_fs/slot/home.recommended", {**forged, "fs_s": "1.zzzzzz.zzzzzz.1.0.0.view6:shoe-4"}
    )
    told = world.decide("home.recommended", session={"events": [view("shoe-4")]}, device="N" * 22)[
        "decisions"
    ]["home.recommended"]
    assert told["reason"] == "session"
    assert set(told["items"]) & set(SHOES)
