"""What conditions can ask about; edge_bundle/core/attributes.js supplies the values."""

from __future__ import annotations

from control_plane.conditions import Attribute

_COUNT = Attribute("number", low=0)

ATTRIBUTES: dict[str, Attribute] = {
    "segments": Attribute("list"),
    "country": Attribute("text", form="[A-Z]{2}", example="FR"),
    "region": Attribute("text"),
    "device": Attribute("text", values=("desktop", "mobile", "tablet")),
    "new_visitor": Attribute("flag"),
    "hour": Attribute("number", low=0, high=23),
    "weekday": Attribute("number", low=1, high=7),
    "path": Attribute("text"),
    "referrer": Attribute("text"),
    "utm.*": Attribute("text"),
    "query.*": Attribute("text"),
    "page.item": Attribute("text"),
    "page.category": Attribute("text"),
    "session.views": _COUNT,
    "session.carts": _COUNT,
    "session.orders": _COUNT,
    "session.seconds": _COUNT,
    "session.categories": Attribute("list"),
    "cart.value": _COUNT,
    "cart.items": Attribute("any"),
    "traits.*": Attribute("any"),
    "consent.personalization": Attribute("flag"),
    "consent.analytics": Attribute("flag"),
}
