"""The names of columns: what a file of events or of items may hold."""

from __future__ import annotations

import re
from functools import lru_cache

#: Context that travels with an event, under these names.
CONTEXT_FIELDS = (
    "country", "region", "device", "locale", "path", "referrer", "user_agent", "category",
    "market", "utm_source", "utm_medium", "utm_campaign", "list_id", "seconds",
)  # fmt: skip

PERSON_FIELDS = ("user_id", "anonymous_id")

EVENT_FIELDS = (
    "timestamp", "event", "item_id", *PERSON_FIELDS, "session_id", "quantity", "price", "currency",
    "position", "order_id", "query", "consent", "message_id", "received_at", "is_bot",
    *CONTEXT_FIELDS,
)  # fmt: skip

ITEM_FIELDS = (
    "item_id", "title", "url", "image", "price", "currency", "category", "tags", "available",
    "group_id", "market", "brand",
)  # fmt: skip

#: A file with one of these and without times is a catalogue.
CATALOGUE_SIGNS = (
    "title", "url", "image", "price", "category", "tags", "available", "group_id", "brand",
)  # fmt: skip

_ALIASES = {"product_id": "item_id"}


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """Return a column's name in our spelling: `userId`, `User ID` and `user_id` are one."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    plain = re.sub(r"[\s\-_.]+", "_", spaced).lower()
    return _ALIASES.get(plain, plain)


def their_name(name: str) -> str:
    """Return the name under which a file's column is kept: ours alone start with `_`."""
    return f" {name}" if name.startswith("_") else name
