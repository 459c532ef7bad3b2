"""An experiment from the page to the event log: real worker, real browser, real collector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import consenting, cookies
from page_shop import wait_until
from playwright.sync_api import BrowserContext, Page
from toy_shop import World, make_project, start_worker

from control_plane.collect.ingest import ingest
from control_plane.collect.log import EventLog
from control_plane.emulator.inbox import Inbox

pytestmark = pytest.mark.browser

RULES = """
content:
  a: {html: "<p>first</p>"}
  b: {html: "<p>second</p>"}
  shelf: {items: {from: [popular], limit: 3}, template: product-strip}
slots:
  top:
    default: a
    rules: [{id: hero, experiment: {key: hero, variations: [a, b]}}]
  below: {default: shelf, rules: [{id: low, experiment: {key: low, variations: [a, b]}}]}
  shelf: {default: shelf}
holdout: {key: everyone, share: 0.01}
"""
PAGE = b"""<!doctype html><html><head><script src="/_fs/sdk.js" defer></script></head><body>
<div data-fs-slot="top">own</div><section data-fs-slot="shelf">own</section>
<div style="height: 4000px"></div><div data-fs-slot="below">own</div></body></html>"""


class Shop(World):
    """A shop whose pages are opened in a browser."""

    @property
    def url(self) -> str:
        """Where the shop is."""
        return str(self.worker.ready).rstrip("/")

    def open(self, context: BrowserContext) -> Page:
        """Return the shop's page in a tab of its own."""
        page = context.new_page()
        page.goto(self.url)
        page.wait_for_function("window.frontshelf")
        return page

    def names_told(self, *, personalization: bool) -> set[str | None]:
        """Return the names of the events told with, or without, this consent."""
        events = (e for e in self.events() if consented(e) == personalization)
        return {event.get("event") for event in events}

    def told(self, name: str) -> list[dict[str, Any]]:
        """Return the decisions of the events of one name that the collector has."""
        return [e["properties"]["decision"] for e in self.events() if e.get("event") == name]

    def events(self) -> list[dict[str, Any]]:
        """Return all events that the collector has."""
        files = sorted((self.project.root / "inbox").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def consented(event: dict[str, Any]) -> bool:
    """Say whether an event came from somebody who agreed to personalisation."""
    return bool(event["context"]["consent"]["personalization"])


async def origin(scope: Any, receive: Any, send: Any) -> None:
    """Serve one page."""
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    project = make_project(tmp_path_factory.mktemp("shop"), RULES)
    collector = {"COLLECT": Inbox(project.root / "inbox")}
    with start_worker(project, collector, shop=origin) as worker:
        shop = Shop(project, worker)
        shop.publish()
        yield shop


def test_what_was_seen_is_logged_kept_and_shown_again(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop)  # type: ignore[arg-type]
    context.add_cookies([{"name": "fs_id", "value": "E" * 22, "url": shop.url}])
    page = shop.open(context)
    whole, hero = wait_until(
        lambda: len(shop.told("Experiment Viewed")) == 2 and shop.told("Experiment Viewed")
    )
    assert (whole["experiment"], whole["variation"], whole["reason"]) == ("everyone", 1, "served")
    assert (hero["experiment"], hero["rule"], hero["slot"]) == ("hero", "hero", "top")
    assert page.inner_text("[data-fs-slot=top]") == ["first", "second"][hero["variation"]]
    wait_until(lambda: "fs_exp" in cookies(context))
    kept = cookies(context)["fs_exp"]
    assert kept.endswith(f"-{hero['variation']}")
    assert "fs_exp" not in page.evaluate("document.cookie"), "no script can read it"

    page.evaluate("scrollTo(0, 9000)")
    wait_until(lambda: len(shop.told("Experiment Viewed")) == 3)
    assert shop.told("Experiment Viewed")[2]["experiment"] == "low"
    wait_until(lambda: cookies(context)["fs_exp"].startswith(kept + "."))

    # What was shown decides from now on: the other variation, were it in the cookie.
    name = kept[2:].split("-")[0]
    other = 1 - hero["variation"]
    cookie = {"name": "fs_exp", "value": f"1.{name}-{other}", "url": shop.url}
    context.add_cookies([{**cookie, "httpOnly": True}])  # type: ignore[list-item]
    again = shop.open(context)
    assert again.inner_text("[data-fs-slot=top]") == ["first", "second"][other]
    again.wait_for_timeout(800)
    assert len(shop.told("Experiment Viewed")) == 3, "once a session"
    again.goto(shop.url + "/next")
    wait_until(lambda: len(shop.told("Product List Viewed")) >= 2)
    (shelf, *_) = shop.told("Product List Viewed")
    assert (shelf["slot"], shelf["content"], shelf["reason"]) == ("shelf", "shelf", "default")


def test_all_that_the_page_tells_reaches_the_log(context: BrowserContext, shop: Shop) -> None:
    consenting(context, shop, "1.analytics.1764000000")  # type: ignore[arg-type]
    page = shop.open(context)
    page.evaluate(
        """analytics.track('Products Searched', {query: 'red hat'});
           analytics.track('Product Added', {product_id: 'hat-1', quantity: 2});
           analytics.track('Checkout Started', {products: [{product_id: 'hat-1'}]});
           analytics.track('Order Completed', {order_id: 'o-1', products: [{product_id: 'hat-1',
               price: 12.5, currency: 'EUR', quantity: 2}]})"""
    )
    page.click("[data-fs-sku]", no_wait_after=True)
    page.wait_for_timeout(1200)
    page.goto(shop.url + "/elsewhere")
    names = ("Time Spent", "Product Clicked", "Order Completed")
    wait_until(lambda: set(names) <= shop.names_told(personalization=False))
    ingest(shop.project, shop.project.inbox)
    with EventLog(shop.project).connect() as log:
        found = log.execute(
            """SELECT event, context['seconds'], context['list_id'], query, order_id, lines,
                      session_id IS NOT NULL AND device_id IS NOT NULL
               FROM events WHERE consent = ['analytics']"""
        ).fetchall()
    told = {event: rest for event, *rest in found}
    assert {"Product List Viewed", "Products Searched", "Product Added", "Checkout Started"} <= set(
        told
    )
    assert {"Page Viewed", *names} <= set(told)
    assert all(known for *_, known in found)
    assert int(told["Time Spent"][0]) >= 1
    assert told["Product Clicked"][1] == "shelf"
    assert told["Products Searched"][2] == "red hat"
    assert told["Order Completed"][3] == "o-1"
    (line,) = told["Order Completed"][4]
    assert (line["item_id"], line["quantity"], line["price_minor"]) == ("hat-1", 2, 1250)
