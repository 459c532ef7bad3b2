"""The storefront alone: whole pages for everyone, and one's own pages kept by no cache."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from control_plane.demo.sample import generate
from control_plane.demo.storefront import StorefrontServer, create_app
from control_plane.errors import InputError

HTML = {"Accept": "text/html"}
PUBLIC, PRIVATE = "public, max-age=60", "private, no-store"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("shop"), products=400, visitors=300).folder


@pytest.fixture
def shop(folder: Path) -> FlaskClient:
    return create_app(folder).test_client()


@pytest.fixture(scope="module")
def items(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "items.jsonl").read_bytes().splitlines()]


@pytest.fixture(scope="module")
def item(items: list[dict[str, Any]]) -> dict[str, Any]:
    return next(item for item in items if item["available"])


def tracked(page: str) -> list[dict[str, Any]]:
    """Return the events a page tells of."""
    found = re.findall(r'<script type="application/json" data-track>(.*?)</script>', page)
    return [json.loads(text) for text in found]


class Links(HTMLParser):
    """Collects what a page refers to, and that every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "img", "input", "circle", "path", "br"):
            self.open.append(tag)
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action")}

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("circle", "path"):
            assert self.open.pop() == tag


def test_every_public_page_is_whole_and_cacheable(shop: FlaskClient, item: dict[str, Any]) -> None:
    for path in ("/", "/d/camp", f"/c/{item['category']}", item["url"], "/search?q=wool"):
        answer = shop.get(path, headers=HTML)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == PUBLIC
        assert "Set-Cookie" not in answer.headers
        assert Links(answer.text).open == []
        assert answer.text.rstrip().endswith("</html>")


def test_a_page_that_has_not_changed_is_not_sent_again(shop: FlaskClient) -> None:
    tag = shop.get("/").headers["ETag"]
    assert shop.get("/", headers={"If-None-Match": tag}).status_code == 304


def test_public_pages_are_the_same_for_all(shop: FlaskClient, folder: Path) -> None:
    stranger = create_app(folder).test_client()
    shop.post("/login", data={"customer": "cust-000001"})
    assert shop.get("/").data == stranger.get("/").data
    assert "Frontshelf-User" not in shop.get("/").headers


def test_slots_hold_a_shelf_of_their_own(shop: FlaskClient, item: dict[str, Any]) -> None:
    for path, slots in (
        ("/", {"home.hero": 0, "home.recommended": 12}),
        (item["url"], {"product.alike": 6, "product.together": 6}),
        (f"/c/{item['category']}", {"category.recommended": 6}),
    ):
        page = shop.get(path).text
        found = re.findall(r'data-fs-slot="([^"]+)">(.*?)</(?:div|ul)>', page, re.DOTALL)
        assert {name: body.count('class="fs-card"') for name, body in found} == slots


def test_shelves_have_the_markup_of_the_edge_s_template(shop: FlaskClient) -> None:
    page = shop.get("/").text
    card = re.search(r'<li class="fs-card">.*?</li>', page)
    assert card
    assert re.fullmatch(
        r'<li class="fs-card"><a href="[^"]+" data-fs-sku="[^"]+"><img src="[^"]+" alt=""'
        r' loading="lazy" width="240" height="240"><span class="fs-title">[^<]+</span>'
        r'<span class="fs-price">€\d+\.\d\d</span></a></li>',
        card[0],
    )


def test_a_product_page_tells_its_item_and_category(
    shop: FlaskClient, item: dict[str, Any]
) -> None:
    page = shop.get(item["url"]).text
    facts = f'data-fs-item="{item["item_id"]}" data-fs-category="{item["category"]}"'
    assert f"<body {facts}>" in page
    (event,) = tracked(page)
    assert event["event"] == "Product Viewed"
    assert event["properties"]["product_id"] == item["item_id"]


def test_alike_products_are_of_the_same_kind_and_not_itself(
    shop: FlaskClient, items: list[dict[str, Any]], item: dict[str, Any]
) -> None:
    by_id = {one["item_id"]: one for one in items}
    page = shop.get(item["url"]).text
    alike = page[page.index("product.alike") : page.index("product.together")]
    shelf = re.findall(r'data-fs-sku="([^"]+)"', alike)
    kinds = [by_id[sku]["category"] for sku in shelf]
    assert kinds[:2] == [item["category"]] * 2
    assert len(shelf) == len(set(shelf)) == 6
    assert item["group_id"] not in {by_id[sku]["group_id"] for sku in shelf}
    assert all(by_id[sku]["available"] for sku in shelf)


def test_a_list_can_be_sorted_and_paged(folder: Path, shop: FlaskClient) -> None:
    page = shop.get("/search?q=a&sort=price").text
    prices = [float(price) for price in re.findall(r'fs-price">€([\d.]+)', page)]
    assert len(prices) == 24
    assert prices == sorted(prices)
    second = shop.get("/search?q=a&sort=price&page=2").text
    assert float(re.findall(r'fs-price">€([\d.]+)', second)[0]) >= prices[-1]
    assert shop.get("/search?q=a&page=99999").status_code == 200


def test_search_finds_products_by_words_in_any_order(
    shop: FlaskClient, item: dict[str, Any]
) -> None:
    words = item["title"].replace(",", "").lower().split()
    page = shop.get("/search", query_string={"q": f"{words[-1]} {words[0]}"}).text
    assert item["item_id"] in page
    assert tracked(page)[0]["event"] == "Products Searched"
    assert "goes by that name" in shop.get("/search?q=zzzz").text


def test_what_is_searched_for_is_shown_as_text(shop: FlaskClient) -> None:
    page = shop.get("/search", query_string={"q": "</script><script>alert(1)</script>"}).text
    assert "<script>alert" not in page
    assert tracked(page)[0]["properties"]["query"] == "</script><script>alert(1)</script>"


def test_links_and_pictures_lead_somewhere(shop: FlaskClient, item: dict[str, Any]) -> None:
    pages = [shop.get(path).text for path in ("/", "/d/home", item["url"], "/login", "/cart")]
    links = set().union(*(Links(page).links for page in pages))
    for link in sorted(links - {"/logout", "/_fs/sdk.js", "#main"}):
        assert link.startswith("/"), "nothing comes from elsewhere"
        with shop.get(link, headers=HTML) as answer:
            assert answer.status_code in (200, 303), link


def test_the_bag_counts_and_tells_of_what_changed(shop: FlaskClient, item: dict[str, Any]) -> None:
    answer = shop.post("/cart", data={"item": item["item_id"]})
    assert answer.status_code == 303
    assert answer.headers["Cache-Control"] == PRIVATE
    page = shop.get("/cart")
    assert page.headers["Cache-Control"] == PRIVATE
    assert shop.get_cookie("shop_cart").value == "1"
    (event,) = tracked(page.text)
    assert event["event"] == "Product Added"
    assert event["properties"]["quantity"] == 1
    assert tracked(shop.get("/cart").text) == []
    shop.post("/cart", data={"item": item["item_id"], "quantity": "0"})
    assert tracked(shop.get("/cart").text)[0]["event"] == "Product Removed"


def test_an_order_empties_the_bag_and_is_told_once(shop: FlaskClient, item: dict[str, Any]) -> None:
    shop.post("/cart", data={"item": item["item_id"], "quantity": "2"})
    assert tracked(shop.get("/checkout").text)[0]["event"] == "Checkout Started"
    shop.post("/checkout")
    (event,) = tracked(shop.get("/checkout/thanks").text)
    assert event["event"] == "Order Completed"
    assert event["properties"]["total"] == pytest.approx(2 * item["price"])
    assert event["properties"]["products"][0]["quantity"] == 2
    assert tracked(shop.get("/checkout/thanks").text) == []
    assert shop.get("/checkout").status_code == 303


def test_what_is_sold_out_cannot_be_bought(shop: FlaskClient, items: list[dict[str, Any]]) -> None:
    gone = next(item for item in items if not item["available"])
    assert "Add to bag" not in shop.get(gone["url"]).text
    assert shop.post("/cart", data={"item": gone["item_id"]}).status_code == 404
    assert shop.post("/cart", data={"item": "no such"}).status_code == 404


def test_the_shop_vouches_only_on_private_pages_for_who_is_signed_in(shop: FlaskClient) -> None:
    assert "Frontshelf-User" not in shop.get("/login").headers
    answer = shop.post("/login", data={"customer": "cust-000042"})
    assert answer.headers["Frontshelf-User"] == "cust-000042"
    assert answer.headers["Cache-Control"] == PRIVATE
    welcome = shop.get("/welcome")
    assert welcome.headers["Frontshelf-User"] == "cust-000042"
    assert welcome.headers["Cache-Control"] == PRIVATE
    left = shop.post("/logout")
    assert left.headers["Frontshelf-User"] == ""
    assert left.headers["Cache-Control"] == PRIVATE
    assert "Frontshelf-User" not in shop.get("/cart").headers
    assert shop.get("/account").status_code == 303


def test_a_customer_number_that_is_none_is_refused(shop: FlaskClient) -> None:
    answer = shop.post("/login", data={"customer": "a\r\nSet-Cookie: x=1"})
    assert answer.status_code == 422
    assert "is not a customer number" in answer.text
    assert "Frontshelf-User" not in answer.headers


def test_no_cookie_of_the_shop_looks_like_frontshelf_s(
    shop: FlaskClient, item: dict[str, Any]
) -> None:
    answers = [
        shop.post("/cart", data={"item": item["item_id"]}),
        shop.post("/login", data={"customer": "cust-000001"}),
        shop.post("/logout"),
    ]
    names = {
        line.partition("=")[0] for one in answers for line in one.headers.getlist("Set-Cookie")
    }
    assert names == {"shop_session", "shop_cart", "shop_customer"}


def test_unknown_pages_are_not_found(shop: FlaskClient) -> None:
    for path in ("/p/nothing", "/c/nothing", "/d/nothing", "/img/nothing.svg", "/nothing"):
        answer = shop.get(path, headers=HTML)
        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == PRIVATE
    assert shop.get("/_fs/sdk.js").mimetype == "text/plain"


def test_a_folder_without_a_catalogue_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"items\.jsonl.*no catalogue"):
        create_app(tmp_path)
    (tmp_path / "items.jsonl").write_text('{"item_id": 1}\n')
    with pytest.raises(InputError, match=r"items\.jsonl:1"):
        create_app(tmp_path)


def test_it_serves_over_http_until_it_is_left(folder: Path) -> None:
    with StorefrontServer(folder) as store:
        answer = httpx.get(store.url)
        assert answer.is_success
        assert "</html>" in answer.text
    with pytest.raises(httpx.ConnectError):
        httpx.get(store.url)
