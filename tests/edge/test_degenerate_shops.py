"""Shops that are hardly any, from their file of events to what the worker answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import msgspec
import pytest
from toy_shop import World, make_project, start_worker, views

from control_plane.collect.ingest import ingest
from control_plane.compiler.build import compile_project
from control_plane.deploy.publish import publish
from control_plane.errors import RejectedError
from control_plane.models.train import train

RULES = """
content:
  strip: {items: {from: [{session: 1, visitor: .4}, segment, popular], limit: 12}}
  discover: {items: {from: [session, visitor, popular], limit: 12, exclude: {seen: true}}}
  alike: {items: {from: [item, also_bought, similar, trending, new, popular], limit: 12}}
slots:
  home.recommended: {default: strip}
  home.discover: {default: discover}
  product.alike: {default: alike}
"""
HEADER = "timestamp,item_id,user_id,session_id,event,is_bot"
MINUTE = 60
START = 1_767_225_600  # 2026-01-01


def line(
    item: str, at: int = 0, user: Any = "", session: Any = "", event: str = "", bot: str = ""
) -> str:
    return f"{START + at * MINUTE},{item},{user},{session},{event},{bot}"


def walks(people: int, *, minutes: int = 1_000, event: str = "") -> list[str]:
    """Return three steps each of people who follow one another around six items."""
    return [
        line(f"i{(person + step) % 6}", person * minutes + step, user=person, event=event)
        for person in range(people)
        for step in range(3)
    ]


SHOPS = {
    "one visitor": walks(1) * 4,
    "one visitor who never leaves": [line(f"i{n % 5}", n, user=1) for n in range(400)],
    "one item": [line("i1", n, user=n) for n in range(80)],
    "the same item over and over": [line("i1", n, user=n // 5) for n in range(200)],
    "views alone": walks(90),
    "orders alone": walks(90, event="Order Completed"),
    "nobody known": [line(f"i{n % 7}", n, session=n // 3) for n in range(300)],
    "ten events": [*walks(3), line("i1", 9, user=9)],
    "one event": [line("i1", user=1)],
    "a single day": walks(90, minutes=10),
    "one moment": [line(f"i{n % 5}", user=n // 3) for n in range(90)],
    "some of it in the future": [*walks(90), line("i9", 60_000_000, user=1)],
    "a thousand years between two": [line("i1", -18_900_000, user=1), *walks(30)],
}

#: Shops of which nothing can be learned, and the words that say why.
EMPTY = {
    "all bots": ([line("i1", n, user=n, bot="true") for n in range(50)], "bot"),
    "one script": ([line(f"i{n % 5}", n, user=1, session=n) for n in range(400)], "script"),
    "no interest in anything": (
        [line("", n, user=n, event="Products Searched") for n in range(30)],
        "no event shows an interest",
    ),
}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A worker over an empty store, for whatever is published with its keys."""
    project = make_project(tmp_path_factory.mktemp("keys"), RULES)
    with start_worker(project) as worker:
        yield World(project, worker)


def open_shop(edge: World, folder: Path, lines: list[str]) -> dict[str, Any]:
    """Take a shop the whole way from its events to the edge; return what training reports."""
    project = msgspec.structs.replace(edge.project, root=folder)
    copytree(edge.project.keys, project.keys)
    project.rules.write_text(RULES, encoding="utf-8")
    file = folder / "events.csv"
    file.write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    ingest(project, file)
    model = train(project)
    compile_project(project)
    publish(edge.target, project.build / "current", project)
    return model.report


def shelves(edge: World, *seen: str) -> dict[str, list[str]]:
    """Return what the home page shows after a session, and the page of its last item."""
    session, page = views(*seen), {"item": seen[-1]} if seen else {}
    home = edge.decide("home.recommended", "home.discover", session=session)
    product = edge.decide("product.alike", session=session, page=page)
    decisions = home["decisions"] | product["decisions"]
    return {name: decision["items"] for name, decision in decisions.items()}


@pytest.mark.parametrize("shop", SHOPS)
def test_a_shop_that_is_hardly_one_has_shelves_all_the_same(edge, tmp_path, shop):
    open_shop(edge, tmp_path, SHOPS[shop])
    sold = {row.split(",")[1] for row in SHOPS[shop]} - {"i9"}
    newcomer, known = shelves(edge), shelves(edge, "i1")
    assert newcomer["home.recommended"]
    for name, items in [*newcomer.items(), *known.items()]:
        assert set(items) <= sold, name
        assert len(set(items)) == len(items), name
    assert set(known["home.recommended"]) == sold
    assert set(known["home.discover"]) == sold - {"i1"}
    assert set(known["product.alike"]) == sold - {"i1"}


@pytest.mark.parametrize("shop", EMPTY)
def test_a_shop_that_nothing_can_be_learned_of_says_why_and_shows_the_pages_own_content(
    edge, tmp_path, shop
):
    lines, why = EMPTY[shop]
    report = open_shop(edge, tmp_path, lines)
    assert any(why in warning for warning in report["warnings"])
    for items in [*shelves(edge).values(), *shelves(edge, "i1").values()]:
        assert items == []


def test_a_shop_that_lives_in_the_future_is_refused_with_the_reason(edge, tmp_path):
    with pytest.raises(RejectedError, match="in the future"):
        open_shop(edge, tmp_path, [line("i1", 60_000_000 + n, user=n) for n in range(30)])


def test_a_rule_may_name_a_number_that_has_no_json(tmp_path: Path) -> None:
    rules = """
content: {a: {html: a}, b: {html: b}}
slots:
  s: {default: a, rules: [{id: r, when: {traits.id: 9007199254740993}, show: b}]}
"""
    project = make_project(tmp_path, rules)
    with start_worker(project) as worker:
        world = World(project, worker)
        world.publish()
        assert world.decide("s")["decisions"]["s"]["content"] == "a"
