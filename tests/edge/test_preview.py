"""Previews: one browser sees what a signed link forces, until it ends, and nobody else does."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from typing import Any

import httpx
import pytest
from toy_shop import ADAPTERS, World, compile_toy

from control_plane.deploy.preview import Named, Preview, named_release, preview_token
from control_plane.deploy.publish import publish
from control_plane.errors import InputError
from control_plane.settings import Project, Settings, Shop

HOUR = 3600


pytestmark = pytest.mark.parametrize("world", ADAPTERS, indirect=True)


def token(world: World, *, seconds: int = HOUR, **forced: Any) -> str:
    return preview_token(Preview(until=int(time.time()) + seconds, **forced), world.project)


def faults(world: World) -> dict[str, int]:
    return dict(world.get("/_fs/health").json()["faults"])


def slot(page: httpx.Response, name: str) -> str:
    match = re.search(f'data-fs-slot="{name}"[^>]*>(.*?)</(?:div|section)>', page.text, re.S)
    assert match, page.text
    return match.group(1)


def test_a_link_begins_a_preview_in_this_browser(world: World) -> None:
    made = token(world, country="FR")
    begun = world.get(f"/p/hat-1?a=1&fs_preview={made}&b=2")
    assert (begun.status_code, begun.headers["location"]) == (303, "/p/hat-1?a=1&b=2")
    cookie = begun.headers["set-cookie"]
    assert cookie.startswith(f"fs_p={made}; Path=/; Max-Age=3")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert begun.headers["cache-control"] == "private, no-store"
    assert slot(world.get("/", {"fs_p": made}), "home.hero") == "<b>nouveau</b>"
    assert slot(world.get("/"), "home.hero") == "<b>new</b>"


def test_segments_are_forced_without_consent_and_nothing_is_stored(world: World) -> None:
    page = world.get("/", {"fs_p": token(world, segments=["shoe-fans"])})
    assert slot(page, "home.hero") == "<b>fan</b>"
    shown = re.findall(r"&lt;(shoe-\d)&gt;", slot(page, "home.recommended"))
    assert shown == ["shoe-4", "shoe-3", "shoe-2", "shoe-1"]
    assert [cookie for cookie in page.headers.get_list("set-cookie") if "fs_" in cookie] == []


@pytest.mark.parametrize(("number", "shown"), [(0, "hero"), (1, "hero-fr")])
def test_a_variation_is_forced(world: World, number: int, shown: str) -> None:
    made = token(world, variations={"t1": number})
    decided = decide(world, made, "home.test")
    assert decided["content"] == shown
    assert decided["experiment"] is None


def test_a_content_and_a_time_are_forced(world: World) -> None:
    assert decide(world, token(world, slots={"home.hero": "hero-fan"}))["content"] == "hero-fan"
    past = token(world, at=1_500_000_000_000)
    told = decide(world, past, explain=True)
    assert told["explain"]["rules"][2]["tests"][0]["actual"] == "2017-07-14T02:40:00.000Z"


def decide(world: World, made: str, name: str = "home.hero", **body: Any) -> dict[str, Any]:
    response = world.worker.dispatch_fetch(
        "http://shop.example/_fs/decide",
        method="POST",
        headers={"cookie": f"fs_p={made}"},
        content=json.dumps({"slots": [name], **body}),
    )
    assert response.status_code == 200, response.text
    return dict(response.json()["decisions"][name])


def test_a_preview_is_told_reasons_but_not_believed_about_others(world: World) -> None:
    told = decide(world, token(world, country="FR"), visitor="0" * 16, attributes={"x": 1})
    assert told["reason"] == "rule:france"


def test_fragments_and_flags_follow(world: World) -> None:
    cookies = {"fs_p": token(world, country="FR")}
    assert world.get("/_fs/slot/home.hero", cookies).text == "<b>nouveau</b>"
    response = world.worker.dispatch_fetch(
        "http://shop.example/ofrep/v1/evaluate/flags/home.hero",
        method="POST",
        headers={"cookie": f"fs_p={cookies['fs_p']}"},
        content="{}",
    )
    assert response.json()["variant"] == "hero-fr"


def tampered(made: str) -> str:
    version, payload, mac = made.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["country"] = "FR"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{version}.{changed}.{mac}"


def bad_tokens(world: World) -> dict[str, str]:
    staging = Project(world.project.root, Settings(shop=Shop(name="toy", environment="staging")))
    forced = Preview(until=int(time.time()) + HOUR, country="FR")
    return {
        "expired": token(world, seconds=-1, country="FR"),
        "tampered": tampered(token(world, country="DE")),
        "of staging": preview_token(forced, staging),
        "cut": token(world, country="FR")[:-1],
        "nonsense": "nonsense",
        "empty": "",
        "huge": "1." + "A" * 5000 + "." + "B" * 22,
    }


def test_tokens_that_are_not_valid_change_nothing(world: World) -> None:
    plain = world.get("/")
    for name, made in bad_tokens(world).items():
        before = faults(world)
        page = world.get(f"/?fs_preview={made}")
        assert page.status_code == 200, name
        assert ids_out(page.text) == ids_out(plain.text), name
        assert not [c for c in page.headers.get_list("set-cookie") if "fs_p" in c], name
        with_cookie = world.get("/", {"fs_p": made})
        assert ids_out(with_cookie.text) == ids_out(plain.text), name
        cleared = [c for c in with_cookie.headers.get_list("set-cookie") if c.startswith("fs_p=;")]
        assert len(cleared) == 1, name
        after = faults(world)
        code = "preview_expired" if name == "expired" else "preview_invalid"
        if made:
            assert after[code] > before.get(code, 0), name


def ids_out(html: str) -> str:
    return re.sub(r'data-fs-decision="[^"]*"', "", html)


def test_off_ends_a_preview(world: World) -> None:
    ended = world.get("/?fs_preview=off", {"fs_p": token(world, country="FR")})
    assert (ended.status_code, ended.headers["location"]) == (303, "/")
    assert ended.headers["set-cookie"].startswith("fs_p=; Path=/; Max-Age=0")


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "///evil.example"])
def test_no_link_leads_to_another_host(world: World, path: str) -> None:
    begun = world.get(f"{path}?fs_preview={token(world)}")
    assert begun.status_code == 303
    assert re.match(r"/[^/\\]", begun.headers["location"])


def test_the_origin_and_events_know_nothing_of_a_preview(world: World) -> None:
    cookies = {"fs_p": token(world), "fs_c": "1.personalization+analytics.1700000000", "cart": "1"}
    seen = world.get("/echo", cookies).json()["headers"]
    assert seen["cookie"] == "cart=1"
    response = world.worker.dispatch_fetch(
        "http://shop.example/_fs/v1/batch",
        method="POST",
        headers={"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())},
        content=json.dumps({"batch": [{"type": "track", "event": "Product Viewed"}]}),
    )
    # No collector is there: an event that was passed on would have got a 503.
    assert (response.status_code, response.json()) == (200, {"success": True})


def test_a_draft_is_seen_in_previews_alone(world: World) -> None:
    live = world.get("/_fs/health").json()["release"]
    rules = world.project.root / "rules.yaml"
    before = rules.read_text()
    rules.write_text(before.replace("<b>new</b>", "<b>draft</b>"))
    try:
        compile_toy(world.project)
        with pytest.raises(InputError, match="deploy --draft"):
            named_release(world.target, world.project, "draft")
        done = publish(world.target, world.project.build / "current", world.project, draft=True)
        draft = named_release(world.target, world.project, "draft")
    finally:
        rules.write_text(before)
    assert not done.head_moved
    assert draft.release != live
    page = world.get("/", {"fs_p": token(world, release=draft)})
    assert slot(page, "home.hero") == "<b>draft</b>"
    assert draft.release in page.text
    assert slot(world.get("/"), "home.hero") == "<b>new</b>"
    assert world.get("/_fs/health").json()["release"] == live


def test_a_release_that_cannot_be_had_is_said_and_the_live_one_shown(world: World) -> None:
    gone = Named("gone", "m-" + "0" * 32, b"\0" * 32)
    page = world.get("/", {"fs_p": token(world, release=gone)})
    assert slot(page, "home.hero") == "<b>new</b>"
    assert "cannot be read" in page.text
    assert faults(world)["preview_missing"] >= 1


def test_a_release_that_nobody_signed_is_never_shown(world: World) -> None:
    value = b"not a manifest"
    world.kv.put("m-forged", value)
    forged = Named("forged", "m-forged", hashlib.sha256(value).digest())
    page = world.get("/", {"fs_p": token(world, release=forged)})
    assert slot(page, "home.hero") == "<b>new</b>"
    assert faults(world)["preview_unreadable"] >= 1


def test_the_ribbon_tells_slot_by_slot_what_was_chosen_and_why(world: World) -> None:
    made = token(world, country="FR", segments=["others"])
    page = world.get("/p/shoe-1?x=<b>", {"fs_p": made})
    ribbon = page.text[page.text.index('<aside id="fs-preview"') :]
    assert "Country: FR" in ribbon
    assert "<b>home.hero</b> hero-fr <i>rule:france</i>" in ribbon
    assert "segments: wants one of shoe-fans, is others" in ribbon
    assert "<b>product.alike</b> alike <i>item</i>" in ribbon
    assert 'href="/p/shoe-1?x=%3Cb%3E&amp;fs_preview=off"' in ribbon
    assert "<script" not in ribbon
    assert "style=" not in ribbon
    assert "</html>" in page.text
    sheet = world.get("/_fs/preview.css")
    assert sheet.headers["content-type"].startswith("text/css")


def test_only_navigations_carry_the_ribbon(world: World) -> None:
    cookies = {"fs_p": token(world)}
    part = world.get("/", cookies, sec_fetch_dest="empty")
    assert "fs-preview" not in part.text
    assert "fs-preview" not in world.get("/").text
