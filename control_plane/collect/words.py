"""Reads words: yes and no, and the purposes a person consented to."""

from __future__ import annotations

import re

from control_plane.schema import PURPOSES

_YES = frozenset(("true", "t", "yes", "y", "1", "1.0", "in stock", "in_stock", "instock"))
_NO = frozenset(("false", "f", "no", "n", "0", "0.0", "out of stock", "out_of_stock", "outofstock"))
_ALL = frozenset(("granted", "all", "true", "yes", "1"))
_NONE = frozenset(("none", "refused", "denied", "false", "no", "0", "null"))


def truth(word: str) -> bool | None:
    """Return what a word says, None when it is neither yes nor no."""
    plain = word.lower()
    return True if plain in _YES else False if plain in _NO else None


def purposes(text: str) -> str:
    """Return the purposes granted, sorted and joined by `|`; 'none' when there is none."""
    words = {word for word in re.split(r"[^a-z0-9_.-]+", text.lower()) if word}
    if words & _ALL:
        words = (words - _ALL) | set(PURPOSES)
    return "|".join(sorted(words - _NONE)) or "none"
