"""Codes the texts of cards a byte a phrase: words that come often, the item's own SKU, its slug.

The cards of one value are of a kind, so that a few hundred words make most of their titles,
addresses and images. Code 0 stands for the card's SKU, 1 for its title's slug, the others for the
phrases of the value, single characters among them, so that any text can be spelled. Where a value
needs more characters than that, its texts stay UTF-8.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, takewhile

SKU, SLUG = "\x00", "\x01"
FIRST_PHRASE = 2
MAX_PHRASES = 256 - FIRST_PHRASE
#: With more characters than this, too few codes are left to words.
MAX_CHARACTERS = 160
#: Shorter SKUs and slugs would be found where they are not meant.
LEAST_OWN = 3

_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")
_TOKEN = re.compile(rf"[{SKU}{SLUG}]|\w+[^\w{SKU}{SLUG}]*|[^\w{SKU}{SLUG}]+")

#: Words of each text of one column; their characters in turn are the text.
Words = list[list[str]]


def slug(title: str) -> str:
    """Return a title as addresses spell it: lower case, one hyphen for all else between words."""
    return _BETWEEN_WORDS.sub("-", title.lower()).strip("-")


def can_spell(values: list[str]) -> bool:
    """Say whether no value holds a sign that stands for something else."""
    return not any(SKU in value or SLUG in value for value in values)


def split_words(values: list[str], skus: list[str], titles: list[str]) -> Words:
    """Return the words of each value, its own SKU and its title's slug as one each.

    What all values start with is one word too. `skus` and `titles` are empty for a column that
    may not refer to them.
    """
    own = [_refer(*row) for row in zip(values, skus, titles, strict=True)] if skus else values
    prefix = common_prefix(own).split(SKU)[0].split(SLUG)[0]
    split = _TOKEN.findall
    if len(prefix) <= 1:
        return [split(value) for value in own]
    return [[prefix, *split(value[len(prefix) :])] for value in own]


def common_prefix(values: list[str]) -> str:
    """Return what all values start with."""
    first, last = min(values, default=""), max(values, default="")
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(sign for sign, _ in same)


def choose_phrases(columns: list[Words]) -> list[str] | None:
    """Return the phrases that save most bytes, and all characters; None for too many of these.

    The same words give the same phrases.
    """
    counts = Counter(chain.from_iterable(chain.from_iterable(columns)))
    characters = set().union(*counts) - {SKU, SLUG}
    if len(characters) > MAX_CHARACTERS:
        return None
    saved = {
        word: (len(word) - 1) * count - len(word) - 1
        for word, count in counts.items()
        if len(word) > 1 and count > 1
    }
    best = sorted(
        (word for word, bytes_saved in saved.items() if bytes_saved > 0),
        key=lambda word: (-saved[word], word),
    )
    return sorted(characters) + best[: MAX_PHRASES - len(characters)]


def code_words(words: Words, phrases: list[str]) -> list[bytes]:
    """Return each text as codes."""
    code = {phrase: bytes([place + FIRST_PHRASE]) for place, phrase in enumerate(phrases)}
    code |= {SKU: b"\x00", SLUG: b"\x01"}
    for word in set(chain.from_iterable(words)) - code.keys():
        code[word] = b"".join(code[sign] for sign in word)
    return [b"".join([code[word] for word in text]) for text in words]


def _refer(value: str, sku: str, title: str) -> str:
    """Return the value with its SKU and its title's slug replaced."""
    if len(sku) >= LEAST_OWN:
        value = value.replace(sku, SKU)
    spelled = slug(title) if title and title.isascii() else ""
    return value.replace(spelled, SLUG) if len(spelled) >= LEAST_OWN else value
