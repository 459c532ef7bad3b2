"""The ribbon of a preview in a real browser, under a policy that allows no script at all."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from starlette.responses import Response
from toy_shop import PAGE, World, make_project, start_worker

from control_plane.deploy.preview import Preview, preview_token

pytestmark = pytest.mark.browser

POLICY = "default-src 'self'; script-src 'none'"


async def strict_shop(scope: Any, receive: Any, send: Any) -> None:
    body = PAGE % "shoe-1"
    if scope["path"] == "/shout.css":
        await Response("aside, details, p { color: white; opacity: .1; font: 1px serif }")(
            scope, receive, send
        )
        return
    page = body.replace("<body", "<head><link rel='stylesheet' href='/shout.css'></head><body", 1)
    headers = {"content-security-policy": POLICY}
    await Response(page, media_type="text/html", headers=headers)(scope, receive, send)


def test_the_ribbon_is_read_opened_hidden_and_left_by_keyboard(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> None:
    project = make_project(tmp_path_factory.mktemp("ribbon"))
    with start_worker(project, shop=strict_shop) as worker:
        World(project, worker).publish()
        token = preview_token(Preview(until=int(time.time()) + 600, country="FR"), project)
        page = browser.new_page()
        page.goto(f"{worker.ready}/p/shoe-1?fs_preview={token}")
        assert page.url == f"{worker.ready}/p/shoe-1"
        expect(page.locator(".hero")).to_have_text("nouveau")
        ribbon = page.get_by_role("complementary", name="Frontshelf preview")
        expect(ribbon).to_contain_text("home.hero: hero-fr")
        look = ribbon.evaluate(
            "one => [getComputedStyle(one), getComputedStyle(one.querySelector('p'))].map("
            "style => [style.position, style.color, style.opacity, style.fontSize])"
        )
        assert look[0] == ["fixed", "rgb(244, 244, 245)", "1", "14px"]
        assert look[1][1:] == ["rgb(244, 244, 245)", "1", "14px"]
        ribbon.locator("summary").first.focus()
        page.keyboard.press("Enter")
        expect(ribbon.get_by_text("Country: FR")).to_be_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(ribbon.get_by_text("country: wants FR, is FR")).to_be_visible()
        ribbon.get_by_label("Hide this on this page").focus()
        page.keyboard.press("Space")
        expect(ribbon).to_be_hidden()
        page.reload()
        ribbon.locator("summary").first.click()
        ribbon.get_by_role("link", name="End the preview").click()
        expect(page.locator(".hero")).to_have_text("new")
        expect(ribbon).to_have_count(0)
        page.close()
