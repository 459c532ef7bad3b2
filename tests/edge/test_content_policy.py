"""A shop's content security policy still holds on a page that was rewritten, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect
from starlette.requests import Request
from starlette.responses import Response
from toy_shop import World, make_project, start_worker

pytestmark = pytest.mark.browser

POLICY = (
    "default-src 'none'; script-src 'nonce-n0nce' 'strict-dynamic'; style-src 'nonce-n0nce'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'"
)
PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>Shop</title>
<script nonce="n0nce">
window.refused = [];
addEventListener("securitypolicyviolation", (event) => refused.push(event.violatedDirective));
window.mine = 1;
</script>
<style nonce="n0nce">h1 { color: rgb(1, 2, 3) }</style>
<script nonce="n0nce" src="/_fs/sdk.js" defer></script>
<script nonce="n0nce" src="/_fs/consent.js" defer></script></head>
<body><h1>Shop</h1><section data-fs-slot="home.recommended"><i>own</i></section>
<div data-fs-slot="home.hero"><i>own hero</i></div></body></html>"""


async def origin(scope, receive, send) -> None:
    if Request(scope).url.path == "/":
        response = Response(PAGE, media_type="text/html")
        response.headers["Content-Security-Policy"] = POLICY
    else:
        response = Response(
            b"<svg xmlns='http://www.w3.org/2000/svg'/>", media_type="image/svg+xml"
        )
    await response(scope, receive, send)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    project = make_project(tmp_path_factory.mktemp("toy"))
    with start_worker(project, shop=origin) as worker:
        world = World(project, worker)
        world.publish()
        yield world


def test_nothing_of_ours_is_refused_and_the_shops_own_nonces_count(
    world: World, context: BrowserContext
) -> None:
    page = context.new_page()
    response = page.goto(world.worker.ready + "/")
    assert response is not None
    assert response.headers["content-security-policy"] == POLICY
    # The policy forbids eval, and with it Playwright's own way of waiting for a function.
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate("typeof analytics.track") == "function"
    assert page.evaluate("window.mine") == 1
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
    assert page.locator("[data-fs-sku]").count() == 4
    assert page.locator("b").inner_text() == "new"
    assert page.evaluate("window.refused") == []
