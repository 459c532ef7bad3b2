"""Each purpose counts by itself, and in the very request that brings the choice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from toy_shop import ADAPTERS, HATS, World, make_project

from control_plane.emulator.inbox import Inbox

KNOWN = "D" * 22  # has a row in the toy model
PERSONAL = {"fs_id": KNOWN, "fs_s": "1.zzzzzz.zzzzzz.2.0.0.vshoe-2~vshoe-3", "fs_u": "1.YQ.bad"}


class Shop(World):
    """The toy shop with a collector, whose events can be read."""

    def send(self, cookies: dict[str, str], **headers: str) -> httpx.Response:
        call = {"type": "track", "event": "Product Viewed", "properties": {"product_id": "hat-1"}}
        sent = {"cookie": "; ".join(f"{k}={v}" for k, v in cookies.items()), **headers}
        return self.worker.dispatch_fetch(
            "http://shop.example/_fs/v1/batch",
            method="POST",
            headers=sent,
            content=json.dumps({"batch": [{**call, "anonymousId": "forged", "userId": "forged"}]}),
        )

    def events(self) -> list[dict[str, Any]]:
        files = sorted((self.project.root / "inbox").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.fixture(scope="module", params=ADAPTERS)
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    project = make_project(tmp_path_factory.mktemp("consent"))
    start = ADAPTERS[request.param]
    with start(project, {"COLLECT": Inbox(Path(project.root / "inbox"))}) as worker:
        shop = Shop(project, worker)
        shop.publish()
        yield shop


def choice(purposes: str) -> dict[str, str]:
    return {"fs_c": f"1.{purposes}.{int(time.time())}"}


def cleared(response: httpx.Response) -> set[str]:
    return {
        cookie.split("=", 1)[0]
        for cookie in response.headers.get_list("set-cookie")
        if "Max-Age=0" in cookie
    }


def shelf(page: str) -> str:
    return page.split('data-fs-slot="home.recommended"')[1].split("</section>")[0]


def test_statistics_alone_name_the_device_and_personalise_nothing(shop: Shop) -> None:
    cookies = {**choice("analytics"), **PERSONAL}
    page = shop.get("/", cookies)
    assert cleared(page) == {"fs_s", "fs_u"}
    assert [f'data-fs-sku="{hat}"' in shelf(page.text) for hat in HATS[:4]] == [True] * 4
    assert shop.send(cookies).status_code == 200
    event = shop.events()[-1]
    assert event["anonymousId"] == KNOWN
    assert "userId" not in event
    assert event["context"]["consent"] == {"personalization": False, "analytics": True}


def test_a_device_that_allows_statistics_alone_gets_an_id(shop: Shop) -> None:
    set_cookies = shop.get("/", choice("analytics")).headers.get_list("set-cookie")
    assert any(cookie.startswith("fs_id=") and "HttpOnly" in cookie for cookie in set_cookies)


def test_personalisation_alone_sends_no_event(shop: Shop) -> None:
    cookies = {**choice("personalization"), **PERSONAL}
    before = len(shop.events())
    assert shop.send(cookies).status_code == 403
    assert len(shop.events()) == before
    assert "shoe" in shelf(shop.get("/", cookies).text)


@pytest.mark.parametrize(
    ("cookies", "headers"),
    [
        (choice("none"), {}),
        (choice("personalization+analytics"), {"sec-gpc": "1"}),
        ({"fs_c": "1.everything.1"}, {}),
        ({}, {}),
    ],
    ids=["withdrawn", "global privacy control", "a malformed choice", "no choice"],
)
def test_without_consent_all_that_was_stored_goes_at_once(
    shop: Shop, cookies: dict[str, str], headers: dict[str, str]
) -> None:
    page = shop.get("/", {**cookies, **PERSONAL}, **headers)
    assert cleared(page) >= {"fs_id", "fs_s", "fs_u"}
    assert "shoe" not in shelf(page.text)
    assert "<b>new</b>" in page.text
    assert shop.send({**cookies, **PERSONAL}, **headers).status_code == 403
    fragment = shop.get("/_fs/slot/home.recommended", {**cookies, **PERSONAL}, **headers)
    assert "shoe" not in fragment.text
    assert cleared(fragment) >= {"fs_id", "fs_s", "fs_u"}


def test_the_country_and_the_page_still_count_without_consent(shop: Shop) -> None:
    page = shop.get("/p/shoe-2", cf_ipcountry="FR").text
    assert "<b>nouveau</b>" in page
    assert 'data-fs-sku="shoe' in page.split('data-fs-slot="product.alike"')[1]


def test_a_crawler_gets_the_shops_own_page(shop: Shop) -> None:
    page = shop.get("/", choice("personalization"), user_agent="Googlebot/2.1")
    assert "own shelf" in page.text
    assert "fs_id" not in page.headers.get("set-cookie", "")
