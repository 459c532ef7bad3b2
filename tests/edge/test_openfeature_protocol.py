"""Slots and experiments as OpenFeature flags: OFREP 0.3.0 as the worker speaks it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from toy_shop import ADAPTERS, HATS, SHOES, World, views

FLAGS = "/ofrep/v1/evaluate/flags"
CONSENT = {"personalization": True}
pytestmark = pytest.mark.parametrize("world", ADAPTERS, indirect=True)


def ask(world: World, key: str = "", *, token: str = "a-token", **call: Any) -> httpx.Response:
    """POST an evaluation, as a server with the token unless told otherwise."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    headers |= call.pop("headers", {})
    content = call.pop("content", None)
    return world.worker.dispatch_fetch(
        f"http://shop.example{FLAGS}{'/' if key else ''}{key}",
        method=call.pop("method", "POST"),
        headers=headers,
        content=json.dumps({"context": call}) if content is None else content,
    )


def flag(world: World, key: str, **context: Any) -> dict[str, Any]:
    response = ask(world, key, **context)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_a_slot_is_a_flag_whose_value_says_its_content(world: World) -> None:
    said = flag(world, "home.hero", country="FR")
    assert said["key"] == "home.hero"
    assert said["value"] == {"content": "hero-fr", "html": "<b>nouveau</b>"}
    assert said["variant"] == "hero-fr"
    assert said["reason"] == "TARGETING_MATCH"
    assert said["metadata"]["reason"] == "rule:france"
    assert {"release", "decision"} <= set(said["metadata"])


def test_the_default_says_so(world: World) -> None:
    said = flag(world, "home.hero", country="DE")
    assert (said["variant"], said["reason"]) == ("hero", "DEFAULT")


def test_a_shelf_is_a_flag_whose_value_lists_items(world: World) -> None:
    said = flag(world, "home.recommended", consent=CONSENT, session=views("shoe-2", "shoe-3"))
    assert said["value"]["content"] == said["variant"] == "strip"
    assert set(said["value"]["items"]) <= set(SHOES)
    assert "html" not in said["value"]
    assert said["reason"] == "TARGETING_MATCH"
    assert said["metadata"]["reason"] == "session"


def test_where_the_pages_own_content_stands_the_code_keeps_its_default(world: World) -> None:
    said = flag(world, "empty.slot")
    assert "value" not in said
    assert (said["variant"], said["reason"]) == ("default", "DEFAULT")


def test_flags_decide_as_decide_does(world: World) -> None:
    for number in range(20):
        device = f"device-{number:015d}"
        body = {"session": views("hat-1"), "page": {"item": "shoe-1"}}
        slots = ["home.hero", "home.test", "home.recommended", "product.alike", "home.pinned"]
        decided = world.decide(*slots, device=device, **body)["decisions"]
        context = {"targetingKey": device, "consent": CONSENT, **body}
        said = {one["key"]: one for one in ask(world, **context).json()["flags"]}
        for slot in slots:
            assert said[slot]["value"]["content"] == decided[slot]["content"]
            assert said[slot]["value"].get("items", []) == decided[slot]["items"]
            assert said[slot]["metadata"]["reason"] == decided[slot]["reason"]


def test_an_experiment_is_a_flag_that_splits_as_its_slot_does(world: World) -> None:
    seen = set()
    for number in range(40):
        device = f"device-{number:015d}"
        slot = world.decide("home.test", device=device)["decisions"]["home.test"]
        said = flag(world, "t1", targetingKey=device, consent=CONSENT)
        assert said["value"] == said["variant"] == slot["content"]
        assert said["reason"] == "SPLIT"
        assert said["metadata"]["variation"] == slot["experiment"]["variation"]
        assert said["metadata"]["propensity"] == 0.5
        seen.add(said["value"])
    assert seen == {"hero", "hero-fr"}


def test_decision_ids_say_what_those_of_decide_say(world: World) -> None:
    device = "device-000000000000001"
    body = {"session": views("hat-1"), "page": {"item": "shoe-1"}}
    slots = ["home.hero", "home.test", "home.recommended", "empty.slot"]
    decided = world.decide(*slots, device=device, **body)["decisions"]
    context = {"targetingKey": device, "consent": CONSENT, **body}
    said = {one["key"]: one for one in ask(world, **context).json()["flags"]}

    def meaning(id: str) -> list[str]:
        return id.split(".")[1:]

    for slot in slots:
        assert meaning(said[slot]["metadata"]["decision"]) == meaning(decided[slot]["id"])
    assert meaning(said["t1"]["metadata"]["decision"]) == meaning(decided["home.test"]["id"])


def test_an_experiment_needs_a_targeting_key_once_there_is_consent(world: World) -> None:
    response = ask(world, "t1", consent=CONSENT)
    assert response.status_code == 400
    assert response.json()["errorCode"] == "TARGETING_KEY_MISSING"
    assert response.json()["key"] == "t1"
    entries = {one["key"]: one for one in ask(world, consent=CONSENT).json()["flags"]}
    assert entries["t1"] == {"key": "t1", "errorCode": "TARGETING_KEY_MISSING"}
    assert entries["home.hero"]["value"]


def test_without_consent_an_experiment_leaves_the_codes_default(world: World) -> None:
    said = flag(world, "t1", targetingKey="D" * 22)
    assert "value" not in said
    assert said["reason"] == "DEFAULT"


def test_a_bulk_answer_has_every_slot_and_experiment(world: World) -> None:
    answer = ask(world).json()
    slots = world.get("/_fs/health").json()["slots"]
    assert {one["key"] for one in answer["flags"]} == {*slots, "t1"}
    assert answer["metadata"]["release"]


def test_an_unchanged_bulk_answer_is_a_304(world: World) -> None:
    context = {"targetingKey": "D" * 22, "consent": CONSENT, "session": views("shoe-1")}
    first = ask(world, **context)
    again = ask(world, **context, headers={"if-none-match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize(
    "change",
    [{"country": "FR"}, {"session": views("hat-2")}, {"consent": {}}, {"page": {"item": "hat-1"}}],
)
def test_a_changed_bulk_answer_has_another_etag(world: World, change: dict[str, Any]) -> None:
    context = {"targetingKey": "D" * 22, "consent": CONSENT, "session": views("shoe-1")}
    first = ask(world, **context)
    other = ask(world, **{**context, **change}, headers={"if-none-match": first.headers["etag"]})
    assert other.status_code == 200
    assert other.headers["etag"] != first.headers["etag"]


def test_a_browser_is_believed_about_its_page_alone(world: World) -> None:
    response = ask(
        world, token="", country="FR", consent=CONSENT, targetingKey="D" * 22,
        session=views("shoe-1"), page={"item": "shoe-1"},
    )  # fmt: skip
    said = {one["key"]: one for one in response.json()["flags"]}
    assert said["home.hero"]["variant"] == "hero"
    assert said["home.recommended"]["value"]["items"] == HATS[:4]
    assert set(said["product.alike"]["value"]["items"]) <= set(SHOES)
    assert all("reason" not in one["metadata"] for one in said.values())


def test_a_consenting_browser_is_known_by_its_cookies(world: World) -> None:
    cookies = f"fs_c=1.personalization.1700000000; fs_id={'D' * 22}"
    said = ask(world, "t1", token="", headers={"cookie": cookies}).json()
    assert said["value"] == flag(world, "t1", targetingKey="D" * 22, consent=CONSENT)["value"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "PARSE_ERROR"),
        ("nonsense", "PARSE_ERROR"),
        ("[]", "PARSE_ERROR"),
        ("x" * 70_000, "PARSE_ERROR"),
        ('{"context": 3}', "INVALID_CONTEXT"),
        ('{"context": []}', "INVALID_CONTEXT"),
        ('{"context": null}', "INVALID_CONTEXT"),
        ('{"context": {"targetingKey": 3}}', "INVALID_CONTEXT"),
        ('{"context": {"visitor": "xyz"}}', "INVALID_CONTEXT"),
        ('{"context": {"session": {"events": "x"}}}', "INVALID_CONTEXT"),
        ('{"context": {"consent": true}}', "INVALID_CONTEXT"),
        ('{"context": {"page": 3}}', "INVALID_CONTEXT"),
    ],
)
def test_a_malformed_call_gets_the_protocols_400(world: World, content: str, code: str) -> None:
    for key in ("", "home.hero"):
        response = ask(world, key, content=content)
        body = response.json()
        assert (response.status_code, body["errorCode"]) == (400, code)
        assert body["errorDetails"]
        assert body.get("key", "") == key


@pytest.mark.parametrize("key", ["no.such", "__proto__", "constructor", "%ff", "a/b", "%00"])
def test_an_unknown_flag_is_not_found(world: World, key: str) -> None:
    response = ask(world, key)
    assert response.status_code == 404
    assert response.json()["errorCode"] == "FLAG_NOT_FOUND"
    assert isinstance(response.json()["key"], str)


def test_other_methods_paths_and_tokens_are_refused(world: World) -> None:
    wrong = ask(world, method="PUT")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert ask(world, token="another").status_code == 401
    nothing = world.worker.dispatch_fetch("http://shop.example/ofrep/v1/configuration")
    assert (nothing.status_code, nothing.json()["errorCode"]) == (404, "GENERAL")


def test_no_cache_keeps_what_flags_say(world: World) -> None:
    assert ask(world).headers["cache-control"] == "private, no-store"
    assert ask(world, "home.hero").headers["content-type"] == "application/json"
