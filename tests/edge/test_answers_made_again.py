"""An answer that the worker remembers by its body is the one that it would make now."""

from __future__ import annotations

import base64
import hmac
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from around_core import around_core
from toy_shop import ADAPTERS, World, compile_toy, make_project, variables, views

from control_plane.deploy.folder import Folder
from control_plane.deploy.publish import publish
from control_plane.emulator.miniflare import Miniflare

#: A full hour, so that it is known when the next begins.
START = (int(time.time()) // 3600 + 1) * 3600
MINUTE = 60
#: Seconds after it: a session grows older, a rule begins, a session is over, the hour is, the rule.
MOMENTS = [0, 25, 10 * MINUTE, 31 * MINUTE, 61 * MINUTE, 91 * MINUTE]


def clock(seconds: int) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).strftime("%Y-%m-%dT%H:%M")


HOUR = datetime.fromtimestamp(START, UTC).hour
#: One slot for each thing that an answer may depend on.
CONDITIONS: dict[str, Any] = {
    "country": {"country": "FR"},
    "device": {"device": "mobile"},
    "region": {"region": "IDF"},
    "path": {"path": "/p/boots"},
    "referrer": {"referrer": {"$regex": "search"}},
    "utm": {"utm.source": "mail"},
    "query": {"query.q": "boots"},
    "hour": {"hour": HOUR},
    "new": {"new_visitor": True},
    "seconds": {"session.seconds": {"$gt": 120}},
    "views": {"session.views": {"$gte": 2}},
    "cart": {"cart.items": {"$elemMatch": {"$eq": "hat-1"}}},
    "segments": {"segments": {"$in": ["shoe-fans"]}},
    "consent": {"consent.analytics": True},
    "page": {"page.item": "hat-2"},
    "tier": {"traits.tier": "gold"},
}
RULES = f"""
timezone: UTC
content:
  off: {{html: "off"}}
  on: {{html: "on"}}
  strip: {{items: {{from: [session, visitor, segment, popular], limit: 4}}}}
slots:
  strip: {{default: strip}}
  window:
    default: "off"
    rules: [{{id: w, show: "on", starts: {clock(10 * MINUTE)}, ends: {clock(90 * MINUTE)}}}]
  split:
    default: "off"
    rules:
      - {{id: s, experiment: {{key: t1, variations: ["off", "on"], weights: [0.5, 0.5]}}}}
""" + "".join(
    f"  {name}: {{default: 'off', rules: [{{id: {name}, when: {json.dumps(when)}, show: 'on'}}]}}\n"
    for name, when in CONDITIONS.items()
)
SLOTS = ["strip", "window", "split", *CONDITIONS]

MOBILE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36"
SERVER = {"authorization": "Bearer a-token"}


def base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return base36(number // 36) + digits[number % 36] if number >= 36 else digits[number]


def cookies(consent: str = "personalization+analytics", device: str = "D", cart: str = "") -> str:
    """Return what a browser sends whose session began 100 seconds before the first moment."""
    events = "vshoe-1~vshoe-2" + (f"~c{cart}" if cart else "")
    session = f"1.{base36(START - 100)}.{base36(START)}.2.{int(bool(cart))}.0.{events}"
    return f"fs_c=1.{consent}.1; fs_id={device * 22}; fs_s={session}"


#: Who calls, and from where.
CALLERS: list[dict[str, str]] = [
    SERVER,
    {**SERVER, "cf-ipcountry": "FR", "user-agent": MOBILE},
    {**SERVER, "cookie": cookies()},
    {},
    {"cf-ipcountry": "FR"},
    {"referer": "https://search.example/"},
    {"cf-ipcountry": "FR", "cookie": cookies()},
    {"user-agent": MOBILE, "cookie": cookies(cart="hat-1")},
    {"cookie": cookies("analytics")},
    {"cookie": cookies(device="N")},
    {"cookie": cookies(), "sec-gpc": "1"},
    {"cookie": cookies(), "host": "shop.example"},
    {"cookie": cookies(), "host": "shop.example", "referer": "http://shop.example/p/boots"},
    {"cookie": cookies(), "host": "shop.example", "referer": "http://shop.example/p/boots?q=boots&utm_source=mail"},
]  # fmt: skip
#: What they say; each goes to `decide` and to OFREP.
CONTEXTS: list[dict[str, Any]] = [
    {},
    {"page": {"item": "hat-2"}},
    {"consent": {"personalization": True}, "device": "D" * 22, "session": views("shoe-1", "hat-1")},
    {
        "consent": {"personalization": True, "analytics": True},
        "device": "N" * 22,
        "attributes": {"country": "FR", "traits": {"tier": "gold"}, "segments": ["shoe-fans"]},
    },
]


class Asking(NamedTuple):
    """A function that makes calls in one memory, and the calls."""

    ask: Callable[..., list[Any]]
    calls: list[dict[str, Any]]


def every_call(anna: str) -> list[dict[str, Any]]:
    """Every caller, anna too, with every context at every moment."""
    made = []
    known = {"cookie": f"{cookies()}; fs_u={anna}"}
    places = [
        ({"headers": headers}, told) for headers, told in product([*CALLERS, known], CONTEXTS)
    ]
    # What Cloudflare tells of a request, which no header does.
    places.append(({"headers": SERVER, "cf": {"regionCode": "IDF"}}, {}))
    for seconds, (caller, told) in product(MOMENTS, places):
        moment = {"at": 1000 * (START + seconds), "store": "answers", **caller}
        more = {"targetingKey" if key == "device" else key: value for key, value in told.items()}
        context = {**more, **more.pop("attributes", {})}
        made.append({**moment, "body": {"slots": SLOTS, **told}})
        made.append({**moment, "path": "/ofrep/v1/evaluate/flags", "body": {"context": context}})
    return made


def signed(user: str, given: dict[str, str]) -> str:
    """Return the cookie that says who somebody is."""
    payload = f"1.{base64.urlsafe_b64encode(user.encode()).decode().rstrip('=')}"
    message = f"fs_u\0{given['SHOP']}\0{given['ENVIRONMENT']}\0{payload}".encode()
    mac = hmac.digest(base64.b64decode(given["COOKIE_KEY"]), message, "sha256")[:16]
    return f"{payload}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Return a function that makes calls in one memory, and the calls."""
    project = make_project(tmp_path_factory.mktemp("toy"), RULES)
    compile_toy(project)
    store = Folder(tmp_path_factory.mktemp("store"))
    publish(store, project.build / "current", project)
    main = Path(__file__).with_name("clocked.js")
    with Miniflare(around_core(main, variables=variables(project))) as worker:
        for key in list(store.keys()):
            worker.dispatch_fetch(f"http://toy/{key}", method="PUT", content=store.get(key))

        def ask(*calls: dict[str, Any]) -> list[Any]:
            told = worker.dispatch_fetch("http://toy/", method="POST", json=list(calls)).json()
            return [one["answer"] for one in told]

        yield Asking(ask, every_call(signed("anna", variables(project))))


def without_ids(answer: Any) -> str:
    text = json.dumps(answer)
    assert "error" not in answer, text
    return re.sub(r'"(id|decision)": "[\w-]{12}', r'"\1": "', text)


def test_an_answer_does_not_depend_on_what_was_asked_before(asking: Asking) -> None:
    ask, everything = asking
    alone = [without_ids(ask(call)[0]) for call in everything]
    order = list(range(len(everything))) * 3
    random.Random(7).shuffle(order)
    # In time, and as with a clock that is set again and again.
    for places in (sorted(order, key=lambda place: everything[place]["at"]), order):
        told = ask(*(everything[place] for place in places))
        for place, answer in zip(places, told, strict=True):
            assert without_ids(answer) == alone[place], everything[place]
    # What is asked differs in what is told, or this would have shown nothing.
    assert len(set(alone)) > 100


def test_each_condition_held_for_some_and_not_for_others(asking: Asking) -> None:
    told = asking.ask(*(call for call in asking.calls if "path" not in call))
    for slot in SLOTS[1:]:
        shown = {answer["decisions"][slot]["content"] for answer in told}
        assert shown == {"on", "off"}, slot


@pytest.mark.parametrize("world", ADAPTERS, indirect=True)
def test_what_is_asked_again_has_ids_of_its_own(world: World) -> None:
    def ids(path: str, body: dict[str, Any]) -> list[str]:
        url = f"http://shop.example{path}"
        told = world.worker.dispatch_fetch(url, method="POST", headers=SERVER, json=body).text
        return re.findall(r'"(?:id|decision)":"([\w-]{12})', told)

    for path, body in (
        ("/_fs/decide", {"slots": ["home.hero", "home.recommended"]}),
        ("/ofrep/v1/evaluate/flags", {"context": {"country": "FR"}}),
    ):
        told = [ids(path, body) for _ in range(3)]
        assert [len(set(one)) for one in told] == [1, 1, 1]
        assert len({one[0] for one in told}) == 3
