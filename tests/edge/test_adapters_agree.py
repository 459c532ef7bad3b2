"""Requests of every kind, drawn at random: both platforms answer them alike."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plain_http import Answer, ask
from toy_shop import ADAPTERS, HATS, RULES, SHOES, World, make_project

from control_plane.emulator.inbox import Inbox

REQUESTS = 500
DEVICE = "D" * 22
SLOTS = ["home.hero", "home.recommended", "home.test", "product.alike", "empty.slot", "no.such", ""]
PATHS = [
    "/", "/p/shoe-2", "/p/hat-1", "/plain", "/echo", "/login", "/login-cached", "/logout",
    "/moved", "/missing", "/account/orders", "/checkout", "/.well-known/gpc.json", "/_fs", "/_fs/",
    "/_fs/nothing", "/_fs/sdk.js", "/_fs/consent.js", "/_fsx", "/%5ffs/health", "/a/../_fs/decide",
    "//_fs/decide", "/p/%00", "/p/shoe-2?fs=1&utm_source=mail&utm_source=x", "/?%zz=%&a=b&a=c",
    "/_fs/slot/%E0%A4%A", "/_fs/slot/home.hero/..", "/ofrep/v1/evaluate/flags/home.hero",
    "/ofrep/v1/evaluate/flags", "/ofrep/v1/other", "/_fs/decide", "/_fs/v1/batch",
    "/_fs/v1/track", "/_fs/v2/batch",
    *(f"/_fs/slot/{slot}?item=shoe-2" for slot in SLOTS),
]  # fmt: skip
AGENTS = ["Mozilla/5.0 (iPhone) Mobile", "Googlebot/2.1", "", "Mozilla/5.0 (iPad)", "x" * 3000]
EVENTS = [{"item": "shoe-1"}, {"event": "cart", "item": "hat-2"}]
SEEN = {"type": "track", "event": "Product Viewed", "properties": {"product_id": "hat-1"}}
BODIES: list[Any] = [
    None, "", "[]", "{", '{"__proto__": {"a": 1}}', {"slots": []}, {"slots": ["home.hero"]},
    {"slots": ["home.recommended"], "page": {"item": "shoe-2"}},
    {"slots": [{"name": "home.hero", "limit": 0}]},
    {"slots": ["home.recommended"], "session": {"events": EVENTS}},
    {"slots": ["home.test"], "device": "d-1", "consent": {"personalization": True}},
    {"slots": ["home.hero"], "attributes": {"country": "FR", "traits": {"a": [1]}}},
    {"context": {"targetingKey": "d-2", "country": "FR"}}, {"context": {}}, {"context": 3},
    {"batch": [SEEN]}, {"batch": [1]}, {"type": "track", "event": "Order Completed"}, "x" * 70_000,
]  # fmt: skip
PURPOSES = ["personalization+analytics", "personalization", "analytics", "none", "x"]


def session(draw: random.Random) -> str:
    now, digits, base36 = int(time.time()), "0123456789abcdefghijklmnopqrstuvwxyz", ""
    while now:
        now, rest = divmod(now, 36)
        base36 = digits[rest] + base36
    items = "~".join("v" + draw.choice([*SHOES, *HATS]) for _ in range(draw.randrange(1, 6)))
    return draw.choice([f"1.{base36}.{base36}.2.0.0.{items}", f"1.zz.zz.1.0.0.{items}", "1.%%", ""])


def cookies(draw: random.Random) -> str:
    consent = draw.choice(PURPOSES)
    parts = {
        "fs_c": f"1.{consent}.{int(time.time())}",
        "fs_id": draw.choice([DEVICE, "E" * 22, "<script>", ""]),
        "fs_s": session(draw),
        "fs_u": "1.YW5uYQ.AAAAAAAAAAAAAAAAAAAAAA",
        "cart": "c1",
        "fs_exp": "1.x",
    }
    chosen = draw.sample(sorted(parts), draw.randrange(len(parts) + 1))
    return draw.choice(["; ", ";"]).join(f"{name}={parts[name]}" for name in chosen)


def drawn(draw: random.Random) -> dict[str, Any]:
    headers = [("Accept", draw.choice(["text/html", "*/*", "application/json"]))]
    headers.append(("User-Agent", draw.choice(AGENTS)))
    if draw.random() < 0.7:
        headers.append(("Cookie", cookies(draw)))
    for name, value, share in (
        ("Sec-GPC", "1", 0.1),
        ("Authorization", "Bearer a-token", 0.3),
        ("Authorization", "Bearer other", 0.1),
        ("Sec-Fetch-Dest", draw.choice(["document", "image", "iframe"]), 0.3),
        ("If-None-Match", '"1"', 0.2),
        ("Cf-IpCountry", draw.choice(["FR", "DE", "XX"]), 0.4),
        ("Referer", "https://other.example/?q=1", 0.2),
        ("Frontshelf-User", "anna", 0.1),
    ):
        if draw.random() < share and name not in dict(headers):
            headers.append((name, value))
    path = draw.choice(PATHS)
    method = draw.choice(["GET", "GET", "HEAD", "POST", "PUT", "DELETE"])
    if path.startswith(("/ofrep", "/_fs/decide", "/_fs/v1")) and draw.random() < 0.8:
        method = "POST"
    body = draw.choice(BODIES) if method in ("POST", "PUT") else None
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return {
        "path": path,
        "method": method,
        "headers": headers,
        "body": text.encode() if text is not None else None,
    }


#: What is drawn anew for each answer, or written by the platform.
RANDOM = [
    (rb'data-fs-decision="[^"]*"', b"data-fs-decision"),
    (rb'"id": ?"[^"]*"', b'"id"'),
    (rb'"decision": ?"[^"]*"', b'"decision"'),
    (
        rb'"(host|accept-encoding|frontshelf-service|content-length|transfer-encoding)":'
        rb' ?"[^"]*",? ?',
        b"",
    ),
]
OWN = (
    "connection", "transfer-encoding", "date", "keep-alive", "content-length",
    "frontshelf-decision", "etag",
)  # fmt: skip


def told(answer: Answer) -> dict[str, Any]:
    body = answer.body
    for pattern, instead in RANDOM:
        body = re.sub(pattern, instead, body)
    headers = sorted((name.lower(), value) for name, value in answer.headers)
    return {
        "status": answer.status,
        "headers": [
            (name, re.sub(r"^(fs_id|fs_u)=[^;]+", r"\1", value))
            for name, value in headers
            if name not in OWN
        ],
        "body": body,
    }


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Both platforms' edges of one shop, each with its own collector."""
    # A device minted just now falls where chance has it, so all must fall on one side.
    rules = RULES.replace("weights: [0.5, 0.5]", "weights: [1, 0]")
    project = make_project(tmp_path_factory.mktemp("toy"), rules)
    inboxes = {name: Path(project.root / name) for name in ADAPTERS}
    workers = {
        name: start(project, {"COLLECT": Inbox(inboxes[name])}) for name, start in ADAPTERS.items()
    }
    try:
        for worker in workers.values():
            World(project, worker).publish()
        yield {name: worker.ready for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.dispose()


def test_both_platforms_answer_alike(edges: dict[str, str]) -> None:
    draw = random.Random(20261125)
    seen = set()
    for number in range(REQUESTS):
        request = drawn(draw)
        first, second = (
            told(ask(edge, request["path"], request["method"], request["headers"], request["body"]))
            for edge in edges.values()
        )
        assert first == second, f"request {number}: {request}"
        assert first["status"] < 500 or first["status"] == 503
        seen.add(first["status"])
    assert seen >= {200, 204, 302, 400, 403, 404, 405, 413}
