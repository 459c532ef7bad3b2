"""A toy shop with obvious answers: six shoes that go together, six hats that go together."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from control_plane.collect.markets import NOTHING_ELSEWHERE
from control_plane.compiler.build import Release, compile_release
from control_plane.deploy.akamai.bundle import bundle_files, pack, unpack
from control_plane.deploy.publish import publish
from control_plane.emulator.akamai import COLLECTOR, AkamaiLimits, akamai_options
from control_plane.emulator.miniflare import Miniflare, Options
from control_plane.emulator.namespace import KVNamespace
from control_plane.emulator.options import log_to_stderr
from control_plane.emulator.workerd import OnLog
from control_plane.keyring import (
    load_ring,
    load_text,
    load_visitor_secrets,
    make_keys,
    visitor_key,
)
from control_plane.models.artifacts import Model, Rows, Segment, Sets, Visitors, no_rows
from control_plane.settings import Project, Settings, Shop

BUNDLE = Path(__file__).parents[1] / "edge_bundle"
SHOES = [f"shoe-{number}" for number in range(6)]
HATS = [f"hat-{number}" for number in range(6)]
ITEMS = sorted(HATS + SHOES)
SOLD_OUT = "shoe-5"

RULES = """
timezone: Europe/Paris
content:
  hero: {html: "<b>new</b>"}
  hero-fr: {html: "<b>nouveau</b>"}
  hero-fan: {html: "<b>fan</b>"}
  strip:
    items: {from: [{session: 1, visitor: .4}, segment, popular], limit: 4}
    template: product-strip
  discover: {items: {from: [session, visitor, popular], limit: 4, exclude: {seen: true}}}
  alike: {items: {from: [item, popular], limit: 3, exclude: {seen: true}}}
  nothing: {items: {from: [recently_viewed], limit: 3}}
  pinned: {items: {from: [popular], limit: 3, pin: [hat-5]}}
slots:
  home.hero:
    default: hero
    rules:
      - {id: fan, when: {segments: {$in: [shoe-fans]}}, show: hero-fan}
      - {id: france, when: {country: FR}, show: hero-fr}
      - {id: past, when: {device: tablet}, ends: 2020-01-01T00:00, show: hero-fr}
  home.recommended: {default: strip}
  home.discover: {default: discover}
  home.pinned: {default: pinned}
  home.test:
    default: hero
    rules:
      - experiment: {key: t1, variations: [hero, hero-fr], weights: [0.5, 0.5]}
        id: test
  product.alike: {default: alike}
  empty.slot: {default: nothing}
"""


def rows(lists: list[list[tuple[int, float]]]) -> Rows:
    """Return scored rows from lists of (item number, score)."""
    flat = [pair for one in lists for pair in one]
    return Rows(
        np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64),
        np.array([item for item, _ in flat], dtype=np.int32),
        np.array([score for _, score in flat], dtype=np.float32),
    )


def sets(lists: list[list[int]]) -> Sets:
    """Return sets of items."""
    scored = rows([[(item, 1.0) for item in sorted(one)] for one in lists])
    return Sets(scored.indptr, scored.items)


def toy_model(project: Project) -> Model:
    """Return a model in which every item's neighbours are its own kind, nearest number first."""
    number = {item: place for place, item in enumerate(ITEMS)}
    secrets = load_visitor_secrets(project.keys)
    secret = secrets.secrets[secrets.current]
    neighbours = [
        [
            (number[other], 1.0 / (1 + abs(int(other[-1]) - int(item[-1]))))
            for other in sorted(kind, key=lambda other: abs(int(other[-1]) - int(item[-1])))
        ]
        for item in ITEMS
        for kind in (SHOES if item in SHOES else HATS,)
    ]
    anna = visitor_key(secret, "u", "anna")
    device = visitor_key(secret, "a", "D" * 22)
    keys = sorted([anna, device])
    wanted = {anna: ["shoe-4", "shoe-3"], device: ["hat-1", "hat-2"]}
    bought = {anna: ["shoe-0"], device: []}
    return Model(
        model_time="2026-10-31T00:00:00+00:00",
        item_ids=ITEMS,
        item_events=np.ones(len(ITEMS), dtype=np.int64),
        neighbours=rows(neighbours),
        reminder_scale=1.0,
        popular={
            "all": np.array([number[i] for i in (*HATS, *SHOES)], dtype=np.int32),
            "segment:shoe-fans": np.array([number[i] for i in reversed(SHOES)], dtype=np.int32),
        },
        segments=[Segment(key="shoe-fans", name="Shoe fans", size=1, traits={"shoes": 2.0})],
        visitors=Visitors(
            np.array(keys, dtype=np.uint64),
            np.array([0 if key == anna else -1 for key in keys], dtype=np.int16),
            rows([[(number[i], 1.0 / (r + 1)) for r, i in enumerate(wanted[k])] for k in keys]),
            sets([[number[i] for i in bought[k]] for k in keys]),
            sets([[] for _ in keys]),
            no_rows(len(keys)),
            sets([[] for _ in keys]),
            np.ones(len(keys), dtype=np.float32),
        ),
        key_id=secrets.current,
        report={},
    )


def toy_catalogue() -> duckdb.DuckDBPyConnection:
    """Return a connection that shows the toy catalogue as `items`."""
    log = duckdb.connect()
    log.execute(
        "CREATE TABLE items (item_id VARCHAR, title VARCHAR, url VARCHAR, image VARCHAR, "
        "category VARCHAR, currency VARCHAR, price_minor BIGINT, group_id VARCHAR, "
        "available BOOLEAN, tags VARCHAR[], brand VARCHAR, added_at BIGINT)"
    )
    log.execute(NOTHING_ELSEWHERE)
    for item in ITEMS:
        kind = item.split("-")[0]
        texts = [item, f"{kind.title()} <{item}>", f"/p/{item}", f"/img/{item}.svg", f"{kind}s"]
        group = "pair" if item in ("shoe-0", "shoe-1") else None
        log.execute(
            "INSERT INTO items VALUES (?, ?, ?, ?, ?, 'EUR', ?, ?, ?, NULL, NULL, NULL)",
            [*texts, 1290, group, item != SOLD_OUT],
        )
    return log


def make_project(root: Path, rules: str = RULES) -> Project:
    """Return a project with keys and rules."""
    make_keys(root / "keys")
    (root / "rules.yaml").write_text(rules, encoding="utf-8")
    return Project(root, Settings(shop=Shop(name="toy", environment="test")))


def compile_toy(project: Project) -> Release:
    """Compile the toy shop."""
    with toy_catalogue() as log:
        return compile_release(project, toy_model(project), log)


class NamespaceTarget:
    """A target that writes straight into a running worker's namespace."""

    name = "memory"

    def __init__(self, namespace: KVNamespace) -> None:
        self.namespace = namespace

    def get(self, key: str) -> bytes | None:
        return self.namespace.get(key, "bytes")

    def put(self, key: str, value: bytes) -> None:
        self.namespace.put(key, value)

    def put_many(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        for key, value in pairs:
            self.put(key, value)

    def delete_many(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.namespace.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        return iter([key.name for key in self.namespace.list(prefix=prefix).keys])


PAGE = """<!doctype html><html><body data-fs-item="%s"><h1>Shop</h1>
<div class="hero" data-fs-slot="home.hero"><i>own hero</i></div>
<section data-fs-slot="home.recommended"><i>own shelf</i></section>
<div data-fs-slot="no.such.slot"><i>own unknown</i></div>
<div data-fs-slot="empty.slot"><i>own empty</i></div>
<p data-fs-slot="home.hero"><i>a p is no slot</i></p>
<div data-fs-slot="product.alike"><i>own alike</i></div>
<footer>end</footer></body></html>"""


#: The slow page's second half waits for this.
GO_ON = threading.Event()


async def _slow_page() -> AsyncIterator[bytes]:
    head, tail = (PAGE % "").split("<section")
    yield head.encode()
    while not GO_ON.is_set():
        await asyncio.sleep(0.01)
    yield f"<section{tail}".encode()


async def origin(scope: Any, receive: Any, send: Any) -> None:
    """Serve the toy shop's pages, and echo what arrived under /echo."""
    request = Request(scope, receive)
    path = request.url.path
    if path == "/echo" or path.startswith("/account"):
        seen = {"headers": dict(request.headers), "method": request.method}
        response = Response(json.dumps(seen), media_type="application/json")
    elif path == "/login":
        response = Response("in", headers={"Frontshelf-User": "anna", "Cache-Control": "private"})
    elif path == "/login-cached":
        headers = {"Frontshelf-User": "anna", "Cache-Control": "public", "Age": "3"}
        response = Response("in", headers=headers)
    elif path == "/logout":
        response = Response("out", headers={"Frontshelf-User": "", "Cache-Control": "no-store"})
    elif path == "/moved":
        response = Response(status_code=302, headers={"Location": "/elsewhere"})
    elif path == "/missing":
        response = Response("<html><div data-fs-slot='home.hero'>x</div></html>", 404)
        response.headers["content-type"] = "text/html"
    elif path == "/zipped":
        response: Response = Response(gzip.compress((PAGE % "").encode()), media_type="text/html")
        response.headers["content-encoding"] = "gzip"
    elif path == "/slow":
        response = StreamingResponse(_slow_page(), media_type="text/html")
    elif path == "/plain":
        response = Response("<html><body>no slots</body></html>", media_type="text/html")
    else:
        item = match.group(1) if (match := re.match(r"/p/(.+)", path)) else ""
        response = Response(PAGE % item, media_type="text/html")
        response.headers.update({"Cache-Control": "public, max-age=60", "ETag": '"1"'})
        response.set_cookie("cart", "c1")
    await response(scope, receive, send)


def variables(project: Project) -> dict[str, str]:
    """Return the worker's variables and secrets for a project, trusting nobody."""
    visitor = load_visitor_secrets(project.keys).secrets
    ring = load_ring(project.keys)
    return {
        "SHOP": project.settings.shop.name,
        "ENVIRONMENT": project.settings.shop.environment,
        "RELEASE_KEYS": ",".join(key.public for key in ring.release),
        "HEAD_KEYS": ",".join(key.public for key in ring.head),
        "VISITOR_KEYS": ",".join(
            f"{id}:{base64.b64encode(key).decode()}" for id, key in visitor.items()
        ),
        "COOKIE_KEY": load_text(project.keys, "cookie.secret"),
        "API_TOKEN": "a-token",
        "MIN_COUNTER": str(ring.min_counter),
        "HEAD_SECONDS": "0",
        "HEAD_WAIT_MS": "5000",
        "READ_MS": "5000",
        "SLOT_MS": "5000",
    }


class World:
    """The toy shop's worker, and short ways to ask it."""

    def __init__(self, project: Project, worker: Miniflare) -> None:
        self.project, self.worker = project, worker
        self.kv = worker.get_kv_namespace("SHELF")
        self.target = NamespaceTarget(self.kv)

    @property
    def platform(self) -> str:
        """Which adapter runs."""
        options = self.worker.options
        modules = options.config_path or options.main == "cloudflare.js"
        return "cloudflare" if modules else "akamai"

    def get(
        self, path: str, cookies: Mapping[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        """GET a path as a browser's navigation would."""
        sent = {"accept": "text/html", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return self.worker.dispatch_fetch(f"http://shop.example{path}", headers=sent)

    def decide(self, *slots: Any, trusted: bool = True, **body: Any) -> dict[str, Any]:
        """Ask for decisions; a trusted caller has consent unless it says otherwise."""
        if trusted:
            body.setdefault("consent", {"personalization": True})
        response = self.worker.dispatch_fetch(
            "http://shop.example/_fs/decide",
            method="POST",
            headers={"authorization": "Bearer a-token"} if trusted else {},
            content=json.dumps({"slots": list(slots), **body}),
        )
        assert response.status_code == 200, response.text
        return dict(response.json())

    def publish(self) -> str:
        """Compile and publish; return the release."""
        compile_toy(self.project)
        return publish(self.target, self.project.build / "current", self.project).release


def start_worker(
    project: Project,
    services: Mapping[str, ASGIApp] | None = None,
    *,
    shop: str | ASGIApp = origin,
    on_log: OnLog = log_to_stderr,
    **changes: str,
) -> Miniflare:
    """Start the bundle's worker for a project, over an empty store; `shop` is its origin."""
    return Miniflare(
        Options(
            config_path=BUNDLE / "wrangler.jsonc",
            variables={**variables(project), **changes},
            services=services or {},
            origin=shop,
            on_log=on_log,
        )
    )


EDGEKV = {"EDGEKV_NAMESPACE": "shelf", "EDGEKV_GROUP": "live"}
EDGEKV_TOKEN = "edgekv-token"
#: What wrangler.jsonc says to the other adapter.
AKAMAI_DEFAULTS = {
    "SLOT_TAGS": "div,section,aside,ul,ol",
    "INCLUDE": "/*",
    "EXCLUDE": "/checkout*,/account*",
}


def akamai_bundle(project: Project, **changes: str) -> dict[str, bytes]:
    """Return the files of a project's code bundle, as they come out of its tgz."""
    settings = {**AKAMAI_DEFAULTS, **EDGEKV, **variables(project), **changes}
    tokens = {f"namespace-{EDGEKV['EDGEKV_NAMESPACE']}": {"value": EDGEKV_TOKEN}}
    return unpack(pack(bundle_files(settings, tokens, "1.0")))


def start_akamai(
    project: Project,
    services: Mapping[str, ASGIApp] | None = None,
    *,
    shop: str | ASGIApp = origin,
    on_log: OnLog = log_to_stderr,
    **changes: str,
) -> Miniflare:
    """Start the bundle for Akamai, over an empty store; `shop` is its origin."""
    collect = (services or {}).get("COLLECT")
    if collect:
        changes = {"COLLECT_URL": COLLECTOR, **changes}
    return Miniflare(
        akamai_options(
            akamai_bundle(project, **changes),
            namespace=EDGEKV["EDGEKV_NAMESPACE"],
            group=EDGEKV["EDGEKV_GROUP"],
            token=EDGEKV_TOKEN,
            collect=collect,
            origin=shop,
            on_log=on_log,
            # Of no use on a machine as busy as one that tests.
            limits=AkamaiLimits(wall_seconds=60),
        )
    )


#: One adapter a platform; the same shop gives the same answers on both.
ADAPTERS: dict[str, Callable[..., Miniflare]] = {
    "cloudflare": start_worker,
    "akamai": start_akamai,
}


def views(*items: str) -> dict[str, Any]:
    """Return a session that viewed these items."""
    return {"events": [{"event": "view", "item": item} for item in items]}
