"""Writes what happens as Segment calls: who speaks, and the properties of each event."""

from __future__ import annotations

from typing import Any

import msgspec

from control_plane.demo.catalogue import CURRENCY, Catalogue
from control_plane.demo.moments import iso

Call = dict[str, Any]

_AGENTS = {
    "mobile": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) Version/19.1 Safari/604.1",
    "desktop": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0 Safari/537.36",
    "tablet": "Mozilla/5.0 (iPad; CPU OS 19_1 like Mac OS X) Version/19.1 Safari/604.1",
}
CRAWLERS = (
    "Mozilla/5.0 (compatible; Pagehoundbot/2.1; +https://pagehound.example/bot)",
    "ShelfSpider/1.4 (+https://shelfspider.example)",
    "python-requests/2.32.3",
)
#: Calls reach the collector this much later.
DELAY_MS = 400


class Speaker(msgspec.Struct, frozen=True):
    """Who a session's calls are from; `anonymous_id` None means that nothing may be kept."""

    anonymous_id: str | None
    user_id: str | None
    country: str
    device: str
    agent: str
    consent: tuple[bool, bool]


def agent_of(device: str) -> str:
    """Return the user agent of a visitor's device."""
    return _AGENTS[device]


def envelope(
    speaker: Speaker, at: int, message_id: str, event: str, properties: Call, path: str
) -> Call:
    """Return a whole call; who keeps nothing gets an anonymous id of this one page."""
    personalization, analytics = speaker.consent
    anonymous_id = speaker.anonymous_id or f"page-{message_id}"
    call: Call = {"messageId": message_id, "anonymousId": anonymous_id}
    if speaker.user_id:
        call["userId"] = speaker.user_id
    if event:
        call |= {"type": "track", "event": event}
    else:
        call |= {"type": "page", "name": "Home"}
    return call | {
        "properties": properties,
        "context": {
            "country": speaker.country,
            "device": speaker.device,
            "userAgent": speaker.agent,
            "page": {"path": path},
            "consent": {"personalization": personalization, "analytics": analytics},
        },
        "timestamp": iso(at),
        "sentAt": iso(at + DELAY_MS),
    }


def viewed(shop: Catalogue, item: int) -> Call:
    """Return the properties of Product Viewed."""
    row = shop.rows[item]
    return {
        "product_id": row["item_id"],
        "category": row["category"],
        "price": row["price"],
        "currency": CURRENCY,
    }


def added(shop: Catalogue, item: int, quantity: int) -> Call:
    """Return the properties of Product Added."""
    return viewed(shop, item) | {"quantity": quantity}


def listed(shop: Catalogue, item: int) -> Call:
    """Return the properties of Product List Viewed: the shelf that leads to `item`."""
    key = shop.rows[item]["category"]
    shelf = int(shop.category[item])
    first = int(shop.first[shelf])
    top = range(first, min(first + 3, int(shop.first[shelf + 1])))
    products = [
        {"product_id": shop.rows[one]["item_id"], "position": place}
        for place, one in enumerate(top, 1)
    ]
    return {"list_id": key, "category": key, "products": products}


def searched(shop: Catalogue, item: int) -> Call:
    """Return the properties of Products Searched: the words that lead to `item`."""
    words = shop.rows[item]["title"].partition(",")[0].split()
    return {"query": " ".join(words[-2:]).lower()}


def ordered(shop: Catalogue, order_id: str, lines: list[tuple[int, int]]) -> Call:
    """Return the properties of Order Completed and Order Refunded; lines are (item, quantity)."""
    products = [
        {"product_id": row["item_id"], "quantity": quantity, "price": row["price"]}
        for item, quantity in lines
        for row in [shop.rows[item]]
    ]
    total = round(sum(line["price"] * line["quantity"] for line in products), 2)
    return {"order_id": order_id, "total": total, "currency": CURRENCY, "products": products}


def checkout(shop: Catalogue, lines: list[tuple[int, int]]) -> Call:
    """Return the properties of Checkout Started."""
    return {key: value for key, value in ordered(shop, "", lines).items() if key != "order_id"}
