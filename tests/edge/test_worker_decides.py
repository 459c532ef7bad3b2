"""What the worker decides in the toy shop."""

from __future__ import annotations

import json

import pytest
from toy_shop import ADAPTERS, HATS, SHOES, SOLD_OUT, World, views

from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key

pytestmark = pytest.mark.parametrize("world", ADAPTERS, indirect=True)


def key_of(world: World, user: str) -> str:
    secrets = load_visitor_secrets(world.project.keys)
    return format_visitor_key(visitor_key(secrets.secrets[secrets.current], "u", user))


def test_a_newcomer_sees_what_is_popular(world: World) -> None:
    decision = world.decide("home.recommended")["decisions"]["home.recommended"]
    assert decision["items"] == HATS[:4]
    assert decision["reason"] == "popular"
    assert decision["content"] == "strip"


def test_a_session_among_shoes_shows_shoes(world: World) -> None:
    decision = world.decide("home.recommended", session=views("shoe-2", "shoe-3"))
    shown = decision["decisions"]["home.recommended"]
    assert shown["reason"] == "session"
    assert set(shown["items"]) <= set(SHOES)


def test_what_was_seen_is_left_out_where_asked(world: World) -> None:
    session = views("shoe-2", "shoe-3")
    shown = world.decide("home.discover", session=session)["decisions"]["home.discover"]
    assert not {"shoe-2", "shoe-3"} & set(shown["items"])


def test_nothing_sold_out_is_shown(world: World) -> None:
    session = views(SOLD_OUT, "shoe-4")
    shown = world.decide({"name": "home.recommended", "limit": 12}, session=session)
    assert SOLD_OUT not in shown["decisions"]["home.recommended"]["items"]


def test_what_is_in_the_cart_is_not_recommended(world: World) -> None:
    session = {"events": [{"event": "cart", "item": "shoe-2"}, {"event": "view", "item": "shoe-3"}]}
    shown = world.decide("home.recommended", session=session)["decisions"]["home.recommended"]
    assert "shoe-2" not in shown["items"]
    assert "shoe-3" in shown["items"]


def test_without_consent_the_session_is_not_read(world: World) -> None:
    shown = world.decide("home.recommended", session=views("shoe-2"), consent={})
    assert shown["decisions"]["home.recommended"]["reason"] == "popular"
    assert shown["segments"] == []


def test_a_known_visitor_sees_their_row_and_not_what_they_bought(world: World) -> None:
    answer = world.decide("home.recommended", "home.hero", visitor=key_of(world, "anna"))
    shown = answer["decisions"]["home.recommended"]
    assert answer["segments"] == ["shoe-fans"]
    assert shown["items"][:2] == ["shoe-4", "shoe-3"]
    assert shown["reason"] == "visitor"
    assert "shoe-0" not in shown["items"]
    assert answer["decisions"]["home.hero"]["reason"] == "rule:fan"


def test_an_unknown_visitor_key_meets_nobody(world: World) -> None:
    answer = world.decide("home.recommended", visitor="00000000deadbeef")
    assert answer["decisions"]["home.recommended"]["reason"] == "popular"


def test_a_device_finds_its_own_row(world: World) -> None:
    shown = world.decide("home.recommended", device="D" * 22)["decisions"]["home.recommended"]
    assert shown["items"][:2] == ["hat-1", "hat-2"]


def test_the_pages_own_item_and_its_group_are_never_on_its_shelf(world: World) -> None:
    shown = world.decide("product.alike", page={"item": "shoe-1"})["decisions"]["product.alike"]
    assert shown["reason"] == "item"
    assert not {"shoe-1", "shoe-0"} & set(shown["items"])
    assert set(shown["items"]) <= set(SHOES)


def test_pinned_items_come_first(world: World) -> None:
    assert world.decide("home.pinned")["decisions"]["home.pinned"]["items"][0] == "hat-5"


def test_the_first_rule_that_matches_wins(world: World) -> None:
    french = world.decide("home.hero", attributes={"country": "FR"})["decisions"]["home.hero"]
    assert (french["content"], french["reason"]) == ("hero-fr", "rule:france")
    other = world.decide("home.hero", attributes={"country": "DE"})["decisions"]["home.hero"]
    assert (other["content"], other["reason"]) == ("hero", "default")


def test_a_rule_that_has_ended_is_passed_over(world: World) -> None:
    shown = world.decide("home.hero", attributes={"device": "tablet"})["decisions"]["home.hero"]
    assert shown["reason"] == "default"


def test_an_experiment_assigns_a_device_and_stays(world: World) -> None:
    seen = {}
    for number in range(40):
        device = f"device-{number:015d}"
        first, second = (
            world.decide("home.test", device=device)["decisions"]["home.test"] for _ in range(2)
        )
        assert first["experiment"] == second["experiment"]
        assert first["experiment"]["propensity"] == 0.5
        assert first["reason"] == "experiment:t1"
        seen[first["experiment"]["variation"]] = first["content"]
    assert seen == {0: "hero", 1: "hero-fr"}


def test_an_empty_shelf_leaves_the_pages_own_content(world: World) -> None:
    shown = world.decide("empty.slot")["decisions"]["empty.slot"]
    assert (shown["content"], shown["items"], shown["reason"]) == (None, [], "empty")


def test_unknown_items_are_ignored(world: World) -> None:
    session = views("nowhere", "shoe-2", "also nowhere")
    shown = world.decide("home.recommended", session=session)["decisions"]["home.recommended"]
    assert shown["reason"] == "session"


def test_a_browser_may_not_say_who_somebody_is(world: World) -> None:
    answer = world.decide(
        "home.recommended",
        trusted=False,
        visitor=key_of(world, "anna"),
        consent={"personalization": True},
        session=views("shoe-1"),
        attributes={"country": "FR"},
    )
    shown = answer["decisions"]["home.recommended"]
    assert shown["items"] == HATS[:4]
    assert "segments" not in answer
    assert "reason" not in shown


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"slots": []}',
        '{"slots": [1]}',
        '{"slots": ["no.such"]}',
        '{"slots": ["__proto__"]}',
        '{"slots": [{"name": "home.hero", "limit": 0}]}',
        '{"slots": ["home.hero"], "page": 3}',
        '{"slots": ["home.hero"], "visitor": "xyz"}',
        '{"slots": ["home.hero"], "session": {"events": "x"}}',
        '{"slots": ["home.hero"], "session": {"events": [{"event": "fly", "item": "x"}]}}',
        '{"slots": ["home.hero"], "attributes": []}',
        '{"slots": ["home.hero"], "consent": true}',
    ],
)
def test_a_malformed_body_gets_a_400_that_says_why(world: World, body: str) -> None:
    response = world.worker.dispatch_fetch(
        "http://shop.example/_fs/decide",
        method="POST",
        headers={"authorization": "Bearer a-token"},
        content=body,
    )
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_a_huge_body_is_refused(world: World) -> None:
    response = world.worker.dispatch_fetch(
        "http://shop.example/_fs/decide", method="POST", content=b"x" * 70_000
    )
    assert response.status_code == 413


def test_a_fragment_is_markup_that_no_cache_keeps(world: World) -> None:
    response = world.get("/_fs/slot/product.alike?item=shoe-2")
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "private, no-store"
    assert "&lt;shoe-1&gt;" in response.text
    assert "€12.90" in response.text
    assert response.headers["frontshelf-decision"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/_fs/slot/no.such", 404),
        ("/_fs/slot/%00", 400),
        ("/_fs/slot/home.hero/x", 400),
        ("/_fs/nothing", 404),
        ("/_fs/decide", 405),
    ],
)
def test_a_wrong_call_says_what_is_wrong(world: World, path: str, status: int) -> None:
    response = world.get(path)
    assert response.status_code == status
    assert response.json()["error"]["code"]


def test_health_says_what_is_live_and_counts_decisions(world: World) -> None:
    world.decide("home.hero")
    health = world.get("/_fs/health").json()
    assert health["status"] == "ok"
    assert health["release"]
    assert health["decisions"]["default"] > 0
    assert json.dumps(health).count("a-token") == 0


def test_privacy_control_is_declared(world: World) -> None:
    assert world.get("/.well-known/gpc.json").json()["gpc"] is True


def test_a_slot_that_is_asked_for_twice_is_told_once(world: World) -> None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)

    body = {"slots": ["home.hero", "home.recommended", "home.hero"], "explain": True}
    for sent in (body, {"slots": body["slots"]}):
        response = world.worker.dispatch_fetch(
            "http://shop.example/_fs/decide",
            method="POST",
            headers={"authorization": "Bearer a-token"},
            content=json.dumps(sent),
        )
        told = json.loads(response.text, object_pairs_hook=once)
        assert list(told["decisions"]) == ["home.hero", "home.recommended"]
        assert ("explain" in told) == ("explain" in sent)
