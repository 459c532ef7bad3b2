"""A toy shop with a log of ten days in which everybody walks the same way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from control_plane.collect.ingest import ingest
from control_plane.keyring import make_keys
from control_plane.settings import Project, load_project

RULES = """
content:
  hero: {html: "<b>hello</b>"}
  strip:
    items: {from: [{session: 1, visitor: .4}, segment, popular], limit: 8, diversity: {category: 3}}
  beside: {items: {from: [also_bought, similar, item, trending], limit: 6, pin: [hat-1]}}
  pushed:
    items:
      from: [{session: 1, popular: .3}]
      limit: 5
      boost: [{items: [hat-5, shoe-5], by: 3}, {category: hats, by: 1.5}]
      bury: [{items: [shoe-1], by: 5}]
  again: {items: {from: [repurchase, {visitor: 1, repurchase: .5}], exclude: {seen: true}}}
  fresh: {items: {from: [{new: 1, recently_viewed: .2}, popular_here], exclude: {seen: true}}}
slots:
  home.hero: {default: hero}
  home.strip: {default: strip}
"""

#: Who likes shoes looks at shoe-0, shoe-1 … in this order, who likes hats likewise.
KINDS = {"shoe": 6, "hat": 6}
DAYS, PEOPLE = 10, 24
#: These come every day; the others are somebody new each day.
REGULARS = 12


def walk(day: int, person: int) -> list[tuple[str, str]]:
    """Return (event, item) of what a person does on a day, all in one session."""
    kind = "shoe" if person % 2 else "hat"
    first = (person + day) % 3
    steps = [("Product Viewed", f"{kind}-{first + step}") for step in range(4)]
    if (person + day) % 4 == 0:
        steps += [("Product Added", steps[-1][1]), ("Order Completed", steps[-1][1])]
    return steps


def log_lines() -> Iterator[str]:
    yield "timestamp,event,item_id,user_id,country,order_id"
    start = datetime(2026, 3, 2, 10)
    for day in range(DAYS):
        for person in range(PEOPLE):
            for step, (event, item) in enumerate(walk(day, person)):
                at = start + timedelta(days=day, minutes=20 * person + step)
                order = f"o{day}-{person}" if event == "Order Completed" else ""
                country = "FR" if person % 3 else "DE"
                who = person if person < REGULARS else f"{day}-{person}"
                yield f"{at:%Y-%m-%dT%H:%M:%SZ},{event},{item},user-{who},{country},{order}"


def item_lines() -> Iterator[str]:
    yield "item_id,title,category,price,currency,group_id,available"
    for kind, count in KINDS.items():
        for number in range(count):
            item = f"{kind}-{number}"
            group = "pair" if item in ("shoe-4", "shoe-5") else item
            yield f"{item},{kind.title()} {number},{kind}s,10,EUR,{group},true"


def make_shop(root: Path) -> Project:
    (root / "frontshelf.toml").write_text("[train]\nvisitor_items = 5\n", encoding="utf-8")
    (root / "rules.yaml").write_text(RULES, encoding="utf-8")
    make_keys(root / "keys")
    return load_project(root, {})


def take_in(project: Project, file: Path, lines: list[str]) -> None:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ingest(project, file)
