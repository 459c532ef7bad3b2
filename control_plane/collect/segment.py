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

COLUMNS = (
    "event", "message_id", "user_id", "anonymous_id", "session_id", "timestamp", "received_at",
    SENT_AT, "consent", "order_id", "query", "category", "country", "region", "device", "locale",
    "path", "referrer", "user_agent", "is_bot", "utm_source", "utm_medium", "utm_campaign",
)  # fmt: skip

_NO_PROPERTIES, _NO_CONTEXT = Properties(), Context()


class Calls:
    """Gathers calls as columns."""

    def __init__(self) -> None:
        # One long list each: the collector would look at many short ones over and over.
        self.values: list[Any] = []
        self.products: list[Any] = []
        self.offsets = [0]
        self.decisions: list[dict[str, str | None] | None] = []

    def add(self, call: Call, envelope: Call | None = None) -> None:
        """Add one call; what it leaves out of time and context comes from its envelope."""
        outer = envelope or call
        properties = call.properties or _NO_PROPERTIES
        context = call.context or outer.context or _NO_CONTEXT
        stamp, original = call.timestamp, call.originalTimestamp
        received = call.receivedAt or outer.receivedAt
        # With both times the device's clock has been corrected before.
        sent = None if stamp and original else call.sentAt or outer.sentAt
        self.values.extend(
            (
                _event_name(call),
                call.messageId,
                call.userId,
                call.anonymousId,
                call.sessionId or context.sessionId or context.session_id or properties.session_id,
                stamp or original or received,
                received,
                sent,
                _consent(context.consent if context.consent is not None else call.consent),
                properties.order_id,
                properties.query,
                properties.category,
                *_context(context, properties),
            )
        )
        self._add_products(properties)
        decision = properties.decision or context.decision
        self.decisions.append(_decision(decision) if isinstance(decision, dict) else None)

    def columns(self) -> dict[str, Any]:
        """Return what was gathered as Arrow columns."""
        width, fields = len(COLUMNS), len(PRODUCT_FIELDS)
        out = {name: text_array(self.values[n::width]) for n, name in enumerate(COLUMNS)}
        lines = pa.StructArray.from_arrays(
            [text_array(self.products[n::fields]) for n in range(fields)],
            names=list(PRODUCT_FIELDS),
        )
        out[PRODUCTS] = pa.ListArray.from_arrays(pa.array(self.offsets, pa.int32()), lines)
        out[DECISION] = pa.array(self.decisions, DECISION_TYPE)
        return out

    def _add_products(self, properties: Properties) -> None:
        currency = properties.currency
        for p in properties.products or ():
            self.products.extend(
                (p.product_id or p.sku, p.quantity, p.price, p.currency or currency, p.position)
            )
        item = properties.product_id or properties.sku
        if properties.products is None and item is not None:
            p = properties
            self.products.extend((item, p.quantity, p.price, currency, p.position))
        self.offsets.append(len(self.products) // len(PRODUCT_FIELDS))


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


def _context(context: Context, properties: Properties) -> tuple[Any, ...]:
    page = context.page if isinstance(context.page, dict) else {}
    device = context.device
    location = context.location if isinstance(context.location, dict) else {}
    campaign = context.campaign if isinstance(context.campaign, dict) else {}
    return (
        context.country or location.get("country"),
        context.region or location.get("region"),
        device.get("type") if isinstance(device, dict) else device,
        context.locale,
        page.get("path") or properties.path,
        page.get("referrer") or properties.referrer,
        context.userAgent,
        context.is_bot,
        campaign.get("source"),
        campaign.get("medium"),
        campaign.get("name"),
    )


def _decision(value: dict[str, Any]) -> dict[str, str | None]:
    return {name: text(value.get(name)) for name in DECISION_FIELDS}
