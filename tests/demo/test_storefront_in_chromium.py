"""The storefront alone, in a real browser: at home on desks and telephones, without the edge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from control_plane.demo.sample import generate
from control_plane.demo.storefront import StorefrontServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATHS = ("/", "/d/garden", "/c/knitwear", "/search?q=wool", "/cart", "/login")


class Shop:
    """The running storefront, and a product of it that can be bought."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        rows = map(json.loads, (folder / "items.jsonl").read_bytes().splitlines())
        self.product: str = next(row["url"] for row in rows if row["available"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = generate(tmp_path_factory.mktemp("shop"), products=400, visitors=100).folder
    with StorefrontServer(folder) as store:
        yield Shop(store.url, folder)


def errors_of(page: Page) -> list[str]:
    """Return the list that a page's errors go to; those of the absent edge are expected."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(_told(line)) if _counts(line) else None)
    return errors


def _told(line: ConsoleMessage) -> str:
    return f"{line.text} {line.location['url']}"


def _counts(line: ConsoleMessage) -> bool:
    return line.type == "error" and "/_fs/" not in _told(line)


def test_pages_have_no_errors_and_all_their_pictures(shop: Shop, context: BrowserContext) -> None:
    page = context.new_page()
    errors = errors_of(page)
    for path in (*PATHS, shop.product):
        page.goto(shop.url + path)
        # decode() loads lazy pictures too, and fails for those that are none.
        page.locator("img").evaluate_all(
            """images => Promise.all(images.map(image => {
                image.loading = "eager";
                return image.decode();
            }))"""
        )
    assert errors == []


@pytest.mark.parametrize("width", [320, 390, 768, 1360])
def test_no_page_is_wider_than_the_screen(shop: Shop, browser: Browser, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    for path in (*PATHS, shop.product):
        page.goto(shop.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


def test_every_page_has_one_heading_and_names_for_its_controls(
    shop: Shop, context: BrowserContext
) -> None:
    page = context.new_page()
    for path in (*PATHS, shop.product):
        page.goto(shop.url + path)
        assert page.locator("h1").count() == 1, path
        nameless = page.evaluate(
            """[...document.querySelectorAll('a, button, input:not([type=hidden]), select')]
               .filter(e => !e.textContent.trim() && !e.ariaLabel && !e.labels?.length).length"""
        )
        assert nameless == 0, path


def test_a_purchase_needs_no_edge(shop: Shop, context: BrowserContext) -> None:
    page = context.new_page()
    errors = errors_of(page)
    page.goto(shop.url + shop.product)
    page.get_by_role("button", name="Add to bag").click()
    page.wait_for_url("**/cart")
    assert page.locator("[data-cart-count]").inner_text() == "1"
    page.get_by_role("button", name="One more").click()
    expect(page.locator("[data-cart-count]")).to_have_text("2")
    page.get_by_role("link", name="To the till").click()
    page.get_by_role("button", name="Place the order").click()
    page.wait_for_url("**/checkout/thanks")
    assert page.locator("[data-cart-count]").is_hidden()
    assert errors == []


def test_events_wait_for_the_sdk_in_segment_s_own_form(shop: Shop, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(shop.url + shop.product)
    ((method, event, properties),) = page.evaluate("window.analytics")
    assert (method, event) == ("track", "Product Viewed")
    assert shop.product.endswith(properties["product_id"])


def test_the_shop_works_without_scripts(shop: Shop, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shop.url + shop.product)
    page.get_by_role("button", name="Add to bag").click()
    assert page.locator(".lines li").count() == 1
    context.close()
