"""What a browser claims of itself, of others or of the shop counts for nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from hostile import ELSEWHERE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_client import Reply, Request, send_all
from starlette.requests import Request as AppRequest
from starlette.responses import Response
from toy_shop import RULES, World, make_project, start_worker

from control_plane.emulator.usage import cpu_ms
from control_plane.keyring import load_visitor_secrets, visitor_key

SEEN: list[tuple[str, str]] = []
#: What a careless origin, or a cache in front of it, says of the user on /says.
SAYS: list[tuple[bytes, bytes]] = []


async def origin(scope, receive, send) -> None:
    request = AppRequest(scope, receive)
    SEEN.append((request.headers["host"], scope["raw_path"].decode("latin-1")))
    response = Response("<html>page</html>", media_type="text/html")
    if request.url.path == "/says":
        response.raw_headers += SAYS
    await response(scope, receive, send)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    rules = RULES.replace(
        "      - {id: france,",
        "      - {id: paying, when: {traits.paying: true}, show: hero-fan}\n"
        "      - {id: many, when: {session.views: {$gt: 3}}, show: hero-fan}\n"
        "      - {id: france,",
    )
    project = make_project(tmp_path_factory.mktemp("toy"), rules)
    with start_worker(project, shop=origin, MIN_COUNTER="0") as worker:
        world = World(project, worker)
        world.publish()
        yield world


def granted() -> dict[str, str]:
    return {"fs_c": f"1.personalization+analytics.{int(time.time())}", "fs_id": "E" * 22}


def post(world: World, body: object, cookies: dict[str, str] | None = None, **headers: str):
    cookie = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
    return world.worker.dispatch_fetch(
        "http://shop.example/_fs/decide",
        method="POST",
        headers={"cookie": cookie, **headers},
        content=body if isinstance(body, bytes) else json.dumps(body),
    )


SLOTS = ["home.hero", "home.recommended", "home.test"]


def decided(world: World, body: object, cookies: dict[str, str] | None = None) -> object:
    """Return decisions without their ids."""
    response = post(world, body, cookies)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer.keys() == {"release", "decisions"}
    for decision in answer["decisions"].values():
        assert decision.keys() == {"content", "items", "experiment", "id"}
        del decision["id"]
    return answer


def test_a_browser_that_claims_to_be_somebody_is_nobody(world: World) -> None:
    secrets = load_visitor_secrets(world.project.keys)
    anna = visitor_key(secrets.secrets[secrets.current], "u", "anna")
    claims = {
        "visitor": f"{anna:016x}",
        "device": "D" * 22,
        "session": {"events": [{"event": "view", "item": f"shoe-{n}"} for n in range(5)]},
        "attributes": {
            "segments": ["shoe-fans"],
            "country": "FR",
            "traits": {"paying": True},
            "session": {"views": 9},
            "__proto__": {"segments": ["shoe-fans"]},
        },
        "consent": {"personalization": True, "analytics": True},
        "segments": ["shoe-fans"],
        "explain": True,
        "user": "anna",
    }
    for cookies in ({}, granted()):
        plain = decided(world, {"slots": SLOTS}, cookies)
        for name, claim in claims.items():
            assert decided(world, {"slots": SLOTS, name: claim}, cookies) == plain, name
        assert decided(world, {"slots": SLOTS, **claims}, cookies) == plain
    # A caller with the token is believed, so the claims were no nonsense.
    trusted = world.decide(*SLOTS, **{k: claims[k] for k in ("visitor", "session", "attributes")})
    assert trusted["decisions"]["home.hero"]["content"] == "hero-fan"
    assert trusted["segments"] == ["shoe-fans"]


def test_a_token_that_is_not_quite_ours_opens_nothing(world: World) -> None:
    for token in ("a-toke", "a-tokenn", "A-TOKEN", "a-token, a-token", "undefined", "null"):
        answer = post(world, {"slots": SLOTS}, authorization=f"Bearer {token}").json()
        assert "segments" not in answer


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["__proto__", "constructor", "item", "events", "event", "name", "$or"])
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = ["page", "session", "attributes", "consent", "device", "visitor", "explain"]


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(body=st.dictionaries(st.sampled_from(FIELDS), json_values), trusted=st.booleans())
def test_a_body_of_any_shape_is_answered_or_refused(world: World, body, trusted: bool) -> None:
    headers = {"authorization": "Bearer a-token"} if trusted else {}
    response = post(world, {"slots": SLOTS, **body}, **headers)
    assert response.status_code in (200, 400), response.text
    if response.status_code == 400:
        assert response.json()["error"].keys() == {"code", "message"}
    else:
        assert response.json()["decisions"].keys() == set(SLOTS)


def test_nothing_a_caller_sends_stays_behind_in_the_worker(world: World) -> None:
    poison = b'{"slots":["home.hero"],"attributes":{"__proto__":{"country":"FR","segments":["x"]}}}'
    constructor = poison.replace(b'"__proto__":{', b'"constructor":{"prototype":{', 1) + b"}"
    for body in (poison, constructor[:-1].replace(b"}}}", b"}}}}")):
        post(world, body, authorization="Bearer a-token")
    plain = world.decide("home.hero")
    assert plain["decisions"]["home.hero"]["content"] == "hero"
    assert plain["segments"] == []


POISONED = {
    "kept by a cache": [(b"frontshelf-user", b"anna"), (b"cache-control", b"public, max-age=9")],
    "aged": [
        (b"frontshelf-user", b"anna"),
        (b"cache-control", b"private"),
        (b"age", b"1"),
    ],
    "a hit": [
        (b"frontshelf-user", b"anna"),
        (b"cache-control", b"no-store"),
        (b"cf-cache-status", b"HIT"),
    ],
    "without a word on caching": [(b"frontshelf-user", b"anna")],
    "private in part": [
        (b"frontshelf-user", b"anna"),
        (b"cache-control", b'max-age=9, private="set-cookie"'),
    ],
    "private in name only": [
        (b"frontshelf-user", b"anna"),
        (b"cache-control", b"x-private, not-no-store, private-ish"),
    ],
    "too long": [(b"frontshelf-user", b"a" * 300), (b"cache-control", b"private")],
}


@pytest.mark.parametrize("how", POISONED)
def test_a_user_that_may_be_somebody_elses_is_not_believed(world: World, how: str) -> None:
    SAYS[:] = POISONED[how]
    response = world.get("/says", granted())
    assert "frontshelf-user" not in response.headers
    assert not [c for c in response.headers.get_list("set-cookie") if c.startswith("fs_u=")]


def test_a_vouched_user_of_any_bytes_is_one_cookie_and_no_more(world: World) -> None:
    for raw in (b"an;na=1, b=2; Path=/evil", b'"<fsx>"', b"caf\xe9", b"__proto__", b"\x01\x7f"):
        SAYS[:] = [(b"frontshelf-user", raw), (b"cache-control", b"private, no-store")]
        response = world.get("/says", granted())
        assert "frontshelf-user" not in response.headers
        [cookie] = [c for c in response.headers.get_list("set-cookie") if c.startswith("fs_u=")]
        value = cookie.removeprefix("fs_u=").split(";")[0]
        assert set(value) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
        )
        assert "/evil" not in cookie


def test_a_user_who_took_consent_back_is_known_no_more(world: World) -> None:
    SAYS[:] = [(b"frontshelf-user", b"anna"), (b"cache-control", b"private")]
    said = world.get("/says", granted()).headers.get_list("set-cookie")
    user = next(c for c in said if c.startswith("fs_u="))[5:].split(";")[0]
    assert decided(world, {"slots": ["home.hero"]}, {**granted(), "fs_u": user}) != decided(
        world, {"slots": ["home.hero"]}, granted()
    )
    refused = {"fs_c": "1.none.1", "fs_id": "E" * 22, "fs_u": user}
    response = post(world, {"slots": ["home.hero"]}, refused)
    assert response.json()["decisions"]["home.hero"]["content"] == "hero"
    assert any(c.startswith("fs_u=;") for c in response.headers.get_list("set-cookie"))


def test_no_path_leads_to_another_origin(world: World) -> None:
    """The worker's fetches all end in one app here, which is told whom they were meant for."""
    SEEN.clear()
    targets = [path for path in ELSEWHERE if not path.startswith("http")]
    requests = [Request(b"GET", path.encode(), ((b"Accept", b"text/html"),)) for path in targets]

    def check(request: Request, reply: Reply) -> None:
        assert reply.status in (200, 400, 404, 405), (request, reply)

    send_all(world.worker.ready, requests, check, connections=1)
    assert len(SEEN) > len(targets) / 2
    assert {host for host, _ in SEEN} == {"shop.example"}


def test_what_is_no_address_is_refused_and_no_fault_of_ours(world: World) -> None:
    hosts = [b"a:99999", b"[::1", b"a b", b"%41", b"x@evil.example", b"", b"a?b", b"a#b", b"\xff"]
    paths = [b"/", b"/ofrep/v1/evaluate/flags", b"/_fs/slot/home.hero?item=1", b"*", b"//x"]
    accept = (b"Accept", b"text/html")
    requests = [
        Request(b"GET", path, ((b"Host", host), accept)) for host in hosts for path in paths
    ]

    def check(request: Request, reply: Reply) -> None:
        assert 0 < reply.status < 500, (request, reply)

    send_all(world.worker.ready, requests, check, connections=4)


def test_long_names_of_browsers_cost_no_more_than_short_ones(world: World) -> None:
    """A pattern that went back and forth over this one took half a second."""
    agent = "android " * 7000 + "mobile"
    before = cpu_ms(world.worker.pid)
    for number in range(5):
        world.get("/_fs/slot/home.hero", user_agent=f"{number} {agent}")
    assert (cpu_ms(world.worker.pid) - before) / 5 < 100
