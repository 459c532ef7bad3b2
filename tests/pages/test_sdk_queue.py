"""Events reach the collector once, whatever happens to tabs, pages and connections."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from browsing import consenting, opened, queued, view
from page_shop import Shop, wait_until
from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser


def test_events_wait_for_the_collector_and_arrive_once(context: BrowserContext, shop: Shop) -> None:
    shop.status = 503
    consenting(context, shop)
    page = opened(context, shop)
    view(page, "tea-1")
    wait_until(lambda: len(shop.refused) >= 2)
    assert shop.batches == []
    shop.status = 200
    wait_until(lambda: shop.named("Product Viewed"))
    time.sleep(0.6)
    first = {event["messageId"] for event in shop.refused[0]["batch"]}
    ids = [event["messageId"] for event in shop.events]
    assert first <= set(ids)
    assert len(set(ids)) == len(ids)
    assert queued(page) == []


def test_the_collectors_wish_to_wait_is_respected(context: BrowserContext, shop: Shop) -> None:
    shop.status, shop.retry_after = 503, "4"
    consenting(context, shop)
    opened(context, shop)
    wait_until(lambda: shop.refused)
    shop.status, shop.retry_after = 200, None
    start = time.monotonic()
    wait_until(lambda: shop.batches)
    assert time.monotonic() - start > 3


def test_an_event_that_is_never_taken_does_not_hold_up_the_others(
    context: BrowserContext, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = shop.take

    def picky(body: dict[str, Any]) -> int:
        bad = any(event.get("event") == "Poison" for event in body["batch"])
        return 400 if bad else take(body)

    monkeypatch.setattr(shop, "take", picky)
    consenting(context, shop)
    page = opened(context, shop)
    page.evaluate("['One', 'Poison', 'Two'].forEach(name => analytics.track(name))")
    wait_until(lambda: shop.named("One") and shop.named("Two"))
    assert queued(page) == []


def test_offline_events_survive_the_page(context: BrowserContext, shop: Shop) -> None:
    shop.status = 503
    consenting(context, shop)
    page = opened(context, shop)
    view(page, "kept")
    wait_until(lambda: shop.refused)
    page.close()
    shop.status = 200
    opened(context, shop, "/next")
    wait_until(lambda: shop.named("Product Viewed"))
    assert len({e["messageId"] for e in shop.named("Product Viewed")}) == 1


def test_a_full_queue_takes_no_more_and_drops_none(context: BrowserContext, shop: Shop) -> None:
    shop.status = 503
    consenting(context, shop)
    page = opened(context, shop)
    view(page, *(f"sku-{n}" for n in range(230)))
    assert len(queued(page)) == 200
    shop.status = 200
    page.evaluate("dispatchEvent(new Event('online'))")
    wait_until(lambda: queued(page) == [])
    view(page, "later")
    (later,) = wait_until(
        lambda: [
            e for e in shop.named("Product Viewed") if e["properties"] == {"product_id": "later"}
        ]
    )
    taken = [e["properties"]["product_id"] for e in shop.named("Product Viewed")]
    assert taken == [*(f"sku-{n}" for n in range(len(taken) - 1)), "later"]
    assert later["context"]["lost"] == 230 - (len(taken) - 1), "those not taken are counted"


def test_tabs_lose_no_event_and_send_none_twice(context: BrowserContext, shop: Shop) -> None:
    shop.status = 503
    consenting(context, shop)
    pages = [opened(context, shop) for _ in range(4)]
    for page in pages:
        page.evaluate("setTimeout(() => { for (let n = 0; n < 40; n++) analytics.track('T') }, 50)")
    wait_until(lambda: len([e for e in queued(pages[0]) if e.get("event") == "T"]) == 160)
    shop.status = 200
    for page in pages:
        page.evaluate("dispatchEvent(new Event('online'))")
    wait_until(lambda: queued(pages[0]) == [])
    time.sleep(0.5)
    times = Counter(event["messageId"] for event in shop.events)
    assert len(shop.named("T")) == 160
    assert set(times.values()) == {1}


def test_all_tabs_are_one_session(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop, "1.analytics.1764000000")
    for _ in range(2):
        view(opened(context, shop), "tea-1")
    wait_until(lambda: len(shop.named("Product Viewed")) == 2)
    assert len({event["context"]["sessionId"] for event in shop.events}) == 1


def test_only_the_time_a_page_is_visible_counts(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    context.add_init_script(
        """Object.defineProperty(Document.prototype, 'visibilityState', {
               get() { return window.hiddenNow ? 'hidden' : 'visible' }});
           const now = performance.now; window.ahead = 0;
           performance.now = () => now.call(performance) + window.ahead;
           window.turn = (hidden) => { window.hiddenNow = hidden;
               document.dispatchEvent(new Event('visibilitychange')); };"""
    )
    page = opened(context, shop)
    page.evaluate(
        "ahead += 5000; turn(true); ahead += 60000; turn(false); ahead += 7000; turn(true)"
    )
    spent = wait_until(lambda: len(shop.named("Time Spent")) == 2 and shop.named("Time Spent"))
    first, second = (event["properties"]["seconds"] for event in spent)
    assert 5 <= first < 60, "neither less than was seen nor the minute it was hidden"
    assert 7 <= second < 60


def test_leaving_sends_what_is_left(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)
    page = opened(context, shop)
    page.evaluate("analytics.track('Last Words'); location.href = '/away'")
    wait_until(lambda: shop.named("Last Words"))
    page.wait_for_url("**/away")
    time.sleep(1)
    # A beacon is never acknowledged, so it may come again: the collector knows its messageId.
    assert len({event["messageId"] for event in shop.named("Last Words")}) == 1


def test_where_storage_is_refused_events_still_arrive(context: BrowserContext, shop: Shop) -> None:
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})"
    )
    consenting(context, shop)
    page = opened(context, shop)
    view(page, "tea-1")
    wait_until(lambda: shop.named("Product Viewed"))
