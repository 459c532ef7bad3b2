"""The sample shop's colours: names that stand in titles, and how drawings shade them."""

from __future__ import annotations

COLOURS = {
    "Moss": "#6f7d4d",
    "Pine": "#345244",
    "Sage": "#9fae8a",
    "Slate": "#5d6b75",
    "Ink": "#2f3a4d",
    "Denim": "#4f6f93",
    "Sky": "#8fb4c8",
    "Sea": "#3f7a84",
    "Rust": "#b2573a",
    "Terracotta": "#c46d4d",
    "Clay": "#c58a6c",
    "Ochre": "#cf9d3e",
    "Butter": "#e8cd82",
    "Sand": "#d3bc97",
    "Oat": "#dccdb2",
    "Chalk": "#ece4d4",
    "Rose": "#d39a93",
    "Plum": "#6f4459",
    "Cherry": "#a03a42",
    "Walnut": "#75543c",
    "Brass": "#b9934c",
    "Copper": "#b8714a",
    "Charcoal": "#46464a",
    "Steel": "#9aa3a8",
}

GROUNDS = ("#f1e9dc", "#e7ebe0", "#efe3d9", "#e3e9ea", "#f2ead2", "#ebe4ea")

INK, PAPER = "#2b2a28", "#fbf7ef"


def mix(colour: str, other: str, share: float) -> str:
    """Return `colour` moved towards `other` by `share` (0 to 1), as #rrggbb."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
