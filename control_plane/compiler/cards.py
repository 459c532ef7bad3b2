"""What a shelf shows of an item, as columns: texts, prices, groups and availability."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import number_columns, pack_numbers
from control_plane.compiler.texts import (
    can_spell,
    choose_phrases,
    code_words,
    common_prefix,
    split_words,
)
from control_plane.hashing import hash_texts
from control_plane.tables import Column

NO_PRICE = 0xFFFFFFFF
#: Texts that can be left out of the columns where a pattern over the SKU gives them.
PATTERNED = ("url", "image")
#: Cards coded together to foretell their bytes in a value, how many such runs at most, and what a
#: value may take more.
CODED_RUN = 512
CODED_RUNS = 64
CODED_SLACK = 1.04
WRITTEN = ("sku", "title", "url", "image")
TEXTS = ("sku", "title", "url", "image", "category", "currency")


class Cards(msgspec.Struct, frozen=True):
    """Cards of all items, in numbering order; every list and array has n entries."""

    sku: list[str]
    title: list[str]
    url: list[str]
    image: list[str]
    category: list[str]
    currency: list[str]
    price: NDArray[np.uint32]
    group: NDArray[np.uint32]
    available: NDArray[np.bool_]

    def take(self, places: NDArray[np.int64]) -> Cards:
        """Return the cards at `places`, in that order."""
        chosen = places.tolist()
        strings = {name: [getattr(self, name)[place] for place in chosen] for name in TEXTS}
        return Cards(
            **strings,
            price=self.price[places],
            group=self.group[places],
            available=self.available[places],
        )

    def run(self, start: int, stop: int) -> Cards:
        """Return the cards from `start` to before `stop`."""
        parts = {name: getattr(self, name)[start:stop] for name in self.__struct_fields__}
        return Cards(**parts)

    def plain(self) -> bool:
        """Say whether rules could learn nothing from a card: no category, no variant group."""
        return not self.group.any() and not any(self.category)

    def size(self) -> NDArray[np.int64]:
        """Return how many bytes each card takes at most, int64 (n,)."""
        total, bits = np.zeros(len(self.sku), dtype=np.int64), self.number_bits()
        for name in self.spelled():
            lengths = np.array([len(text.encode()) for text in getattr(self, name)], np.int64)
            total += lengths
            bits += int(lengths.max(initial=0)).bit_length()
        return total + (bits + 7) // 8

    def coded_size(self) -> NDArray[np.int64]:
        """Return about how many bytes each card takes among its neighbours, int64 (n,).

        Runs of cards here and there are coded; those between shrink as the one before them does.
        """
        spelled, count, number_bits = self.spelled(), len(self.sku), self.number_bits()
        plain = self.size()
        stride = CODED_RUN * max(1, count // (CODED_RUN * CODED_RUNS))
        for start in range(0, count, stride):
            run = self.run(start, start + CODED_RUN)
            phrases, columns = _coded_texts({name: getattr(run, name) for name in spelled}, run)
            texts = sum(len(text) + bool(text) for column in columns.values() for text in column)
            texts += sum(len(phrase.encode()) + 1 for phrase in phrases or ())
            coded = CODED_SLACK * texts + len(run.sku) * (number_bits + 7) // 8
            share = min(1.0, coded / max(1, plain[start : start + CODED_RUN].sum()))
            plain[start : start + stride] = np.ceil(plain[start : start + stride] * share)
        return plain

    def spelled(self) -> list[str]:
        """Return the texts that are neither numbers nor a pattern over the whole shop."""
        texts = [name for name in PATTERNED if _pattern(getattr(self, name), self.sku) is None]
        return [*(["sku"] if _numbered(self.sku) is None else []), "title", *texts]

    def number_bits(self) -> int:
        """Return the bits of a card's numbers, were all cards in one value."""
        numbered = _numbered(self.sku)
        spans = [
            int(np.ptp(numbers.astype(np.int64))) if len(numbers) else 0
            for numbers in (self.price + np.uint32(1), self.group, self.available)
        ]
        spans += [max(0, len(set(names)) - 1) for names in (self.category, self.currency)]
        return sum(span.bit_length() for span in spans) + (numbered[1][1] if numbered else 0)


def read_cards(log: duckdb.DuckDBPyConnection, item_ids: list[str], currency: str) -> Cards:
    """Return the cards of `item_ids` from the catalogue; unlisted items are bare and available.

    Prices that came without a currency are in `currency`.
    """
    rows: dict[str, tuple[Any, ...]] = {
        row[0]: row
        for row in log.execute(
            "SELECT item_id, title, url, image, category, currency, price_minor, group_id, "
            "available FROM items"
        ).fetchall()
    }
    bare = (None,) * 7 + (True,)
    return make_cards([rows.get(item, (item, *bare)) for item in item_ids], currency)


def make_cards(known: list[tuple[Any, ...]], currency: str) -> Cards:
    """Return cards of rows: SKU, title, url, image, category, currency, price, group, available."""
    groups = [row[7] or "" for row in known]
    group = np.where([bool(name) for name in groups], hash_texts(groups)[1], 0)
    strings = {name: [row[place] or "" for row in known] for place, name in enumerate(TEXTS)}
    strings["currency"] = [row[5] or ("" if row[6] is None else currency) for row in known]
    return Cards(
        **strings,
        price=np.array([NO_PRICE if row[6] is None else row[6] for row in known], dtype=np.uint32),
        group=group.astype(np.uint32),
        available=np.array([row[8] is not False for row in known], dtype=np.bool_),
    )


def card_columns(cards: Cards) -> tuple[dict[str, Any], dict[str, Column]]:
    """Return the header entries and columns that hold `cards`.

    `numbers` says of each column of numbers its base and bits (compiler/bits.py). A text is a
    pattern over the SKU, the SKU a prefix and a number, or bytes and the column of their sizes:
    codes of `phrases` (compiler/texts.py), UTF-8 where there are none.
    """
    categories, currencies = sorted(set(cards.category)), sorted(set(cards.currency))
    patterns: dict[str, str] = {}
    numbers: dict[str, NDArray[Any]] = {
        "price": cards.price + np.uint32(1),
        "group": cards.group,
        "category": _places(categories, cards.category),
        "currency": _places(currencies, cards.currency),
        "available": cards.available,
    }
    header: dict[str, Any] = {"categories": categories, "currencies": currencies}
    columns: dict[str, Column] = {}
    spelled: dict[str, list[str]] = {}
    for name in WRITTEN:
        values: list[str] = getattr(cards, name)
        numbered = _numbered(values) if name == "sku" else None
        pattern = _pattern(values, cards.sku) if name in PATTERNED else None
        if numbered is not None:
            header["numbered"], numbers["sku"] = numbered[0], numbered[2]
        elif pattern is not None:
            patterns[name] = pattern
        else:
            spelled[name] = values
    phrases, coded = _coded_texts(spelled, cards)
    if phrases is not None:
        header["phrases"] = phrases
    for name, texts in coded.items():
        numbers[f"{name}_size"] = np.array([len(text) for text in texts], dtype=np.int64)
        columns[name] = b"".join(texts)
    shapes, packed = number_columns(numbers)
    return header | {"patterns": patterns, "numbers": shapes}, packed | columns


def _coded_texts(
    spelled: dict[str, list[str]], cards: Cards
) -> tuple[list[str] | None, dict[str, list[bytes]]]:
    """Return the phrases, if any, and each column's texts as bytes."""
    nobody = [""] * len(cards.sku)
    words = {
        name: split_words(
            values,
            [] if name == "sku" else cards.sku,
            cards.title if name in PATTERNED else nobody,
        )
        for name, values in spelled.items()
    }
    phrases = choose_phrases(list(words.values()))
    if phrases is None or not all(map(can_spell, spelled.values())):
        return None, {name: [text.encode() for text in texts] for name, texts in spelled.items()}
    return phrases, {name: code_words(split, phrases) for name, split in words.items()}


def _places(known: list[str], values: list[str]) -> NDArray[np.int64]:
    place = {name: index for index, name in enumerate(known)}
    return np.array([place[value] for value in values], dtype=np.int64)


def _numbered(skus: list[str]) -> tuple[list[Any], list[int], NDArray[np.int64]] | None:
    """Return [prefix, digits] (0 digits: without leading zeros), base and bits, and the numbers.

    None where the SKUs are not one prefix and numbers of at most nine digits.
    """
    prefix = common_prefix(skus)
    rests = [sku[len(prefix) :] for sku in skus]
    lengths, joined = set(map(len, rests)), "".join(rests)
    if not (joined.isascii() and joined.isdigit() and min(lengths) > 0 and max(lengths) <= 9):
        return None
    digits = lengths.pop() if len(lengths) == 1 else 0
    if not digits and any(rest[0] == "0" and rest != "0" for rest in rests):
        return None
    numbers = np.array([int(rest) for rest in rests], dtype=np.int64)
    return [prefix, digits], pack_numbers(numbers)[0], numbers


def _pattern(values: list[str], skus: list[str]) -> str | None:
    """Return the text with `{sku}` in it that gives every value, or None."""
    if not values or "{sku}" in values[0]:
        return None
    pattern = values[0].replace(skus[0], "{sku}") if skus[0] else values[0]
    same = all(
        pattern.replace("{sku}", sku) == value for value, sku in zip(values, skus, strict=True)
    )
    return pattern if same else None
