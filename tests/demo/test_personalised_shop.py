"""The sample shop through the edge, as a person with a browser meets it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from control_plane.cli.demo import prepare
from control_plane.cli.init import make_project
from control_plane.demo.storefront import StorefrontServer
from control_plane.emulator.dev import LocalEdge
from control_plane.settings import load_project

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHELF = "[data-fs-slot='home.recommended'] [data-fs-sku]"


class Demo:
    """The running sample shop."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        rows = map(json.loads, (folder / "items.jsonl").read_text().splitlines())
        self.category = {row["item_id"]: row["category"] for row in rows}
        self.taste: dict[str, str] = json.loads((folder / "truth.json").read_text())["items"]

    def three_of_a_kind(self) -> list[str]:
        """Return three products of one category, of a taste that few popular items are for."""
        products: dict[str, list[str]] = {}
        for item, category in self.category.items():
            products.setdefault(category, []).append(item)
        return max(products.values(), key=len)[:9:4]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    root = tmp_path_factory.mktemp("demo")
    make_project(root)
    project = load_project(root)
    prepare(project, {"products": 400, "visitors": 3000, "seed": 7})
    with (
        StorefrontServer(root / "shop") as store,
        LocalEdge(project, origin=store.url) as edge,
    ):
        yield Demo(edge.url, root / "shop")


def shelf(page: Page) -> list[str]:
    skus = page.locator(SHELF).evaluate_all("links => links.map(a => a.dataset.fsSku)")
    return [str(sku) for sku in skus]


def choose(page: Page, words: str) -> None:
    page.get_by_role("button", name=words).click()


def test_refusing_leaves_no_cookie_and_no_personal_shelf(
    demo: Demo, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(demo.url)
    before = shelf(page)
    assert before
    choose(page, "Reject all")
    for item in demo.three_of_a_kind():
        page.goto(f"{demo.url}/p/{item}")
    page.goto(demo.url)
    assert shelf(page) == before
    assert {str(c["name"]) for c in context.cookies() if str(c["name"]).startswith("fs_")} == {
        "fs_c"
    }


def test_three_products_of_a_kind_change_the_shelf_on_the_next_load_and_on_back(
    demo: Demo, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(demo.url)
    before = shelf(page)
    choose(page, "Accept all")
    wanted = demo.three_of_a_kind()
    for item in wanted:
        page.goto(f"{demo.url}/p/{item}")
    page.goto(demo.url)
    after = shelf(page)
    assert after != before
    assert set(wanted) & set(after)
    taste = demo.taste[wanted[0]]
    assert sum(demo.taste[item] == taste for item in after) > sum(
        demo.taste[item] == taste for item in before
    )
    other = next(item for item, owner in demo.taste.items() if owner != taste)
    page.goto(f"{demo.url}/p/{other}")
    page.wait_for_function("document.cookie.includes('fs_s')")
    page.go_back()
    page.wait_for_function(
        "sku => [...document.querySelectorAll(`[data-fs-slot='home.recommended'] [data-fs-sku]`)]"
        ".some(a => a.dataset.fsSku === sku)",
        arg=other,
    )


def test_the_shelf_is_there_before_any_script_ran(demo: Demo, context: BrowserContext) -> None:
    page = context.new_page()
    page.route("**/*.js", lambda route: route.abort())
    page.goto(demo.url)
    assert shelf(page)


def test_no_page_of_the_shop_has_an_error(demo: Demo, context: BrowserContext) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    item = demo.three_of_a_kind()[0]
    for path in (
        "/",
        f"/p/{item}",
        f"/c/{demo.category[item]}",
        "/search?q=wool",
        "/cart",
        "/login",
    ):
        page.goto(demo.url + path)
    assert errors == []


def test_signing_in_makes_a_known_visitor(demo: Demo, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(demo.url)
    choose(page, "Accept all")
    page.goto(f"{demo.url}/login")
    page.locator(".regulars button").first.click()
    page.wait_for_url("**/welcome")
    names = {str(cookie["name"]) for cookie in context.cookies() if cookie["httpOnly"]}
    assert {"fs_id", "fs_u"} <= names
