"""The worker's shelves are those that a slow and obvious model makes, in worlds at random."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

import duckdb
import msgspec
import numpy as np
import pytest
import reference_shelf as reference
from toy_shop import World as Edge
from toy_shop import make_project, rows, sets, start_worker

from control_plane.collect.markets import NOTHING_ELSEWHERE
from control_plane.collect.stock import StockLine
from control_plane.compiler.build import compile_release
from control_plane.compiler.numbering import number_items
from control_plane.compiler.refresh import refresh
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.overlays.stock import change_stock
from control_plane.deploy.publish import publish
from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key
from control_plane.models.artifacts import IntArray, Model, Segment, Visitors


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    project = make_project(tmp_path_factory.mktemp("worlds"))
    with start_worker(project) as worker:
        yield Edge(project, worker)


def key_of(edge: Edge, user: str) -> int:
    secrets = load_visitor_secrets(edge.project.keys)
    return visitor_key(secrets.secrets[secrets.current], "u", user)


def deploy(edge: Edge, world: reference.World) -> list[str]:
    """Make the world's release live; return its items in the order of their numbers."""
    slots = {f"slot.{name}": {"default": name} for name in world.contents}
    content = {name: {"items": entry} for name, entry in world.contents.items()}
    rules = json.dumps({"content": content, "slots": slots})  # JSON is YAML
    edge.project.rules.write_text(rules)
    learned = model(edge, world)
    with catalogue(world) as log:
        compile_release(edge.project, learned, log)
        _, cards, _ = number_items(refresh(learned, log), log, "EUR")
    publish(edge.target, edge.project.build / "current", edge.project)
    said = {sku: StockLine(there, None) for sku, there in world.stock.items()}
    change_overlays(
        edge.target,
        edge.project,
        lambda target, head: change_stock(target, edge.project, head, said, {}, replace=True),
        sleep=lambda seconds: None,
    )
    return cards.sku


def catalogue(world: reference.World) -> duckdb.DuckDBPyConnection:
    log = duckdb.connect()
    log.execute(
        "CREATE TABLE items (item_id VARCHAR, title VARCHAR, url VARCHAR, image VARCHAR, "
        "category VARCHAR, currency VARCHAR, price_minor BIGINT, group_id VARCHAR, "
        "available BOOLEAN, tags VARCHAR[], market VARCHAR, brand VARCHAR, added_at BIGINT)"
    )
    log.execute(NOTHING_ELSEWHERE)
    for item in world.items.values():
        values = [item.sku, item.category, item.price_minor, item.group, item.available]
        log.execute(
            "INSERT INTO items (item_id, category, price_minor, group_id, available) "
            "VALUES (?, ?, ?, ?, ?)",
            values,
        )
    return log


def model(edge: Edge, world: reference.World) -> Model:
    number = {sku: place for place, sku in enumerate(world.items)}
    people = sorted(world.people, key=lambda person: key_of(edge, person.user))

    def scored(scores: reference.Scores) -> list[tuple[int, float]]:
        return [(number[sku], scores[sku]) for sku in sorted(scores, key=lambda sku: -scores[sku])]

    def listed(lists: dict[str, list[str]]) -> dict[str, IntArray]:
        return {
            name: np.array([number[sku] for sku in skus], dtype=np.int32)
            for name, skus in lists.items()
        }

    return Model(
        model_time="2026-10-31T00:00:00+00:00",
        item_ids=list(world.items),
        item_events=np.ones(len(number), dtype=np.int64),
        neighbours=rows([scored(world.neighbours[sku]) for sku in world.items]),
        reminder_scale=1.0,
        popular=listed(world.popular),
        latest=listed(world.latest),
        related={
            kind: rows([scored(of[sku]) for sku in world.items])
            for kind, of in world.related.items()
        },
        segments=[Segment(key=f"s{n}", name=f"S{n}", size=1, traits={}) for n in range(2)],
        visitors=Visitors(
            np.array([key_of(edge, person.user) for person in people], dtype=np.uint64),
            np.array([person.segment for person in people], dtype=np.int16),
            rows([scored(person.row) for person in people]),
            sets([[number[sku] for sku in person.bought] for person in people]),
            sets([[number[sku] for sku in person.seen] for person in people]),
            rows([scored(person.rebuy) for person in people]),
            sets([[number[sku] for sku in person.hidden] for person in people]),
            np.ones(len(people), dtype=np.float32),
        ),
        key_id=load_visitor_secrets(edge.project.keys).current,
        report={},
    )


def shown(edge: Edge, world: reference.World, visit: reference.Visit) -> dict[str, list[str]]:
    person = visit.person
    key = format_visitor_key(key_of(edge, person.user)) if person else "0" * 16
    answer = edge.decide(
        *(f"slot.{name}" for name in world.contents),
        visitor=key,
        page={"item": visit.page},
        session={"events": [{"event": kind, "item": item} for kind, item in visit.events]},
        attributes={"country": visit.country},
        consent={"personalization": visit.consent},
    )
    decisions = answer["decisions"]
    return {name: decisions[f"slot.{name}"]["items"] for name in world.contents}


@pytest.mark.parametrize("seed", range(8))
def test_every_shelf_is_what_the_slow_model_says(edge: Edge, seed: int) -> None:
    random = Random(seed)
    world = reference.draw_world(random)
    numbering = deploy(edge, world)
    world = reference.stocked(world)
    for _ in range(15):
        visit = reference.draw_visit(random, world)
        for name, items in shown(edge, world, visit).items():
            content = world.contents[name]
            expected = reference.shelf(world, content, visit, numbering)
            assert items == expected, f"{content}\n{visit}"


def test_a_decision_names_what_is_bought_again_and_nobody_without_consent_sees_it(
    edge: Edge,
) -> None:
    world = reference.draw_world(Random(2))
    content = {"from": ["repurchase", "popular"], "limit": 3, "exclude": {}}
    person = msgspec.structs.replace(world.people[0], bought=["i01", "i02"], rebuy={"i02": 1.0})
    items = {sku: msgspec.structs.replace(one, available=True) for sku, one in world.items.items()}
    world = msgspec.structs.replace(world, people=[person], items=items, contents={"c0": content})
    deploy(edge, world)
    answers = [
        edge.decide(
            "slot.c0",
            visitor=format_visitor_key(key_of(edge, person.user)),
            consent={"personalization": consent},
        )["decisions"]["slot.c0"]
        for consent in (True, False)
    ]
    assert answers[0]["items"][0] == "i02"
    assert "i01" not in answers[0]["items"]
    assert [answer["reason"] for answer in answers] == ["repurchase", "popular"]
