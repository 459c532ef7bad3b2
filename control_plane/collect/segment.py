"""Flattens Segment calls (track, page, screen, identify) into rows of text columns."""

from __future__ import annotations

from typing import Any

import msgspec

from control_plane.collect.batch import DECISION, DECISION_FIELDS, PRODUCTS, SENT_AT
from control_plane.schema import PAGE

Row = dict[str, Any]

#: Stands for a call that is no event (group, alias).
IGNORED: Row = {}

_TYPES = frozenset(("track", "page", "screen", "identify", "group", "alias"))


class MalformedCall(Exception):
    """A call that cannot be read; `field` and `reason` go to the rejects file."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


def is_call(row: Row) -> bool:
    """Say whether a JSON object is a Segment call and not a flat row."""
    kind = row.get("type")
    return (isinstance(kind, str) and kind in _TYPES) or isinstance(row.get("properties"), dict)


def text(value: Any) -> str | None:
    """Return a JSON value as the text that a CSV file would hold; lists are joined by `|`."""
    if value is None or isinstance(value, str):
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "|".join(value)
    return msgspec.json.encode(value).decode()


def flatten(call: Row) -> Row:
    """Return a call's columns, or IGNORED; raises MalformedCall."""
    kind = call.get("type", "track")
    if kind in ("group", "alias"):
        return IGNORED
    properties, context = _table(call, "properties"), _table(call, "context")
    row: Row = {
        "event": _event_name(kind, call),
        "message_id": text(call.get("messageId") or call.get("message_id")),
        "user_id": text(call.get("userId") or call.get("user_id")),
        "anonymous_id": text(call.get("anonymousId") or call.get("anonymous_id")),
        "session_id": _session(call, properties, context),
        "received_at": text(call.get("receivedAt")),
        "consent": _consent(context["consent"] if "consent" in context else call.get("consent")),
        "order_id": text(properties.get("order_id")),
        "query": text(properties.get("query")),
        "category": text(properties.get("category")),
        PRODUCTS: _products(properties),
    }
    _add_times(row, call)
    _add_context(row, properties, context)
    decision = properties.get("decision") or context.get("decision")
    if isinstance(decision, dict):
        row[DECISION] = {name: text(decision.get(name)) for name in DECISION_FIELDS}
    return row


def _event_name(kind: Any, call: Row) -> str | None:
    if kind == "identify":
        return "Identified"
    if kind in ("page", "screen"):
        return PAGE
    name = text(call.get("event"))
    if not name:
        raise MalformedCall("event", "a track call without an event's name")
    return name


def _add_times(row: Row, call: Row) -> None:
    """Set the time, and when it was sent where the device's clock is still to be corrected.

    A call with both `timestamp` and `originalTimestamp` has been corrected before.
    """
    stamp, original = call.get("timestamp"), call.get("originalTimestamp")
    row["timestamp"] = text(stamp or original or call.get("receivedAt"))
    if (stamp is None) != (original is None):
        row[SENT_AT] = text(call.get("sentAt"))


def _session(call: Row, properties: Row, context: Row) -> str | None:
    for table in (call, context, properties):
        found = table.get("sessionId") or table.get("session_id")
        if found:
            return text(found)
    return None


def _consent(value: Any) -> str | None:
    """Return the purposes granted, joined by `|`; 'none' when there is none; None if unsaid."""
    if isinstance(value, dict):
        inner = value.get("categoryPreferences")
        table = inner if isinstance(inner, dict) else value
        return "|".join(name for name, granted in table.items() if granted is True) or "none"
    return "none" if value == [] else text(value)


def _products(properties: Row) -> list[Row] | None:
    listed = properties.get("products")
    if listed is None:
        if properties.get("product_id") is None:
            return None
        return [_product(properties, properties)]
    if not isinstance(listed, list):
        raise MalformedCall("properties.products", "not a list")
    for product in listed:
        if not isinstance(product, dict):
            raise MalformedCall("properties.products", "holds something that is no object")
    return [_product(product, properties) for product in listed]


def _product(product: Row, properties: Row) -> Row:
    return {
        "item_id": text(product.get("product_id")),
        "quantity": text(product.get("quantity")),
        "price": text(product.get("price")),
        "currency": text(product.get("currency") or properties.get("currency")),
        "position": text(product.get("position")),
    }


def _add_context(row: Row, properties: Row, context: Row) -> None:
    page, campaign = _table(context, "page"), _table(context, "campaign")
    location = context["location"] if isinstance(context.get("location"), dict) else {}
    device = context.get("device")
    row["country"] = text(context.get("country") or location.get("country"))
    row["region"] = text(context.get("region") or location.get("region"))
    row["device"] = text(device.get("type") if isinstance(device, dict) else device)
    row["locale"] = text(context.get("locale"))
    row["path"] = text(page.get("path") or properties.get("path"))
    row["referrer"] = text(page.get("referrer") or properties.get("referrer"))
    row["user_agent"] = text(context.get("userAgent"))
    row["is_bot"] = text(context.get("is_bot"))
    if campaign:
        for ours, theirs in (("source", "source"), ("medium", "medium"), ("campaign", "name")):
            row[f"utm_{ours}"] = text(campaign.get(theirs))


def _table(holder: Row, name: str) -> Row:
    table = holder.get(name)
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise MalformedCall(name, "not an object")
    return table
