"""Readable names and stable keys for segments, from what sets them apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from control_plane.models.tastes import PREFIX

#: Standard scores from the mean that a trait must have to be worth telling.
TELLING = 0.5

#: Feature -> what much of it and little of it is called; None where little says nothing.
_WORDS: dict[str, tuple[str, str | None]] = {
    "recency": ("long unseen", "seen lately"),
    "sessions": ("frequent visitors", "rare visitors"),
    "views": ("keen browsers", None),
    "carts": ("full carts", None),
    "orders": ("frequent buyers", "rarely buying"),
    "value": ("big spenders", "small spenders"),
    "basket": ("big baskets", "small baskets"),
    "basket_units": ("many at a time", "one at a time"),
    "depth": ("long visits", "short visits"),
    "searches": ("searchers", None),
    "price": ("premium prices", "low prices"),
    "discount": ("bargain hunters", "full price"),
    "returns": ("often returning goods", None),
    "mobile": ("on mobile", "not on mobile"),
    "tablet": ("on tablets", None),
    "morning": ("mornings", None),
    "evening": ("evenings", "not evenings"),
    "weekend": ("weekends", "weekdays"),
}

#: Feature -> what it measures.
_MEASURES = {
    "recency": "days since the last visit",
    "sessions": "sessions",
    "views": "views",
    "carts": "items put in the cart",
    "orders": "orders",
    "value": "money spent",
    "basket": "money per order",
    "basket_units": "pieces per order",
    "depth": "events per session",
    "searches": "searches per session",
    "price": "prices looked at",
    "discount": "discounts",
    "returns": "returns",
    "mobile": "on mobile",
    "tablet": "on a tablet",
    "morning": "in the morning",
    "evening": "in the evening",
    "weekend": "at weekends",
}


def feature_words(feature: str) -> str:
    """Return what a feature measures, in plain words."""
    return _taste(feature) if is_taste(feature) else _MEASURES[feature]


def is_taste(feature: str) -> bool:
    """Return whether a feature is a share of interest, and not a habit."""
    return feature.startswith(PREFIX)


def habit_words(feature: str, score: float) -> str | None:
    """Return what much or little of a habit is called; None where that says nothing."""
    if feature not in _WORDS or abs(score) < TELLING:
        return None
    much, little = _WORDS[feature]
    return much if score > 0 else little


def describe(traits: dict[str, float], taken: Collection[str]) -> str:
    """Return a name such as "Running shoes, big baskets" that is not `taken`.

    The strongest taste comes first, then the strongest habit; more are told where two segments
    would share a name.
    """
    phrases = _phrases(traits) or ["average visitors"]
    for count in range(min(2, len(phrases)), len(phrases) + 1):
        name = _sentence(phrases[:count])
        if name not in taken:
            return name
    number = 2
    while f"{name} {number}" in taken:
        number += 1
    return f"{name} {number}"


def slug(name: str, taken: Collection[str]) -> str:
    """Return a key of small letters, digits and hyphens for a name, that is not `taken`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-") or "segment"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    return key


def _phrases(traits: dict[str, float]) -> list[str]:
    ranked = sorted(traits, key=lambda feature: (-abs(traits[feature]), feature))
    tastes = [
        _taste(feature) for feature in ranked if is_taste(feature) and traits[feature] >= TELLING
    ]
    told = [words for one in ranked if (words := habit_words(one, traits[one]))]
    return [*tastes[:1], *told[:1], *tastes[1:2], *told[1:]]


def _taste(feature: str) -> str:
    return re.sub("[-_]+", " ", feature.removeprefix(PREFIX))


def _sentence(phrases: list[str]) -> str:
    text = ", ".join(phrases)
    return text[:1].upper() + text[1:]
