"""Drives the running edge of the sample shop, as visitors would, and says what held."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from control_plane.demo.sample import ITEMS, TRUTH
from control_plane.errors import PlatformError
from control_plane.hashing import hash_texts

#: Visitors and sessions that are asked for, of each kind.
ASKED = 60
SLOT = "home.recommended"
#: The least share of a shelf that suits whom three views of one kind show.
ALIKE = 0.6
PAGES = ("/", "/c/tents", "/search?q=wool")
CONSENT = {"personalization": True, "analytics": True}


class Check(msgspec.Struct, frozen=True):
    """One thing that had to hold."""

    name: str
    ok: bool
    detail: str


class Shop(msgspec.Struct, frozen=True):
    """What the checks know of the sample shop."""

    categories: dict[str, list[str]]
    category_of: dict[str, str]
    taste_of: dict[str, str]
    devices: list[str]


def check_edge(url: str, folder: Path) -> dict[str, Any]:
    """Return the checks, decisions by reason, and times of an answer in ms; "ok" if all held.

    Raises PlatformError when what stands at `url` is no edge.
    """
    shop = _read_shop(folder)
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            checks = [
                *_check_answers(client),
                *_check_pages(client, shop),
                *_check_shelves(client, shop),
                *_check_cart(client, shop),
                *_check_signing_in(url),
            ]
            reasons, times = _decide_many(client, shop)
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        raise PlatformError(f"{url} does not answer as an edge does: {error}") from error
    wanted = {"session", "visitor", "popular", "item"}
    checks.append(
        Check("decisions of every kind", wanted <= set(reasons), f"{sum(reasons.values())} asked")
    )
    times.sort()
    return {
        "ok": all(check.ok for check in checks),
        "checks": [msgspec.to_builtins(check) for check in checks],
        "decisions": dict(sorted(reasons.items())),
        "p50_ms": round(times[len(times) // 2], 2),
        "p99_ms": round(times[len(times) * 99 // 100], 2),
    }


def _read_shop(folder: Path) -> Shop:
    category_of: dict[str, str] = {}
    categories: dict[str, list[str]] = {}
    for line in (folder / ITEMS).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if not row.get("available", True):
            continue
        category_of[row["item_id"]] = row["category"]
        categories.setdefault(row["category"], []).append(row["item_id"])
    truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
    regulars = [v for v in truth["visitors"] if v["personalization"] and v["visits"] >= 3]
    return Shop(
        categories=categories,
        category_of=category_of,
        taste_of=truth["items"],
        devices=[v["anonymous_ids"][0] for v in regulars if not v["user_id"]][:ASKED],
    )


def _check_answers(client: httpx.Client) -> Iterator[Check]:
    health = client.get("/_fs/health").json()
    yield Check("health", health["status"] == "ok", f"release {health['release']}")
    bad = client.post("/_fs/decide", content="{")
    yield Check("a malformed call gets a 400", bad.status_code == 400, bad.text[:80])
    for name in ("sdk.js", "consent.js"):
        script = client.get(f"/_fs/{name}")
        yield Check(f"{name} is served", script.is_success, f"{len(script.content)} bytes")


def _check_pages(client: httpx.Client, shop: Shop) -> Iterator[Check]:
    product = f"/p/{next(iter(shop.category_of))}"
    for path in (*PAGES, product):
        page = client.get(path, headers={"accept": "text/html"})
        whole = page.is_success and "</html>" in page.text
        yield Check(f"{path} comes whole", whole, f"{len(page.text)} characters")
        kept = page.headers.get("cache-control")
        yield Check(f"{path} is kept by no cache", kept == "private, no-store", str(kept))
        stored = [c for c in page.headers.get_list("set-cookie") if c.startswith("fs_")]
        yield Check(f"{path} stores nothing without consent", not stored, ", ".join(stored))
        slots, decided = (page.text.count(f"data-fs-{name}=") for name in ("slot", "decision"))
        yield Check(f"{path} has all slots decided", decided == slots, f"{decided} of {slots}")
    granted = {
        "accept": "text/html",
        "cookie": f"fs_c=1.personalization+analytics.{int(time.time())}",
    }
    cookies = client.get("/", headers=granted).headers.get_list("set-cookie")
    minted = [c for c in cookies if c.startswith("fs_id=") and "HttpOnly" in c]
    yield Check("consent mints a device", len(minted) == 1, "HttpOnly cookie")


def _check_shelves(client: httpx.Client, shop: Shop) -> Iterator[Check]:
    popular = _items(_decide(client, consent={}))
    for category in _large_categories(shop)[:3]:
        events = [{"event": "view", "item": item} for item in shop.categories[category][:9:3]]
        shelf = _items(_decide(client, consent=CONSENT, session={"events": events}))
        taste = shop.taste_of[events[0]["item"]]
        alike = sum(shop.taste_of[item] == taste for item in shelf) / max(1, len(shelf))
        yield Check(f"three {category} make a shelf for {taste}", alike >= ALIKE, f"{alike:.0%}")
        yield Check(f"a shelf of {category} is not the popular one", shelf != popular, "")
        refused = _items(_decide(client, consent={}, session={"events": events}))
        yield Check(f"{category} without consent leave no trace", refused == popular, "")


def _check_cart(client: httpx.Client, shop: Shop) -> Iterator[Check]:
    item = shop.categories[_large_categories(shop)[0]][0]
    session = {"events": [{"event": "cart", "item": item}]}
    shelf = _decide(client, "cart.together", consent=CONSENT, session=session)
    found = f"{shelf['reason']}: {len(_items(shelf))} items"
    good = shelf["reason"] == "also_bought" and item not in _items(shelf)
    yield Check("a cart shows what was bought along with it", good, found)


def _check_signing_in(url: str) -> Iterator[Check]:
    for choice, wanted in (("none", False), ("personalization+analytics", True)):
        consent = {"fs_c": f"1.{choice}.{int(time.time())}"}
        with httpx.Client(base_url=url, timeout=30, cookies=consent) as visitor:
            answer = visitor.post("/login", data={"customer": "cust-000001"})
            signed = [c for c in answer.headers.get_list("set-cookie") if c.startswith("fs_u=")]
            hidden = not any("httponly" not in cookie.lower() for cookie in signed)
            told = "frontshelf-user" in answer.headers
            kept = answer.headers.get("cache-control")
            good = bool(signed) == wanted and hidden and not told and kept == "private, no-store"
            yield Check(f"signing in with consent to {choice}", good, f"fs_u: {len(signed)}")
            visitor.post("/logout")
            yield Check(f"signed out with consent to {choice}", not visitor.cookies.get("fs_u"), "")


def _large_categories(shop: Shop) -> list[str]:
    """Return categories, large ones first; equals in an order that no name decides."""
    names = sorted(shop.categories)
    mixed = hash_texts(names)[0].tolist()
    ranked = zip(names, mixed, strict=True)
    return [name for name, _ in sorted(ranked, key=lambda e: (-len(shop.categories[e[0]]), e[1]))]


def _decide_many(client: httpx.Client, shop: Shop) -> tuple[Counter[str], list[float]]:
    reasons: Counter[str] = Counter()
    times = []
    for slot, body in _visits(shop):
        started = time.perf_counter()
        decision = _decide(client, slot, **body)
        times.append(1000 * (time.perf_counter() - started))
        reasons[decision["reason"]] += 1
    return reasons, times


def _visits(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield newcomers, sessions, product pages and known visitors, each with its slot."""
    items = list(shop.category_of)
    for place in range(ASKED):
        event = {"event": "view", "item": items[place * 7 % len(items)]}
        yield SLOT, {"consent": {}}
        yield SLOT, {"consent": CONSENT, "session": {"events": [event]}}
        page = {"item": event["item"]}
        yield "product.alike", {"consent": CONSENT, "page": page}
        yield "product.together", {"consent": CONSENT, "page": page}
        yield "home.hero", {"consent": CONSENT, "attributes": {"country": ["SE", "FR"][place % 2]}}
    for device in shop.devices:
        yield SLOT, {"consent": CONSENT, "device": device}


def _decide(client: httpx.Client, slot: str = SLOT, **body: Any) -> dict[str, Any]:
    answer = client.post("/_fs/decide", json={"slots": [slot], **body})
    answer.raise_for_status()
    return dict(answer.json()["decisions"][slot])


def _items(decision: dict[str, Any]) -> list[str]:
    return list(decision["items"])
