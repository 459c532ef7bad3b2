"""Explanations: each rule tried, each item's scores, and always the choice that was made."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from toy_shop import ADAPTERS, ITEMS, SOLD_OUT, World, make_project, views

from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key

RULES = """
timezone: Europe/Paris
content:
  a: {html: a}
  b: {html: b}
  strip: {items: {from: [{session: 1, visitor: .4}, segment, popular], limit: 4}}
  fresh:
    items:
      from: [item, session, popular_here, popular]
      limit: 5
      pin: [hat-5]
      exclude: {seen: true}
      diversity: {category: 3}
  pushed:
    items:
      from: [{session: 1, popular: .5}, popular]
      limit: 4
      boost: [{category: shoes, by: 2}]
      bury: [{items: [hat-0, hat-1]}]
  mine: {items: {from: [visitor, recently_viewed], limit: 3}}
slots:
  one:
    default: a
    control: b
    rules:
      - {id: fans, when: {segments: {$in: [shoe-fans]}}, show: strip}
      - {id: french, when: {country: FR, device: {$ne: mobile}}, show: b}
      - id: deep
        when:
          $or: [{session.views: {$gte: 3}}, {$and: [{page.category: hats}, {$not: {country: DE}}]}]
        show: fresh
      - {id: gone, ends: 2020-01-01T00:00, show: b}
      - {id: later, starts: 2190-01-01T00:00, show: b}
      - {id: since, starts: 2020-01-01T00:00, when: {traits.vip: true}, show: mine}
  two:
    default: strip
    rules:
      - id: half
        experiment: {key: e1, variations: [a, fresh], coverage: 0.5, namespace: [home, 0, 0.6]}
      - id: rest
        experiment: {key: e2, variations: [b, mine], weights: [0.3, 0.7], namespace: [home, 0.6, 1]}
  three: {default: fresh}
  four: {default: mine}
  six: {default: pushed}
  five: {rules: [{id: cart, when: {cart.items: {$size: 2}}, show: b}]}
holdout: {key: everyone, share: 0.1}
"""
SLOTS = ["one", "two", "three", "four", "five", "six"]


@pytest.fixture(scope="module", params=ADAPTERS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    project = make_project(tmp_path_factory.mktemp("explained"), RULES)
    with ADAPTERS[request.param](project) as worker:
        world = World(project, worker)
        world.publish()
        yield world


def anna(world: World) -> str:
    secrets = load_visitor_secrets(world.project.keys)
    return format_visitor_key(visitor_key(secrets.secrets[secrets.current], "u", "anna"))


def explain(world: World, slot: str, **body: Any) -> dict[str, Any]:
    body.setdefault("device", "d1")
    decision = world.decide(slot, explain=True, **body)["decisions"][slot]
    return {"decision": decision, **decision["explain"]}


def rule(explained: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in explained["rules"] if one["id"] == name)


def whole_score(one: dict[str, Any]) -> float:
    """Return what an item's sources and its factor say that its score is."""
    return float(sum(one["sources"].values()) * one["factor"])


def random_body(draw: random.Random, world: World) -> dict[str, Any]:
    kinds = ["view", "view", "view", "cart", "order"]
    events = [
        {"event": draw.choice(kinds), "item": draw.choice([*ITEMS, "unknown"])}
        for _ in range(draw.randrange(6))
    ]
    body: dict[str, Any] = {
        "device": f"device-{draw.randrange(1000)}",
        "consent": {"personalization": draw.random() < 0.8},
        "session": {"events": events},
        "page": draw.choice([{}, {"item": draw.choice(ITEMS)}, {"category": "hats"}]),
        "attributes": {
            "country": draw.choice(["FR", "DE", None]),
            "device": draw.choice(["mobile", "desktop"]),
            "traits": {"vip": draw.choice([True, False, "yes"])},
        },
    }
    if draw.random() < 0.4:
        body["visitor"] = anna(world)
    if draw.random() < 0.2:
        body["attributes"]["segments"] = draw.choice([["shoe-fans"], [], ["others"]])
    return body


def test_an_explanation_always_says_what_was_decided(world: World) -> None:
    draw = random.Random(8)
    seen = set()
    for _ in range(100):
        asked = [{"name": slot, "limit": draw.choice([None, 1, 3, 12])} for slot in SLOTS]
        slots = [slot if slot["limit"] else slot["name"] for slot in asked]
        body = random_body(draw, world)
        told = world.decide(*slots, explain=True, **body)["decisions"]
        plain = world.decide(*slots, **body)["decisions"]
        for slot, decision in told.items():
            explained = decision.pop("explain")
            assert {**decision, "id": ""} == {**plain[slot], "id": ""}
            matched = [one["id"] for one in explained["rules"] if one["outcome"] == "matched"]
            because = explained["because"]
            assert matched == ([because.removeprefix("rule:")] if "rule:" in because else [])
            assert (because == "holdout") == (decision["reason"] == "holdout")
            if explained["shelf"]:
                items = [one["item"] for one in explained["shelf"]["items"]]
                assert items == decision["items"]
            if decision["reason"] != "empty":
                assert explained["content"] == decision["content"]
            else:
                assert explained["shelf"]["items"] == []
                for one in explained["shelf"]["items"]:
                    if one["stage"]:
                        assert one["score"] == pytest.approx(whole_score(one))
            seen.add(because)
    assert seen >= {"default", "holdout", "rule:fans", "rule:french", "rule:deep", "rule:since"}
    assert seen >= {"rule:half", "rule:rest", "rule:cart"}


def test_each_rule_tells_what_it_asked_and_what_there_was(world: World) -> None:
    explained = explain(world, "one", attributes={"country": "DE", "device": "mobile"})
    french = rule(explained, "french")
    assert french["outcome"] == "passed_over"
    assert french["tests"] == [
        {"test": "country", "expected": "FR", "actual": "DE", "met": False},
        {"test": "device", "expected": {"$ne": "mobile"}, "actual": "mobile", "met": False},
    ]
    assert rule(explained, "gone")["tests"][0]["test"] == "ends"
    later = rule(explained, "later")["tests"][0]
    assert (later["test"], later["expected"]) == ("starts", "2189-12-31T23:00:00.000Z")
    assert (later["actual"][:2], later["met"]) == ("20", False)
    assert explained["because"] == "default"


def test_conditions_are_told_down_to_the_part_that_failed(world: World) -> None:
    explained = explain(world, "one", page={"category": "hats"}, attributes={"country": "DE"})
    either = rule(explained, "deep")["tests"][0]
    assert (either["test"], either["met"]) == ("$or", False)
    (views_test,), (both,) = either["actual"]
    assert (views_test["test"], views_test["actual"], views_test["met"]) == (
        "session.views",
        0,
        False,
    )
    (category,), (not_german,) = both["actual"]
    assert (category["actual"], category["met"]) == ("hats", True)
    assert (not_german["test"], not_german["met"]) == ("$not", False)


def test_after_the_rule_that_matched_none_is_tried(world: World) -> None:
    explained = explain(world, "one", attributes={"country": "FR", "device": "desktop"})
    outcomes = {one["id"]: one["outcome"] for one in explained["rules"]}
    assert outcomes["fans"] == "passed_over"
    assert outcomes["french"] == "matched"
    assert outcomes["deep"] == outcomes["since"] == "not_reached"


def test_an_experiment_tells_namespace_place_and_ranges(world: World) -> None:
    for number in range(20):
        explained = explain(world, "two", device=f"device-{number}")
        if explained["because"] == "holdout":
            assert explained["holdout"]["place"] < 0.1
            continue
        tests = {one["test"]: one for one in rule(explained, "half")["tests"]}
        inside = tests["namespace home"]
        assert inside["expected"] == [0, 0.6]
        assert inside["met"] == (0 <= inside["actual"] < 0.6)
        place = tests["experiment e1"]["actual"]["place"]
        ranges = tests["experiment e1"]["expected"]
        variation = next((i for i, (a, b) in enumerate(ranges) if a <= place < b), None)
        assert tests["experiment e1"]["actual"]["variation"] == variation


def test_without_consent_an_experiment_says_that_it_lacks_it(world: World) -> None:
    explained = explain(world, "two", consent={})
    assert rule(explained, "half")["tests"] == [
        {
            "test": "device",
            "expected": "a device, with consent",
            "actual": False,
            "met": False,
        }
    ]


def test_a_shelf_tells_scores_by_source(world: World) -> None:
    explained = explain(world, "four", visitor=anna(world))
    items = explained["shelf"]["items"]
    assert items[0]["sources"] == {"visitor": items[0]["score"]}
    blended = explain(
        world, "one", visitor=anna(world), session=views("shoe-1", "shoe-2")
    )  # anna is a fan of shoes
    shown = blended["shelf"]["items"][0]
    assert shown["stage"] == 1
    assert shown["score"] == pytest.approx(sum(shown["sources"].values()))
    assert set(shown["sources"]) <= {"session", "visitor"}


def test_a_shelf_tells_what_kept_the_best_candidates_off(world: World) -> None:
    body = {"session": views("shoe-4", SOLD_OUT), "visitor": anna(world)}
    told = explain(world, "one", **body)["shelf"]["excluded"]
    why = {one["item"]: one["why"] for one in told}
    assert why[SOLD_OUT] == "unavailable"
    assert why["shoe-0"] == "bought"
    seen = explain(world, "three", session=views("hat-1", "hat-2"), page={"item": "hat-3"})
    why = {one["item"]: one["why"] for one in seen["shelf"]["excluded"]}
    assert (why["hat-1"], why["hat-3"]) == ("seen", "page_item")
    many = explain(world, "three", page={"item": "hat-3"})
    assert "category" in {one["why"] for one in many["shelf"]["excluded"]}


def test_versions_and_waiting_are_told(world: World) -> None:
    told = world.decide("one", explain=True)["explain"]
    health = world.get("/_fs/health").json()
    assert told["release"] == health["release"]
    assert told["head"]["counter"] == health["head"]["counter"]
    assert told["manifest"].startswith("m-")
    assert told["timing"]["waited_ms"] >= 0
    assert told["consent"]["personalization"] is True


def test_only_trusted_callers_are_told(world: World) -> None:
    answer = world.decide("one", trusted=False, explain=True)
    assert "explain" not in answer
    assert "explain" not in answer["decisions"]["one"]


def test_a_trusted_caller_may_name_the_time(world: World) -> None:
    moment = 1_500_000_000_000  # 2017, before any rule of the shop began
    told = explain(world, "one", at=moment, attributes={"traits": {"vip": True}})
    assert rule(told, "gone")["outcome"] == "matched"
    body = {"slots": ["one"], "at": "soon"}
    response = world.worker.dispatch_fetch(
        "http://shop.example/_fs/decide",
        method="POST",
        headers={"authorization": "Bearer a-token"},
        content=json.dumps(body),
    )
    assert response.status_code == 400


def test_named_segments_move_shelves_too(world: World) -> None:
    shown = world.decide("one", attributes={"segments": ["shoe-fans"]})["decisions"]["one"]
    assert shown["items"] == ["shoe-4", "shoe-3", "shoe-2", "shoe-1"]
    assert shown["reason"] == "rule:fans"
