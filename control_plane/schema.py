"""The one event and the one item that every room speaks of, version 1.

Event names are those of Segment's Ecommerce v2 specification; a flat row of a file is an
event with one line.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

SCHEMA_VERSION = 1

#: Event names the product gives a meaning to; others are kept as they come.
VIEWED = "Product Viewed"
LISTED = "Product List Viewed"
SEARCHED = "Products Searched"
CLICKED = "Product Clicked"
ADDED = "Product Added"
REMOVED = "Product Removed"
CHECKOUT = "Checkout Started"
ORDERED = "Order Completed"
REFUNDED = "Order Refunded"
PAGE = "Page Viewed"
HIDDEN = "Product Hidden"
EXPOSED = "Experiment Viewed"

EVENT_NAMES = (
    VIEWED, LISTED, SEARCHED, CLICKED, ADDED, REMOVED, CHECKOUT, ORDERED, REFUNDED, PAGE, EXPOSED,
    HIDDEN,
    "Cart Viewed", "Order Updated", "Order Cancelled", "Product List Filtered",
    "Promotion Viewed", "Promotion Clicked", "Identified",
)  # fmt: skip

#: Events that say a person took an interest in an item, and how the edge calls them.
INTEREST = {VIEWED: "view", CLICKED: "view", ADDED: "cart", ORDERED: "order"}

#: Purposes a visitor can consent to.
PERSONALIZATION = "personalization"
ANALYTICS = "analytics"
PURPOSES = (PERSONALIZATION, ANALYTICS)


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item of an event; `price_minor` is one unit's price in the currency's minor unit."""

    item_id: str
    quantity: int = 1
    price_minor: int | None = None
    currency: str | None = None
    position: int | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the edge had decided when the event happened; kept for attribution."""

    id: str
    release: str | None = None
    slot: str | None = None
    content: str | None = None
    rule: str | None = None
    experiment: str | None = None
    variation: int | None = None
    propensity: float | None = None
    reason: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened. `device_id` and `user` are pseudonyms, times are UTC.

    `sequence` is the row's place in its file: it orders events of one session with equal times.
    """

    message_id: str
    event: str
    timestamp: datetime
    received_at: datetime
    device_id: str | None = None
    user: str | None = None
    session_id: str | None = None
    consent: tuple[str, ...] = ()
    is_bot: bool = False
    context: dict[str, str] = {}
    lines: tuple[Line, ...] = ()
    order_id: str | None = None
    query: str | None = None
    decision: Decision | None = None
    sequence: int = 0


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the catalogue. `group_id` joins variants of one product."""

    item_id: str
    title: str | None = None
    url: str | None = None
    image: str | None = None
    price_minor: int | None = None
    currency: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    available: bool = True
    group_id: str | None = None
    market: str | None = None
    brand: str | None = None
