"""What visitors saw of slots and lists, and how one-page shops fill theirs."""

from __future__ import annotations

import time

import pytest
from browsing import consenting, cookies, opened
from page_shop import FIRST, FOOT, Shop, wait_until
from playwright.sync_api import BrowserContext, Route

pytestmark = pytest.mark.browser


def test_an_exposure_is_sent_once_a_session_for_each_experiment(
    context: BrowserContext, shop: Shop
) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    wait_until(lambda: len(shop.named("Experiment Viewed")) == 2)
    page.evaluate("scrollTo(0, 5000)")
    wait_until(lambda: shop.named("Promotion Viewed"))
    shop.first = "again.0123456789ab.0.0.1.hold.exp2"
    other = opened(context, shop, "/other")
    wait_until(lambda: len(shop.named("Experiment Viewed")) == 3)
    other.evaluate("scrollTo(0, 5000)")
    time.sleep(0.8)
    sent = [event["properties"] for event in shop.named("Experiment Viewed")]
    assert [one["exposure"] for one in sent] == ["hold", "exp1", "exp2"]
    assert sent[0]["decision"] == {"id": FIRST, "slot": "home.recommended"}


def test_a_new_session_is_exposed_anew(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    wait_until(lambda: len(shop.named("Experiment Viewed")) == 2)
    page.evaluate(
        """() => { const [id, at, seen] = JSON.parse(localStorage.fs_v);
               localStorage.fs_v = JSON.stringify([id, at - 1801, seen]);
               document.dispatchEvent(new Event('visibilitychange')) }"""
    )
    wait_until(lambda: len(shop.named("Experiment Viewed")) == 4)
    ids = {event["messageId"] for event in shop.named("Experiment Viewed")}
    assert len(ids) == 4


def test_without_an_experiment_no_exposure_is_sent(context: BrowserContext, shop: Shop) -> None:
    shop.first, shop.foot = "a.0123456789ab.0.d", "b.0123456789ab.1.0"
    consenting(context, shop)
    opened(context, shop)
    wait_until(lambda: shop.named("Product List Viewed"))
    time.sleep(0.4)
    assert shop.named("Experiment Viewed") == []


def test_a_shelf_is_seen_when_its_top_edge_is(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    (seen,) = wait_until(lambda: shop.named("Product List Viewed"))
    assert seen["properties"] == {
        "list_id": "home.recommended",
        "products": [{"product_id": "mug-7", "position": 1}],
        "decision": {"id": FIRST, "slot": "home.recommended"},
    }
    assert shop.named("Promotion Viewed") == []
    for place in (5000, 0, 5000):
        page.evaluate("place => scrollTo(0, place)", place)
        wait_until(lambda: shop.named("Promotion Viewed"))
    time.sleep(0.5)
    (seen,) = shop.named("Promotion Viewed")
    assert seen["properties"]["decision"] == {"id": FOOT, "slot": "home.footer"}
    assert len(shop.named("Product List Viewed")) == 1


def test_a_list_of_the_shops_own_is_seen_and_clicked_like_a_slot(
    context: BrowserContext, shop: Shop
) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    page.evaluate(
        """document.body.insertAdjacentHTML('afterbegin', `<ol data-fs-list="search">
             <li><a href="#1" data-fs-sku="one">1</a>
             <li><a href="#2" data-fs-sku="two">2</a></ol>`);
           history.replaceState({}, '', '/search')"""
    )
    page.click("[data-fs-sku=two]")
    (clicked,) = wait_until(lambda: shop.named("Product Clicked"))
    assert clicked["properties"] == {"product_id": "two", "position": 2, "list_id": "search"}
    lists = [e["properties"]["list_id"] for e in shop.named("Product List Viewed")]
    assert "search" in lists


def test_a_click_tells_the_item_and_the_decision(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    page.click("#card")
    page.click("#promo")
    page.click("h1")
    wait_until(lambda: shop.named("Promotion Clicked"))
    (clicked,) = shop.named("Product Clicked")
    facts = {"list_id": "home.recommended", "decision": {"id": FIRST, "slot": "home.recommended"}}
    assert clicked["properties"] == {"product_id": "mug-7", "position": 1, **facts}
    assert cookies(context)["fs_s"].endswith("vmug-7")


def test_back_fills_the_slots_anew(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    page.evaluate("window.kept = true")
    page.goto(shop.url + "/away")
    page.evaluate("history.back()")
    page.wait_for_function("window.kept === true")
    wait_until(lambda: len(shop.slots) == 2)
    assert sorted(shop.slots) == [
        "/_fs/slot/home.footer?item=pot-2&category=tea",
        "/_fs/slot/home.recommended?item=tea-1&category=tea",
    ]
    decision = page.get_attribute("[data-fs-slot='home.recommended']", "data-fs-decision")
    wait_until(
        lambda: any(
            event["properties"]["decision"]["id"] == decision
            for event in shop.named("Product List Viewed") + shop.named("Promotion Viewed")
        )
    )


def test_moving_within_a_page_counts_it_and_fills_its_slots(
    context: BrowserContext, shop: Shop
) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    page.evaluate("history.pushState({}, '', '/two')")
    page.wait_for_function("document.body.innerText.includes('filled')")
    page.evaluate("location.hash = 'part'")
    page.evaluate("history.go(-2)")
    wait_until(lambda: len(shop.slots) == 4)

    def paths() -> list[str]:
        return [e["context"]["page"]["path"] for e in shop.events if e["type"] == "page"]

    wait_until(lambda: len(paths()) == 3)
    time.sleep(0.5)
    assert paths() == ["/", "/two", "/"]


def test_slots_that_a_one_page_shop_puts_up_or_changes_are_filled(
    context: BrowserContext, shop: Shop
) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    page.evaluate("history.pushState({}, '', '/p/cup')")
    wait_until(lambda: len(shop.slots) == 2)
    page.evaluate(
        """document.body.insertAdjacentHTML('beforeend',
             '<div data-fs-slot="product.alike" data-fs-item="cup"></div>')"""
    )
    wait_until(lambda: "/_fs/slot/product.alike?item=cup&category=tea" in shop.slots)
    page.wait_for_function(
        "document.querySelector('[data-fs-slot=\"product.alike\"]').innerText.includes('filled')"
    )
    page.evaluate("document.body.dataset.fsItem = 'cup-2'")
    wait_until(lambda: "/_fs/slot/home.recommended?item=cup-2&category=tea" in shop.slots)
    time.sleep(0.5)
    assert len(shop.slots) == 6, "each once, for what it was filled with"


def test_an_answer_for_the_page_before_comes_too_late(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    waiting: list[Route] = []
    page.route("**/_fs/slot/home.recommended**", lambda route: waiting.append(route))
    page.evaluate("history.pushState({}, '', '/two')")
    page.wait_for_timeout(200)
    page.evaluate("history.pushState({}, '', '/three')")
    page.wait_for_timeout(200)
    late, current = waiting
    current.fulfill(status=200, body="current")
    page.wait_for_function("document.body.innerText.includes('current')")
    late.fulfill(status=200, body="late")
    page.wait_for_timeout(300)
    assert page.inner_text("[data-fs-slot='home.recommended']") == "current"


def test_a_failing_slot_leaves_what_is_shown(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    page.route("**/_fs/slot/**", lambda route: route.fulfill(status=503, body="broken"))
    page.evaluate("frontshelf.refill()")
    assert page.inner_text("#card") == "Mug"
