"""Short ways to be a visitor of the small shop."""

from __future__ import annotations

import json
from typing import Any

from page_shop import Shop
from playwright.sync_api import BrowserContext, Page

ALL = "1.personalization+analytics.1764000000"


def cookies(context: BrowserContext) -> dict[str, str]:
    """Return the visitor's cookies by name."""
    return {one["name"]: one["value"] for one in context.cookies()}


def consenting(context: BrowserContext, shop: Shop, choice: str = ALL) -> None:
    """Give the visitor a choice made before."""
    context.add_cookies([{"name": "fs_c", "value": choice, "url": shop.url}])


def opened(context: BrowserContext, shop: Shop, path: str = "/") -> Page:
    """Return a page of the shop, its script at work."""
    page = context.new_page()
    page.goto(shop.url + path)
    page.wait_for_function("window.frontshelf")
    return page


def view(page: Page, *skus: str) -> None:
    """Look at products, as the shop's page tells it."""
    for sku in skus:
        page.evaluate("sku => analytics.track('Product Viewed', {product_id: sku})", sku)


def storage(page: Page) -> int:
    """Return how many things the browser stores for the shop beside cookies."""
    return int(page.evaluate("localStorage.length + sessionStorage.length"))


def queued(page: Page) -> list[dict[str, Any]]:
    """Return the events that wait in the browser's storage, oldest first."""
    texts = page.evaluate(
        """() => Object.keys(localStorage).filter(k => k.startsWith('fs_q')).sort()
              .map(k => localStorage[k])"""
    )
    return [json.loads(text) for text in texts]
