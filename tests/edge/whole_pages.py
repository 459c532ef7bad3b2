"""What a page of the toy shop may show: genuine content of one release, or the page's own."""

from __future__ import annotations

import re

import httpx
from toy_shop import ITEMS

SLOT = re.compile(r'data-fs-slot="([\w.]+)"[^>]*>(.*?)</(?:div|section|p)>', re.S)
#: A card as its template makes it, with title, price and links of one and the same item.
CARD = re.compile(
    r'<li class="fs-card"><a href="/p/([a-z]+-\d)" data-fs-sku="\1">'
    r'<img src="/img/\1\.svg" alt="" loading="lazy" width="240" height="240">'
    r'<span class="fs-title">(?:Shoe|Hat) &lt;\1&gt;</span>'
    r'<span class="fs-price">€12\.90</span></a></li>'
)


def contents(page: httpx.Response) -> dict[str, str]:
    """Return what stands in each slot of a page that must be whole."""
    assert page.status_code == 200
    assert page.text.rstrip().endswith("<footer>end</footer></body></html>"), page.text[-200:]
    found: dict[str, str] = {}
    for name, content in SLOT.findall(page.text):
        found.setdefault(name, content.replace("&#8364;", "€"))
    return found


def releases_shown(page: httpx.Response, heroes: dict[str, str]) -> set[str]:
    """Return which releases a page shows, by their hero; fail at anything that is not genuine."""
    shown = set()
    for name, content in contents(page).items():
        if content.startswith("<i>"):
            continue
        if content.startswith("<ul"):
            cards = re.fullmatch(r'<ul class="fs-strip">(.*)</ul>', content)
            assert cards, content
            assert CARD.sub("", cards.group(1)) == "", content
            assert set(CARD.findall(content)) <= set(ITEMS)
            continue
        assert content in heroes, f"{name}: {content}"
        shown.add(heroes[content])
    assert len(shown) <= 1, f"a mixed release: {shown}"
    return shown
