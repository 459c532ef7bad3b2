"""Flattens Segment calls (track, page, screen, identify) into columns of text."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from control_plane.collect.batch import (
    DECISION,
    DECISION_FIELDS,
    DECISION_TYPE,
    PRODUCT_FIELDS,
    PRODUCTS,
    SENT_AT,
)
from control_plane.schema import PAGE

_TYPES = frozenset(("track", "page", "screen", "identify", "group", "alias"))
_IGNORED = frozenset(("group", "alias"))


# JSON has no cycles, so that the collector need not look at these.
class _Part(msgspec.Struct, frozen=True, gc=False):
    pass


class Product(_Part, frozen=True, gc=False):
    """One of the `products` of a call."""

    product_id: Any = None
    sku: Any = None
    quantity: Any = None
    price: Any = None
    currency: Any = None
    position: Any = None


class Properties(Product, frozen=True, gc=False):
    """What a call says of the shop: one product, or several."""

    products: list[Product] | None = None
    order_id: Any = None
    query: Any = None
    category: Any = None
    list_id: Any = None
    seconds: Any = None
    path: Any = None
    referrer: Any = None
    decision: Any = None
    session_id: Any = None


class Context(_Part, frozen=True, gc=False):
    """What a call says of its circumstances."""

    consent: Any = None
    page: Any = None
    campaign: Any = None
    location: Any = None
    country: Any = None
    region: Any = None
    device: Any = None
    locale: Any = None
    userAgent: Any = None
    is_bot: Any = None
    decision: Any = None
    sessionId: Any = None
    session_id: Any = None


class Call(_Part, frozen=True, gc=False):
    """One call, or an envelope with a batch of them."""

    type: Any = None
    event: Any = None
    messageId: Any = None
    userId: Any = None
    anonymousId: Any = None
    sessionId: Any = None
    timestamp: Any = None
    originalTimestamp: Any = None
    sentAt: Any = None
    receivedAt: Any = None
    consent: Any = None
    properties: Properties | None = None
    context: Context | None = None
    batch: list[msgspec.Raw] | None = None

    @property
    def is_call(self) -> bool:
        """Say whether this is a call and not a flat row."""
        if self.properties is not None:
            return True
        return isinstance(self.type, str) and self.type in _TYPES

    @property
    def is_ignored(self) -> bool:
        """Say whether this is a call that is no event."""
        return isinstance(self.type, str) and self.type in _IGNORED


#: Floats stay the text they are: no digit of a price is lost.
decode_call = msgspec.json.Decoder(Call, float_hook=str).decode

_NO_PROPERTIES, _NO_CONTEXT = Properties(), Context()
_LENT = ("sentAt", "receivedAt", "context")


class Calls:
    """Gathers calls, and turns them into columns all at once: row by row costs twice as much."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def add(self, call: Call, envelope: Call | None = None) -> None:
        """Add one call; what it leaves out of time and context comes from its envelope."""
        if envelope is not None:
            lent = {name: getattr(envelope, name) for name in _LENT if getattr(call, name) is None}
            call = msgspec.structs.replace(call, **lent)
        self.calls.append(call)

    def columns(self) -> dict[str, Any]:
        """Return what was gathered as Arrow columns."""
        calls = self.calls
        properties = [call.properties or _NO_PROPERTIES for call in calls]
        contexts = [call.context or _NO_CONTEXT for call in calls]
        decisions = [
            _decision(p.decision or c.decision) for p, c in zip(properties, contexts, strict=True)
        ]
        texts = {
            **_call_texts(calls, contexts, properties),
            **_property_texts(properties),
            **_context_texts(contexts, properties),
        }
        return {
            **{name: text_array(values) for name, values in texts.items()},
            PRODUCTS: _products(properties),
            DECISION: pa.array(decisions, DECISION_TYPE),
        }


def _call_texts(
    calls: list[Call], contexts: list[Context], properties: list[Properties]
) -> dict[str, list[Any]]:
    sessions = zip(calls, contexts, properties, strict=True)
    consents = zip(calls, contexts, strict=True)
    return {
        "event": [_event_name(c) for c in calls],
        "message_id": [c.messageId for c in calls],
        "user_id": [c.userId for c in calls],
        "anonymous_id": [c.anonymousId for c in calls],
        "session_id": [
            c.sessionId or x.sessionId or x.session_id or p.session_id for c, x, p in sessions
        ],
        "timestamp": [c.timestamp or c.originalTimestamp or c.receivedAt for c in calls],
        "received_at": [c.receivedAt for c in calls],
        # With both times the device's clock has been corrected before.
        SENT_AT: [None if c.timestamp and c.originalTimestamp else c.sentAt for c in calls],
        "consent": [
            _consent(x.consent if x.consent is not None else c.consent) for c, x in consents
        ],
    }


def _property_texts(properties: list[Properties]) -> dict[str, list[Any]]:
    return {
        "order_id": [p.order_id for p in properties],
        "query": [p.query for p in properties],
        "category": [p.category for p in properties],
        "list_id": [p.list_id for p in properties],
        "seconds": [p.seconds for p in properties],
    }


def _context_texts(contexts: list[Context], properties: list[Properties]) -> dict[str, list[Any]]:
    pages = [_table(x.page) for x in contexts]
    places = [_table(x.location) for x in contexts]
    campaigns = [_table(x.campaign) for x in contexts]
    at_page = list(zip(pages, properties, strict=True))
    at_place = list(zip(contexts, places, strict=True))
    return {
        "country": [x.country or place.get("country") for x, place in at_place],
        "region": [x.region or place.get("region") for x, place in at_place],
        "device": [
            x.device.get("type") if isinstance(x.device, dict) else x.device for x in contexts
        ],
        "locale": [x.locale for x in contexts],
        "path": [page.get("path") or p.path for page, p in at_page],
        "referrer": [page.get("referrer") or p.referrer for page, p in at_page],
        "user_agent": [x.userAgent for x in contexts],
        "is_bot": [x.is_bot for x in contexts],
        "utm_source": [campaign.get("source") for campaign in campaigns],
        "utm_medium": [campaign.get("medium") for campaign in campaigns],
        "utm_campaign": [campaign.get("name") for campaign in campaigns],
    }


def _products(properties: list[Properties]) -> Any:
    """Return a list column of the products' texts."""
    # One long list: the collector would look at many short ones over and over.
    values: list[Any] = []
    offsets, width = [0], len(PRODUCT_FIELDS)
    for p in properties:
        item = p.product_id or p.sku
        if p.products is None and item is not None:
            values.extend((item, p.quantity, p.price, p.currency, p.position))
        for one in p.products or ():
            money = one.currency or p.currency
            values.extend((one.product_id or one.sku, one.quantity, one.price, money, one.position))
        offsets.append(len(values) // width)
    fields = [text_array(values[n::width]) for n in range(width)]
    lines = pa.StructArray.from_arrays(fields, names=list(PRODUCT_FIELDS))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), lines)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


_NOTHING: dict[str, Any] = {}


def text_array(values: Any) -> Any:
    """Return JSON values as an Arrow column of text."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([text(value) for value in values], pa.string())


def text(value: Any) -> str | None:
    """Return a JSON value as the text that a CSV file would hold; lists are joined by `|`."""
    if value is None or type(value) is str:
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "|".join(value)
    return msgspec.json.encode(value).decode()


def _event_name(call: Call) -> Any:
    if call.type == "identify":
        return "Identified"
    if call.type in ("page", "screen"):
        return PAGE
    return call.event


def _consent(value: Any) -> str | None:
    """Return the purposes granted, joined by `|`; 'none' when there is none; None if unsaid."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        inner = value.get("categoryPreferences")
        table = inner if isinstance(inner, dict) else value
        return "|".join([name for name, granted in table.items() if granted is True]) or "none"
    return text(value) or "none"


def _decision(value: Any) -> dict[str, str | None] | None:
    if not isinstance(value, dict):
        return None
    return {name: text(value.get(name)) for name in DECISION_FIELDS}
