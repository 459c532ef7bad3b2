"""The consent banner asks once, lets refuse as easily as accept, and works by keyboard."""

from __future__ import annotations

import gzip
import re
import time
from pathlib import Path

import pytest
from page_shop import Shop
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = pytest.mark.browser

CONSENT = Path(__file__).parents[2] / "edge_bundle" / "consent.js"
SCRIPT = '<script src="/_fs/consent.js" defer {attributes}></script>'


def opened(context: BrowserContext, shop: Shop, attributes: str = "", path: str = "/") -> Page:
    shop.scripts = SCRIPT.format(attributes=attributes)
    page = context.new_page()
    page.goto(shop.url + path)
    page.wait_for_function("window.frontshelf")
    return page


def choice(context: BrowserContext) -> str | None:
    found = [one["value"] for one in context.cookies() if one["name"] == "fs_c"]
    return re.sub(r"\.\d{9,}$", "", found[0]) if found else None


def test_it_fits_its_budget() -> None:
    assert len(gzip.compress(CONSENT.read_bytes(), 9)) <= 6000


def test_a_new_visitor_is_asked_and_nothing_is_kept(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.get_by_role("dialog").get_attribute("aria-modal") == "false"
    assert context.cookies() == []
    assert page.evaluate("document.activeElement === document.body"), "the page keeps the focus"


@pytest.mark.parametrize(
    ("button", "expected"),
    [("Accept all", "1.personalization+analytics"), ("Reject all", "1.none")],
)
def test_an_answer_is_recorded_and_not_asked_again(
    context: BrowserContext, shop: Shop, button: str, expected: str
) -> None:
    page = opened(context, shop)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert choice(context) == expected
    page.reload()
    page.wait_for_function("window.frontshelf")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_refusing_is_as_prominent_as_accepting(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    looks = [
        page.get_by_role("button", name=name).evaluate(
            """b => { const s = getComputedStyle(b), r = b.getBoundingClientRect();
                return [r.width, r.height, r.top, s.color, s.backgroundColor, s.fontWeight] }"""
        )
        for name in ("Accept all", "Reject all")
    ]
    assert looks[0] == looks[1]


def test_each_purpose_can_be_chosen_and_none_is_ticked_before(
    context: BrowserContext, shop: Shop
) -> None:
    page = opened(context, shop)
    page.get_by_role("button", name="Choose").click()
    assert page.get_by_role("checkbox", name="Necessary").is_disabled()
    assert not page.get_by_role("checkbox", name="Personalisation").is_checked()
    assert not page.get_by_role("checkbox", name="Statistics").is_checked()
    page.get_by_role("checkbox", name="Personalisation").check()
    page.get_by_role("button", name="Save choices").click()
    assert choice(context) == "1.personalization"


def test_it_works_by_keyboard_alone(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    expect(page.get_by_role("dialog")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Save choices")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert choice(context) == "1.personalization"


def test_escape_is_no_consent(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    page.get_by_role("button", name="Choose").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert choice(context) is None
    page.reload()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_page_can_be_used_while_it_asks(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.click("#away")
    page.wait_for_url("**/away")
    assert choice(context) is None


def test_a_link_of_the_page_opens_the_choices_again(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    page.get_by_role("button", name="Accept all").click()
    page.click("#privacy")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_focused()
    assert page.get_by_role("checkbox", name="Statistics").is_checked()
    page.get_by_role("checkbox", name="Statistics").uncheck()
    page.get_by_role("button", name="Save choices").click()
    assert choice(context) == "1.personalization"
    assert page.evaluate("document.activeElement.id") == "privacy"


def test_withdrawing_there_clears_the_session(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    page.get_by_role("button", name="Accept all").click()
    page.evaluate("analytics.track('Product Viewed', {product_id: 'tea-1'})")
    assert len(context.cookies()) == 2
    page.click("#privacy")
    page.get_by_role("button", name="Reject all").click()
    assert [one["name"] for one in context.cookies()] == ["fs_c"]


def test_an_answer_is_told_to_the_page(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop)
    page.evaluate("addEventListener('frontshelf:consent', e => { window.told = e.detail })")
    page.get_by_role("button", name="Accept all").click()
    told = page.evaluate("window.told")
    assert told == {"personalization": True, "analytics": True, "chosen": True, "optOut": False}


def test_global_privacy_control_needs_no_question(context: BrowserContext, shop: Shop) -> None:
    context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
    )
    page = opened(context, shop)
    time.sleep(0.3)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.click("#privacy")
    expect(page.get_by_text("Global Privacy Control")).to_be_visible()
    assert page.get_by_role("checkbox", name="Personalisation").is_disabled()
    page.get_by_role("button", name="Close").click()
    assert context.cookies() == []


def test_its_words_can_be_the_shops_own(context: BrowserContext, shop: Shop) -> None:
    shop.head = '<script>window.frontshelfConsent = {reject: "Nein <b>danke</b>"}</script>'
    attributes = 'data-title="Kekse?" data-accept="Gern" data-policy="/datenschutz"'
    page = opened(context, shop, attributes)
    expect(page.get_by_role("heading", name="Kekse?")).to_be_visible()
    expect(page.get_by_role("link", name="Privacy policy")).to_have_attribute(
        "href", "/datenschutz"
    )
    page.get_by_role("button", name="Gern").focus()
    page.get_by_role("button", name="Nein <b>danke</b>").click()
    assert choice(context) == "1.none"


def test_its_looks_can_be_the_shops_own(context: BrowserContext, shop: Shop) -> None:
    shop.head = """<style>.fs-consent { --fs-ground: rgb(1, 2, 3); }
        .fs-consent::part(title) { text-transform: uppercase; }</style>"""
    page = opened(context, shop)
    card = page.get_by_role("dialog")
    assert card.evaluate("c => getComputedStyle(c).backgroundColor") == "rgb(1, 2, 3)"
    title = page.get_by_role("heading", name="remembers")
    assert title.evaluate("t => getComputedStyle(t).textTransform") == "uppercase"


def test_a_strict_content_policy_does_not_unclothe_it(context: BrowserContext, shop: Shop) -> None:
    shop.head = (
        '<meta http-equiv="Content-Security-Policy" content="style-src \'self\'; '
        "script-src 'self'\">"
    )
    page = opened(context, shop)
    card = page.get_by_role("dialog")
    assert card.evaluate("c => getComputedStyle(c).position") == "fixed"


@pytest.mark.parametrize("order", ["consent first", "sdk first"])
def test_the_order_of_the_scripts_does_not_matter(
    context: BrowserContext, shop: Shop, order: str
) -> None:
    if order == "consent first":
        shop.head = SCRIPT.format(attributes="")
        page = context.new_page()
        page.goto(shop.url)
    else:
        page = opened(context, shop)
    expect(page.get_by_role("dialog")).to_be_visible()


def fetched(page: Page) -> list[str]:
    """Return the list that a page's requests for consent.js go to."""
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "consent.js" in one.url else None)
    return asked


def test_it_comes_only_to_those_who_have_not_chosen(context: BrowserContext, shop: Shop) -> None:
    shop.sdk = 'data-consent data-title="Kekse?"'
    page = context.new_page()
    asked = fetched(page)
    page.goto(shop.url)
    expect(page.get_by_role("dialog", name="Kekse?")).to_be_visible()
    assert len(asked) == 1
    page.get_by_role("button", name="Reject all").click()
    page.goto(shop.url + "/next")
    page.wait_for_function("window.frontshelf")
    page.wait_for_load_state("networkidle")
    assert len(asked) == 1, "a visitor who has chosen pays nothing for it"
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.click("#privacy")
    expect(page.get_by_role("dialog", name="Your choices")).to_be_focused()
    assert len(asked) == 2


def test_without_being_asked_for_it_stays_away(context: BrowserContext, shop: Shop) -> None:
    page = context.new_page()
    asked = fetched(page)
    page.goto(shop.url)
    page.wait_for_load_state("networkidle")
    assert asked == []


def test_a_policy_with_a_nonce_lets_it_come(context: BrowserContext, shop: Shop) -> None:
    shop.head = (
        '<meta http-equiv="Content-Security-Policy" content="script-src \'nonce-abc\'; '
        "style-src 'none'\">"
    )
    shop.sdk = 'data-consent nonce="abc"'
    page = context.new_page()
    page.goto(shop.url)
    expect(page.get_by_role("dialog")).to_be_visible()


def test_screen_readers_are_told_what_each_thing_is(context: BrowserContext, shop: Shop) -> None:
    page = opened(context, shop, 'data-policy="/privacy"')
    dialog = page.get_by_role("dialog", name="A shop that remembers what you like?")
    expect(dialog).to_have_accessible_description(re.compile("With your consent"))
    assert page.locator("body").aria_snapshot().startswith("- dialog"), "first to be read"
    page.get_by_role("button", name="Choose").click()
    expect(page.get_by_role("dialog", name="Your choices")).to_be_focused()
    box = page.get_by_role("checkbox", name="Statistics", exact=True)
    expect(box).to_have_accessible_description(re.compile("Counts visits"))
    names = [
        line.strip()
        for line in page.get_by_role("dialog").aria_snapshot().splitlines()
        if re.match(r"\s*- (heading|checkbox|button)", line)
    ]
    assert names == [
        '- heading "Your choices" [level=2]',
        '- checkbox "Necessary" [checked] [disabled]',
        '- checkbox "Personalisation"',
        '- checkbox "Statistics"',
        '- button "Reject all"',
        '- button "Accept all"',
        '- button "Save choices"',
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_can_be_read_on_light_and_dark_pages_wide_and_narrow(
    browser: Browser, shop: Shop, scheme: str, width: int
) -> None:
    shop.head = (
        '<meta name="viewport" content="width=device-width">'
        f"<style>:root {{ color-scheme: {scheme} }}</style>"
    )
    visitor = browser.new_context(viewport={"width": width, "height": 568})
    page = opened(visitor, shop, 'data-policy="/privacy"')
    for _ in range(2):
        card = page.get_by_role("dialog")
        assert card.evaluate("c => c.scrollWidth <= c.clientWidth")
        box = card.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 568
        dark = luminance(card.evaluate("c => getComputedStyle(c).backgroundColor")) < 0.2
        assert dark is (scheme == "dark")
        for text, ground in card.evaluate(COLOURS):
            assert contrast(text, ground) >= 4.5, (text, ground)
        page.get_by_role("button", name=re.compile("Choose|Save")).click()
    visitor.close()


#: The colours of every text, and of what it stands on.
COLOURS = """card => [...card.querySelectorAll('h2, p, a, b, span, button')].map(e => {
    const clear = c => c === 'rgba(0, 0, 0, 0)';
    let ground = e;
    while (clear(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
    return [getComputedStyle(e).color, getComputedStyle(ground).backgroundColor]; })"""


def luminance(colour: str) -> float:
    parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)
