"""What sdk.js stores, sends and shows, in a real browser."""

from __future__ import annotations

import gzip
import re
import runpy
import time
from pathlib import Path

import pytest
from browsing import consenting, cookies, opened, storage, view
from page_shop import Shop, wait_until
from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SDK = ROOT / "edge_bundle" / "sdk.js"


def base36(text: str) -> int:
    return int(text, 36)


def test_it_fits_its_budget() -> None:
    assert len(gzip.compress(SDK.read_bytes(), 9)) <= 5000


def test_it_is_made_of_its_sources_as_they_are() -> None:
    header = runpy.run_path(str(ROOT / "scripts" / "bundle_sdk.py"))["header"]
    assert SDK.read_text().startswith(header()), "run scripts/bundle_sdk.py"


def test_before_a_choice_nothing_is_stored_or_sent(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    view(page, "tea-1")
    page.click("#card")
    time.sleep(0.8)
    assert cookies(context) == {}
    assert storage(page) == 0
    assert shop.batches == []


def test_what_was_called_before_the_choice_counts_once_it_is_made(
    context: BrowserContext, shop: Shop
) -> None:
    page = opened(context, shop)
    view(page, "tea-1")
    page.evaluate("frontshelf.consent.set({personalization: true, analytics: true})")
    wait_until(lambda: shop.named("Product Viewed"))
    assert cookies(context)["fs_s"].endswith(".1.0.0.vtea-1")


def test_what_was_called_before_a_refusal_is_forgotten(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    view(page, "tea-1")
    page.evaluate("frontshelf.consent.set({})")
    view(page, "tea-2")
    time.sleep(0.8)
    assert re.fullmatch(r"1\.none\.\d+", cookies(context)["fs_c"])
    assert list(cookies(context)) == ["fs_c"]
    assert shop.batches == []


def test_the_choice_is_kept_for_180_days(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    page.evaluate("frontshelf.consent.set({analytics: true, personalization: true})")
    (cookie,) = context.cookies()
    granted, at = re.fullmatch(r"1\.(personalization\+analytics)\.(\d+)", cookie["value"]).groups()
    assert granted
    assert abs(int(at) - time.time()) < 60
    assert cookie["sameSite"] == "Lax"
    assert cookie["path"] == "/"
    assert abs(cookie["expires"] - time.time() - 180 * 86400) < 120


@pytest.mark.parametrize(
    ("choice", "session", "sent"),
    [
        ("1.personalization.1764000000", True, False),
        ("1.analytics.1764000000", False, True),
        ("1.none.1764000000", False, False),
        ("2.personalization+analytics.1764000000", False, False),
        ("nonsense", False, False),
    ],
)
def test_each_purpose_allows_its_own(
    context: BrowserContext, shop: Shop, choice: str, session: bool, sent: bool
) -> None:
    consenting(context, shop, choice)
    page = opened(context, shop)
    view(page, "tea-1")
    time.sleep(0.8)
    assert ("fs_s" in cookies(context)) is session
    assert bool(shop.named("Product Viewed")) is sent


def test_global_privacy_control_overrules_the_cookie(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    context.add_cookies([{"name": "fs_s", "value": "1.a.a.1.0.0.vx", "url": shop.url}])
    context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
    )
    page = opened(context, shop)
    view(page, "tea-1")
    page.evaluate("frontshelf.consent.set({personalization: true, analytics: true})")
    view(page, "tea-2")
    time.sleep(0.8)
    assert shop.batches == []
    assert re.fullmatch(r"1\.none\.\d+", cookies(context)["fs_c"])
    assert list(cookies(context)) == ["fs_c"]


def test_the_session_cookie_follows_at_once(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    after = page.evaluate(
        """() => {
            analytics.track('Product Viewed', {product_id: 'a.b~c d/é'});
            analytics.track('Product Clicked', {product_id: 'x'});
            analytics.track('Product Viewed', {product_id: 'x'});
            analytics.track('Product Added', {product_id: 'x'});
            analytics.track('Order Completed', {products: [{product_id: 'x'}, {product_id: 'y'}]});
            return document.cookie.split('; ').find(c => c.startsWith('fs_s=')).slice(5);
        }"""
    )
    version, start, last, views, carts, orders, items = after.split(".")
    assert (version, views, carts, orders) == ("1", "2", "1", "1")
    assert abs(base36(start) - time.time()) < 60
    assert abs(base36(last) - time.time()) < 60
    assert items == "va%2Eb%7Ec%20d%2F%C3%A9~vx~cx~ox~oy"


def test_a_long_session_keeps_the_newest_within_200_bytes(
    context: BrowserContext, shop: Shop
) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    view(page, *(f"{n:02d}-" + "long" * 6 for n in range(30)))
    value = cookies(context)["fs_s"]
    assert len(value) <= 200
    items = value.split(".")[6].split("~")
    assert [item[1:3] for item in items] == [str(n) for n in range(30 - len(items), 30)]
    view(page, *(f"s{n}" for n in range(30)), "z" * 400)
    value = cookies(context)["fs_s"]
    assert value.split(".")[3] == "61"
    assert value.split(".")[6] == ""
    view(page, *(f"s{n}" for n in range(30)))
    assert len(cookies(context)["fs_s"].split(".")[6].split("~")) == 10


def test_a_session_idle_for_half_an_hour_is_over(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)

    def age(seconds: int) -> str:
        digits, number = "", int(time.time()) - seconds
        while number:
            number, rest = divmod(number, 36)
            digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
        return digits

    for idle, expected in ((1700, "vold~vnew"), (1900, "vnew")):
        value = f"1.{age(idle)}.{age(idle)}.1.0.0.vold"
        context.add_cookies([{"name": "fs_s", "value": value, "url": shop.url}])
        page = opened(context, shop)
        view(page, "new")
        assert cookies(context)["fs_s"].split(".")[6] == expected
        page.close()


def test_withdrawing_deletes_the_session_and_the_queue(context: BrowserContext, shop: Shop) -> None:
    shop.status = 503
    consenting(context, shop)
    page = opened(context, shop)
    view(page, "tea-1")
    assert "fs_s" in cookies(context)
    assert storage(page) > 1
    page.evaluate("frontshelf.consent.set({})")
    assert list(cookies(context)) == ["fs_c"]
    assert storage(page) == 0


def test_events_are_segments_with_page_and_consent(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    page = opened(context, shop, "/tea?utm_source=mail")
    page.evaluate("analytics.identify('u-1', {plan: 'gold'})")
    page.evaluate("analytics.page('Shelf', 'Tea', {length: 3})")
    page.evaluate("analytics.track('Products Searched', {query: 'green'})")
    wait_until(lambda: shop.named("Products Searched"))
    by_type = {event["type"]: event for event in shop.events}
    searched = shop.named("Products Searched")[0]
    assert searched["properties"] == {"query": "green"}
    assert searched["context"]["page"]["path"] == "/tea"
    assert searched["context"]["consent"] == {"personalization": True, "analytics": True}
    assert "anonymousId" not in searched
    assert by_type["identify"]["userId"] == "u-1"
    assert by_type["identify"]["traits"] == {"plan": "gold"}
    named = next(event for event in shop.events if event.get("name") == "Tea")
    assert named["category"] == "Shelf"
    assert named["properties"]["length"] == 3
    assert len({event["messageId"] for event in shop.events}) == len(shop.events)
    assert all(batch["sentAt"] for batch in shop.batches)


def test_calls_queued_before_the_script_are_replayed(context: BrowserContext, shop: Shop) -> None:
    shop.head = """<script>window.analytics = [["page", "Early"], ["unheardOf", 1],
        ["track", "Product Viewed", {product_id: "early"}]];</script>"""
    consenting(context, shop)
    opened(context, shop)
    wait_until(lambda: shop.named("Product Viewed"))
    assert [event["name"] for event in shop.events if event["type"] == "page"] == ["Early"]


def test_segments_snippet_works_as_it_is(context: BrowserContext, shop: Shop) -> None:
    """As the snippet does: stubs on a list, each call with the page it came from at its end."""
    shop.head = """<script>
        const list = window.analytics = [];
        for (const method of ["track", "page", "identify", "group", "screen", "alias", "ready"]) {
          list[method] = function () {
            if (window.analytics.initialized) {
              return window.analytics[method].apply(window.analytics, arguments);
            }
            list.push([method, ...arguments, {__t: "bpc", p: "/", u: "http://shop/", t: "Shop"}]);
            return list;
          };
        }
        list.page(); list.identify("u-1", {plan: "gold"}); list.track("Early", {a: 1});
        const held = list; window.late = () => held.track("Late", {b: 2});</script>"""
    consenting(context, shop)
    page = opened(context, shop)
    page.evaluate("late(); analytics.track('Told', {}, {}, () => { window.called = true })")
    page.evaluate("analytics.trackLink(document.querySelector('#card'), 'Link', {c: 3})")
    page.evaluate("analytics.screen('Cart'); analytics.group('g-1', {size: 2})")
    page.click("#card")
    wait_until(lambda: shop.named("Link"))
    page.wait_for_function("window.called")
    told = [shop.named(name)[0]["properties"] for name in ("Early", "Late", "Link")]
    assert told == [{"a": 1}, {"b": 2}, {"c": 3}]
    by_type = {event["type"]: event for event in shop.events}
    assert by_type["identify"]["traits"] == {"plan": "gold"}
    assert (by_type["group"]["groupId"], by_type["group"]["traits"]) == ("g-1", {"size": 2})
    assert by_type["screen"]["name"] == "Cart"
    assert "__t" not in str(shop.events)


def test_a_call_that_is_no_json_does_no_harm(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    page.evaluate("{ const loop = {}; loop.loop = loop; analytics.track('Bad', loop); }")
    page.evaluate("analytics.track('Product Viewed', {product_id: '\\ud800'})")
    page.evaluate("analytics.track('Product Viewed')")
    page.evaluate("analytics.track('Good')")
    wait_until(lambda: shop.named("Good"))
    assert shop.named("Bad") == []


def test_another_prefix_comes_from_the_scripts_tag(context: BrowserContext, shop: Shop) -> None:
    page = context.new_page()
    page.route("**/elsewhere/sdk.js", lambda route: route.fulfill(path=SDK))
    page.goto(shop.url)
    page.add_script_tag(url="/elsewhere/sdk.js")
    assert page.evaluate("frontshelf.prefix") == "/elsewhere"
