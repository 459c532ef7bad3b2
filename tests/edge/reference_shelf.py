"""Shelves worked out slowly and obviously, for worlds drawn at random.

Scores are squares of whole 255ths (rows) and 15ths (visitors), which tables keep exactly.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

import msgspec

from control_plane.models.recipe import Serving

#: What the reference sums rows by: that of a model which says nothing else.
SERVING = Serving()

PERSONAL = ("session", "visitor", "recently_viewed", "repurchase")
RELATED = ("also_bought", "similar")
STAGES = ("item", "segment", "popular", "popular_here", "trending", "new", *RELATED, *PERSONAL)
CATEGORIES = ("hats", "shoes", "socks")
Scores = dict[str, float]


class Item(msgspec.Struct, frozen=True):
    sku: str
    category: str
    group: str | None
    price_minor: int
    available: bool


class Person(msgspec.Struct, frozen=True):
    user: str
    segment: int
    row: Scores
    bought: list[str]
    seen: list[str]
    rebuy: Scores
    hidden: list[str]


class World(msgspec.Struct, frozen=True):
    items: dict[str, Item]
    neighbours: dict[str, Scores]
    related: dict[str, dict[str, Scores]]
    popular: dict[str, list[str]]
    latest: dict[str, list[str]]
    people: list[Person]
    contents: dict[str, dict[str, Any]]
    #: Said since the release: whether items are there.
    stock: dict[str, bool]


class Visit(msgspec.Struct, frozen=True):
    events: list[tuple[str, str]]
    page: str
    person: Person | None
    country: str
    consent: bool


def draw_world(random: Random) -> World:
    """Return a small shop with variants, sold-out items, people, and shelves of every kind."""
    skus = [f"i{number:02}" for number in range(36)]
    items = {
        sku: Item(
            sku,
            random.choice(CATEGORIES),
            random.choice([None, None, "g1", "g2", "g3", "g4"]),
            random.randrange(100, 9000),
            random.random() > 0.2,
        )
        for sku in skus
    }
    people = [_person(random, skus, f"user-{number}") for number in range(3)]
    names = ("all", "segment:s0", "segment:s1", "country:FR")
    latest = ("trending", "trending:FR", "new")
    return World(
        items=items,
        neighbours={sku: _scored(random, skus, random.randrange(0, 12), 255) for sku in skus},
        related={kind: _related(random, skus) for kind in RELATED if random.random() > 0.1},
        popular={name: random.sample(skus, random.randrange(6, 36)) for name in names},
        latest={
            name: random.sample(skus, random.randrange(1, 12))
            for name in latest
            if random.random() > 0.2
        },
        people=people,
        contents={f"c{number}": _content(random, skus) for number in range(12)},
        stock={sku: random.random() > 0.5 for sku in random.sample(skus, 8)},
    )


def stocked(world: World) -> World:
    """Return the world as it is compiled: what is sold out has made room for its variants."""

    def there(sku: str) -> str:
        item = world.items[sku]
        others = [one for one in world.items.values() if one.group == item.group and one.available]
        return sku if item.available or not item.group or not others else others[0].sku

    def scores(row: Scores) -> Scores:
        out: Scores = {}
        for sku in sorted(row, key=lambda sku: -row[sku]):
            out.setdefault(there(sku), row[sku])
        return out

    def lists(ranked: dict[str, list[str]]) -> dict[str, list[str]]:
        return {name: list(dict.fromkeys(map(there, skus))) for name, skus in ranked.items()}

    return msgspec.structs.replace(
        world,
        neighbours={sku: scores(row) for sku, row in world.neighbours.items()},
        related={
            kind: {sku: scores(row) for sku, row in of.items()}
            for kind, of in world.related.items()
        },
        popular=lists(world.popular),
        latest=lists(world.latest),
        people=[
            msgspec.structs.replace(
                person,
                row=scores(person.row),
                bought=list(dict.fromkeys(map(there, person.bought))),
                seen=list(dict.fromkeys(map(there, person.seen))),
                rebuy=scores(person.rebuy),
                hidden=list(dict.fromkeys(map(there, person.hidden))),
            )
            for person in world.people
        ],
    )


def draw_visit(random: Random, world: World) -> Visit:
    """Return somebody with some history on some page."""
    skus = [*world.items, "unknown"]
    kinds = ("view", "view", "view", "cart", "order")
    count = random.choice([0, 1, 3, 14])
    return Visit(
        [(random.choice(kinds), random.choice(skus)) for _ in range(count)],
        random.choice(["", *skus]),
        random.choice([None, *world.people]),
        random.choice(["FR", "DE"]),
        random.random() > 0.15,
    )


def _scored(random: Random, skus: list[str], count: int, top: int) -> Scores:
    chosen = random.sample(skus, count)
    places = random.sample(range(1, top), max(count - 1, 0))
    return {sku: (k / top) ** 2 for sku, k in zip(chosen, [top, *places], strict=False)}


def _related(random: Random, skus: list[str]) -> dict[str, Scores]:
    """Return rows of which many are empty, as few items are ever bought."""
    return {sku: _scored(random, skus, random.choice([0, 0, 1, 7]), 255) for sku in skus}


def _person(random: Random, skus: list[str], user: str) -> Person:
    bought = random.sample(skus, 3)
    rebuy = [*bought, *(sku for sku in random.sample(skus, 2) if sku not in bought)]
    return Person(
        user,
        random.randrange(-1, 2),
        _scored(random, skus, 8, 15),
        bought,
        random.sample(skus, 3),
        _scored(random, rebuy, random.randrange(4), 15),
        random.sample(skus, random.choice([0, 0, 2])),
    )


def _content(random: Random, skus: list[str]) -> dict[str, Any]:
    stages: list[Any] = []
    for _ in range(random.randrange(1, 4)):
        blend = random.sample(STAGES, random.choice([1, 1, 2, 3]))
        weights = {name: round(random.uniform(0.1, 3), 4) for name in blend}
        stages.append(blend[0] if len(blend) == 1 else weights)
    content: dict[str, Any] = {"from": stages, "limit": random.choice([1, 3, 8, 30])}
    content["exclude"] = {
        name: random.random() > 0.5
        for name in ("seen", "in_cart", "bought", "unavailable")
        if random.random() > 0.5
    }
    if random.random() > 0.6:
        content["pin"] = random.sample(skus, 2)
    for key in ("boost", "bury"):
        if random.random() > 0.5:
            content[key] = random.sample(
                [
                    "hats",
                    {"category": {"$in": ["shoes", "socks"]}, "by": 3.1},
                    {"price": {"$lt": 30}, "by": 1.7},
                    {"items": random.sample(skus, 3), "by": random.choice([1.3, 29.3])},
                ],
                2,
            )
    if random.random() > 0.5:
        content["diversity"] = random.choice([{"category": 2}, {"group": 2}, {"category": 1}])
    if random.random() > 0.5:
        content["reminder"] = random.choice(["on", "off"])
    return content


def shelf(world: World, content: dict[str, Any], visit: Visit, numbering: list[str]) -> list[str]:
    """Return the SKUs that stand on a shelf, best first; of equal ones the lower number's."""
    person = visit.person if visit.consent else None
    events = visit.events if visit.consent else []
    recent = [item for _, item in events[-SERVING.items :][::-1] if item in world.items]
    exclude = {"seen": False, "in_cart": True, "bought": True, "unavailable": True}
    exclude |= content["exclude"]
    out = {visit.page}
    out |= {item for kind, item in events if kind == "cart" and exclude["in_cart"]}
    out |= {item for kind, item in events if kind == "order" and exclude["bought"]}
    own: set[str] = set()
    if person:
        out |= set(person.hidden)
    if exclude["bought"] and person:
        own |= set(person.bought)
    if exclude["seen"]:
        out |= {item for _, item in events}
        out |= set(person.seen) if person else set()
        own |= set(person.bought) if person else set()
    told = {item for kind, item in events if kind == "cart" and exclude["in_cart"]}
    told |= {item for kind, item in events if kind == "order" and exclude["bought"]}
    told |= {item for _, item in events if exclude["seen"]}
    groups_out = {world.items[item].group for item in recent if item in told} - {None}
    shown: list[str] = []

    def take(sku: str, again: frozenset[str] | set[str] = frozenset()) -> None:
        item = world.items[sku]
        page = world.items.get(visit.page)
        groups = [world.items[one].group for one in shown]
        categories = [world.items[one].category for one in shown]
        most = {"group": 1} | content.get("diversity", {})
        if len(shown) == content["limit"] or sku in shown or sku in out | (own - again):
            return
        if exclude["unavailable"] and not world.stock.get(sku, item.available):
            return
        if item.group and page and item.group == page.group:
            return
        if item.group in groups_out:
            return
        if item.group and groups.count(item.group) >= most["group"]:
            return
        if "category" in most and categories.count(item.category) >= most["category"]:
            return
        shown.append(sku)

    for sku in content.get("pin", []):
        take(sku)
    for stage in content["from"]:
        blend = {stage: 1.0} if isinstance(stage, str) else stage
        blend = {name: by for name, by in blend.items() if visit.consent or name not in PERSONAL}
        again = set(person.rebuy) if person and "repurchase" in blend else set()
        scores = _blended(world, content, visit, person, recent, exclude, blend)
        weighed = _weighed(world, content, scores)
        for sku in sorted(weighed, key=lambda sku: (-weighed[sku], numbering.index(sku))):
            take(sku, again)
    return shown


def _blended(
    world: World,
    content: dict[str, Any],
    visit: Visit,
    person: Person | None,
    recent: list[str],
    exclude: dict[str, bool],
    blend: dict[str, float],
) -> Scores:
    total: Scores = {}
    for name, by in blend.items():
        scores = _source(world, content, visit, person, recent, exclude, name)
        for sku, score in scores.items():
            total[sku] = total.get(sku, 0.0) + by * score / max(scores.values())
    return total


def _source(
    world: World,
    content: dict[str, Any],
    visit: Visit,
    person: Person | None,
    recent: list[str],
    exclude: dict[str, bool],
    name: str,
) -> Scores:
    if name == "item":
        return world.neighbours.get(visit.page, {})
    if name in RELATED:
        cart = [item for kind, item in visit.events if kind == "cart" and visit.consent]
        sources = [visit.page] if visit.page else list(dict.fromkeys(cart))[-10:]
        return _summed([world.related.get(name, {}).get(item, {}) for item in sources])
    if name == "new":
        return _new(world, recent)
    if name == "visitor":
        return person.row if person else {}
    if name == "repurchase":
        return person.rebuy if person else {}
    if name == "recently_viewed":
        return {sku: 1 / (recent.index(sku) + 1) for sku in recent}
    if name == "session":
        scores: Scores = {}
        reminds = content.get("reminder", "off" if exclude["seen"] else "on") == "on"
        for age, item in enumerate(recent):
            for sku, score in world.neighbours[item].items():
                scores[sku] = scores.get(sku, 0.0) + score * math.exp(-age / SERVING.decay)
            if reminds:
                again = SERVING.reminder * math.exp(-age / SERVING.reminder_decay)
                scores[item] = scores.get(item, 0.0) + again
        return scores
    segment = f"segment:s{person.segment}" if person else ""
    lists = world.popular | world.latest
    tried = {
        "popular": ["all"],
        "popular_here": [f"country:{visit.country}", segment],
        "segment": [segment],
        "trending": [f"trending:{visit.country}", "trending"],
    }
    return _ranked(world, next((lists[key] for key in tried[name] if key in lists), []))


def _ranked(world: World, skus: list[str]) -> Scores:
    there = [sku for sku in skus if world.items[sku].available]
    gone = [sku for sku in skus if not world.items[sku].available]
    return {sku: 1 / (place + 1) for place, sku in enumerate([*there, *gone])}


def _new(world: World, recent: list[str]) -> Scores:
    categories = [world.items[sku].category for sku in recent]
    scores = _ranked(world, world.latest.get("new", []))
    return {
        sku: score * (1 + 8 * categories.count(world.items[sku].category))
        for sku, score in scores.items()
    }


def _summed(rows: list[Scores]) -> Scores:
    total: Scores = {}
    for row in rows:
        for sku, score in row.items():
            total[sku] = total.get(sku, 0.0) + score
    return total


def _weighed(world: World, content: dict[str, Any], scores: Scores) -> Scores:
    if not scores:
        return {}
    weighed = dict(scores)
    named = [one["items"] for one in content.get("boost", []) if "items" in one]
    for place, sku in enumerate(sku for items in named for sku in items):
        weighed.setdefault(sku, 0.05 * max(scores.values()) / (1 + place / 100))
    for key, sign in (("boost", 1), ("bury", -1)):
        for one in content.get(key, []):
            by = one.get("by", 2) if isinstance(one, dict) else 2
            for sku in weighed:
                weighed[sku] *= by**sign if _fits(world.items[sku], one) else 1
    return weighed


def _fits(item: Item, one: Any) -> bool:
    if isinstance(one, str):
        return item.category == one
    if "items" in one:
        return item.sku in one["items"]
    if "price" in one:
        return item.price_minor / 100 < one["price"]["$lt"]
    return item.category in one["category"]["$in"]
