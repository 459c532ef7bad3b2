"""The API's tokens: least privilege, an end, and so many calls in five minutes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cloud import NAMESPACE, Cloud, form, open_cloud, refused

from control_plane.emulator.tokens import Permission

KV = f"storage/kv/namespaces/{NAMESPACE}"


@pytest.fixture
def cloud(tmp_path) -> Iterator[Cloud]:
    with open_cloud(tmp_path) as cloud:
        yield cloud


def test_a_token_opens_what_it_was_made_for_and_no_more(cloud):
    kv = cloud.api.tokens.add([Permission("Workers KV Storage", "Edit")])
    reads = cloud.api.tokens.add([Permission("Workers KV Storage", "Read")])
    scripts = cloud.api.tokens.add([Permission("Workers Scripts", "Edit")])
    routes = cloud.api.tokens.add([Permission("Workers Routes", "Edit")])
    zone = cloud.result("POST", "zones", json={"name": "shop.example"})["id"]
    value, keys = f"{cloud.account}/{KV}/values/a", f"{cloud.account}/{KV}/keys"
    bulk = f"{cloud.account}/{KV}/bulk/get"
    calls = {
        "write": lambda token: cloud.call("PUT", value, token, content=b"x"),
        "list": lambda token: cloud.call("GET", keys, token),
        "bulk": lambda token: cloud.call("POST", bulk, token, json={"keys": ["a"]}),
        "upload": lambda token: cloud.call("PUT", f"{cloud.scripts}/shop", token, files=form("x")),
        "routes": lambda token: cloud.call("GET", f"zones/{zone}/workers/routes", token),
        "zones": lambda token: cloud.call("GET", "zones", token),
        "user": lambda token: cloud.call("GET", "user", token),
    }
    able = {
        kv: {"write", "list", "bulk"},
        reads: {"list", "bulk"},
        scripts: {"upload"},
        routes: {"routes", "zones"},
    }
    for token, allowed in able.items():
        for name, call in calls.items():
            answer = call(token)
            assert answer.is_success == (name in allowed), (name, answer.text)
            assert answer.is_success or refused(answer) == (403, 10000)


def test_an_expired_token_says_so_and_opens_nothing(cloud):
    token = cloud.api.tokens.add(expires_at=cloud.clock() + 60)
    verify = f"{cloud.url}/user/tokens/verify"
    assert cloud.call("GET", verify, token).json()["result"]["status"] == "active"
    assert cloud.call("GET", cloud.scripts, token).is_success
    cloud.clock.advance(61)
    assert cloud.call("GET", verify, token).json()["result"]["status"] == "expired"
    assert refused(cloud.call("GET", cloud.scripts, token)) == (403, 10000)
    assert refused(cloud.call("GET", verify, "unknown")) == (401, 1000)


def test_too_many_calls_are_refused_until_the_window_ends(cloud):
    cloud.api.tokens.calls = 3
    for left in (2, 1, 0):
        answer = cloud.call("GET", cloud.scripts)
        assert answer.headers["ratelimit"].startswith(f'"default";r={left};')
        assert answer.headers["ratelimit-policy"] == '"default";q=3;w=300'
    cloud.clock.advance(100)
    answer = cloud.call("GET", cloud.scripts)
    assert refused(answer) == (429, 971)
    assert answer.headers["retry-after"] == "200"
    other = cloud.api.tokens.add()
    assert cloud.call("GET", cloud.scripts, other).is_success
    cloud.clock.advance(200)
    assert cloud.call("GET", cloud.scripts).is_success
