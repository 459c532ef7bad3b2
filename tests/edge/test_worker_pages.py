"""The origin's pages, as the worker passes and fills them."""

from __future__ import annotations

import time

import httpx
import pytest
from toy_shop import ADAPTERS, GO_ON, World

DEVICE = "D" * 22
pytestmark = pytest.mark.parametrize("world", ADAPTERS, indirect=True)


def consent(purposes: str = "personalization+analytics") -> str:
    return f"1.{purposes}.{int(time.time())}"


def session(*items: str) -> str:
    now = int(time.time())
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    base36 = ""
    while now:
        now, rest = divmod(now, 36)
        base36 = digits[rest] + base36
    listed = "~".join(f"v{item}" for item in items)
    return f"1.{base36}.{base36}.{len(items)}.0.0.{listed}"


def test_slots_are_filled_and_the_rest_is_left(world: World) -> None:
    page = world.get("/").text
    assert "own hero" not in page
    assert "<b>new</b>" in page
    assert "own shelf" not in page
    assert 'data-fs-sku="hat-0"' in page
    assert "own unknown" in page
    assert "own empty" in page
    assert "a p is no slot" in page
    assert page.rstrip().endswith("</html>")


def test_every_decided_slot_carries_its_decision(world: World) -> None:
    page = world.get("/").text
    assert page.count("data-fs-decision=") == 4
    assert 'data-fs-slot="no.such.slot">' in page


def test_a_rewritten_page_is_kept_by_no_cache(world: World) -> None:
    headers = world.get("/").headers
    assert headers["cache-control"] == "private, no-store"
    assert "etag" not in headers
    assert "cart=c1" in headers["set-cookie"]


def test_without_consent_nothing_is_stored_or_read(world: World) -> None:
    response = world.get("/", {"fs_s": session("shoe-1", "shoe-2")})
    assert 'data-fs-sku="shoe' not in response.text.split("<footer>")[0].split("own alike")[0]
    assert "fs_id" not in response.headers["set-cookie"]
    refused = world.get("/", {"fs_c": consent("none"), "fs_s": session("shoe-1")})
    assert "fs_id=" not in refused.headers["set-cookie"]


def test_consent_mints_a_device_that_scripts_cannot_read(world: World) -> None:
    cookies = world.get("/", {"fs_c": consent()}).headers.get_list("set-cookie")
    device = next(cookie for cookie in cookies if cookie.startswith("fs_id="))
    assert "HttpOnly" in device
    assert "SameSite=Lax" in device
    known = world.get("/", {"fs_c": consent(), "fs_id": DEVICE}).headers.get_list("set-cookie")
    assert not any(cookie.startswith("fs_id=") for cookie in known)


def test_a_consented_session_shows_on_the_page(world: World) -> None:
    cookies = {"fs_c": consent(), "fs_id": "E" * 22, "fs_s": session("shoe-1", "shoe-2")}
    shelf = world.get("/", cookies).text.split("home.recommended")[1].split("</section>")[0]
    assert 'data-fs-sku="shoe-2"' in shelf
    assert 'data-fs-sku="hat' not in shelf


def test_global_privacy_control_overrules_consent_in_the_same_request(world: World) -> None:
    cookies = {"fs_c": consent(), "fs_id": DEVICE, "fs_s": session("shoe-1")}
    response = world.get("/", cookies, sec_gpc="1")
    assert 'data-fs-sku="shoe' not in response.text
    cleared = [c for c in response.headers.get_list("set-cookie") if c.startswith("fs_id=;")]
    assert "Max-Age=0" in cleared[0]


def test_malformed_cookies_are_ignored_and_cleared(world: World) -> None:
    bad = {"fs_c": "1.everything.1", "fs_id": "<script>", "fs_s": "1.%%%", "fs_u": "x"}
    response = world.get("/", bad)
    assert response.status_code == 200
    cleared = {c.split("=")[0] for c in response.headers.get_list("set-cookie") if "Max-Age=0" in c}
    assert cleared == {"fs_c", "fs_id", "fs_s", "fs_u"}


def test_the_pages_item_is_read_from_the_body(world: World) -> None:
    page = world.get("/p/shoe-2").text
    assert "own alike" not in page
    alike = page.split("product.alike")[1]
    assert 'data-fs-sku="shoe-3"' in alike
    assert 'data-fs-sku="shoe-2"' not in alike


def test_the_origin_never_sees_our_cookies(world: World) -> None:
    seen = world.get("/echo", {"fs_c": consent(), "fs_id": DEVICE, "cart": "c1"}).json()["headers"]
    assert seen["cookie"] == "cart=c1"


def test_a_navigation_asks_for_a_whole_page(world: World) -> None:
    seen = world.get("/echo", if_none_match='"1"', range="bytes=0-9").json()["headers"]
    assert "if-none-match" not in seen
    assert "range" not in seen
    other = world.get("/echo", accept="application/json", if_none_match='"1"').json()["headers"]
    assert other["if-none-match"] == '"1"'


def test_excluded_paths_are_not_touched(world: World) -> None:
    seen = world.get("/account/orders", {"fs_id": DEVICE}).json()["headers"]
    assert seen["cookie"] == f"fs_id={DEVICE}"


def test_redirects_and_errors_pass_as_they_came(world: World) -> None:
    moved = world.get("/moved")
    assert (moved.status_code, moved.headers["location"]) == (302, "/elsewhere")
    missing = world.get("/missing")
    assert missing.status_code == 404
    assert ">x</div>" in missing.text


def test_a_head_request_has_the_pages_headers_and_no_body(world: World) -> None:
    response = world.worker.dispatch_fetch("http://shop.example/", method="HEAD")
    assert response.headers["cache-control"] == "private, no-store"
    assert response.content == b""


def test_a_crawler_gets_the_shops_own_page(world: World) -> None:
    response = world.get("/", {"fs_c": consent()}, user_agent="Googlebot/2.1")
    assert "own hero" in response.text
    assert "fs_id" not in response.headers["set-cookie"]
    assert response.headers["cache-control"] == "public, max-age=60"


def test_a_vouched_user_gets_a_signed_cookie_and_their_row(world: World) -> None:
    cookies = {"fs_c": consent(), "fs_id": "E" * 22}
    login = world.get("/login", cookies)
    assert "frontshelf-user" not in login.headers
    user = next(c for c in login.headers.get_list("set-cookie") if c.startswith("fs_u="))
    assert "HttpOnly" in user
    assert "anna" not in user
    value = user.split(";")[0].removeprefix("fs_u=")
    page = world.get("/", {**cookies, "fs_u": value}).text
    assert "<b>fan</b>" in page
    forged = value[:-1] + ("A" if value[-1] != "A" else "B")
    assert "<b>fan</b>" not in world.get("/", {**cookies, "fs_u": forged}).text


def test_a_response_that_a_cache_may_have_kept_vouches_for_nobody(world: World) -> None:
    response = world.get("/login-cached", {"fs_c": consent(), "fs_id": DEVICE})
    assert "frontshelf-user" not in response.headers
    assert "fs_u=" not in response.headers.get("set-cookie", "")


def test_without_consent_nobody_is_vouched_for(world: World) -> None:
    response = world.get("/login")
    assert "frontshelf-user" not in response.headers
    assert "fs_u=" not in response.headers.get("set-cookie", "")


def test_logging_out_clears_the_user(world: World) -> None:
    response = world.get("/logout", {"fs_c": consent(), "fs_id": DEVICE})
    assert "fs_u=;" in response.headers["set-cookie"]


def test_a_page_without_slots_passes_byte_for_byte(world: World) -> None:
    assert world.get("/plain").text == "<html><body>no slots</body></html>"


def test_scripts_are_served(world: World) -> None:
    for name in ("sdk.js", "consent.js"):
        response = world.get(f"/_fs/{name}")
        assert response.headers["content-type"].startswith("text/javascript")
        assert len(response.text) > 500


def test_events_without_consent_go_nowhere(world: World) -> None:
    response = world.worker.dispatch_fetch(
        "http://shop.example/_fs/v1/batch", method="POST", content='{"batch": []}'
    )
    assert response.status_code == 403


def test_a_compressed_page_is_filled_too(world: World) -> None:
    response = world.get("/zipped", accept_encoding="gzip")
    # On Akamai the property packs what leaves for the visitor, after the worker.
    packed = response.headers.get("content-encoding")
    assert packed == {"cloudflare": "gzip", "akamai": None}[world.platform]
    page = response.text
    assert "<b>new</b>" in page
    assert page.rstrip().endswith("</html>")


def test_a_page_streams_slots_further_down_hold_nothing_up(world: World) -> None:
    GO_ON.clear()
    address = f"{world.worker.ready}/slow"
    try:
        with httpx.stream("GET", address, headers={"accept": "text/html"}, timeout=20) as page:
            parts = page.iter_text()
            first = ""
            while "<b>new</b>" not in first:
                first += next(parts)
            assert "</html>" not in first
            GO_ON.set()
            assert "".join(parts).rstrip().endswith("</html>")
    finally:
        GO_ON.set()
