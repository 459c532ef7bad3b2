"""Weights values: what `boost` and `bury` make of each item, worked out from the catalogue.

The worker ranks items by number, long before it reads their cards, so that a condition on cards
becomes a class of one to eight bits an item here, and a factor a class there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from control_plane.collect.macros import minor_digits
from control_plane.compiler.cards import NO_PRICE, Cards
from control_plane.compiler.values import Value, make_value
from control_plane.conditions import evaluate
from control_plane.errors import InputError
from control_plane.tables import pack

#: Bytes of classes in a value.
VALUE_BYTES = 60_000
MAX_CLASSES = 256

_FROM_CATALOGUE = {"tags": "tags", "group": "group_id", "market": "market", "brand": "brand"}


def compile_weights(
    rules: dict[str, Any],
    cards: Cards,
    log: duckdb.DuckDBPyConnection,
    keep: Callable[[Iterable[Value]], list[bytes]],
) -> dict[str, Any]:
    """Return the rules with each content's weights as the worker reads them; `cards` in order."""
    wanted = [entry["weights"] for entry in rules["content"].values() if "weights" in entry]
    if not wanted:
        return rules
    items = _items(cards, log, [one for weights in wanted for one in weights])
    place = {sku: number for number, sku in enumerate(cards.sku)}
    content = {
        name: entry | {"weights": _compiled(entry["weights"], items, place, keep)}
        if "weights" in entry
        else entry
        for name, entry in rules["content"].items()
    }
    return rules | {"content": content}


def item_factors(
    weights: list[dict[str, Any]], items: list[dict[str, Any]], place: dict[str, int]
) -> NDArray[np.float64]:
    """Return what each item's score is multiplied by: all that fits it, multiplied."""
    factors = np.ones(len(items))
    for weight in weights:
        named = {place[sku] for sku in weight["items"] if sku in place}
        condition = weight["condition"]
        met = [
            number in named or (condition is not None and evaluate(condition, item))
            for number, item in enumerate(items)
        ]
        factors[met] *= weight["factor"]
    return factors


def _compiled(
    weights: list[dict[str, Any]],
    items: list[dict[str, Any]],
    place: dict[str, int],
    keep: Callable[[Iterable[Value]], list[bytes]],
) -> dict[str, Any]:
    factors = item_factors(weights, items, place)
    known, classes = np.unique(factors, return_inverse=True)
    if len(known) > MAX_CLASSES:
        raise InputError(
            f"boost and bury make {len(known)} different factors, at most {MAX_CLASSES} fit",
            file="rules.yaml",
            remedy="Use fewer different 'by' in one shelf.",
        )
    bits = next(bits for bits in (1, 2, 4, 8) if len(known) <= 1 << bits)
    per_value = VALUE_BYTES * 8 // bits
    values = [
        make_value("weights", "w", pack("weights", {}, {"classes": _packed(part, bits)}))
        for part in np.split(classes, range(per_value, len(classes), per_value))
    ]
    boosted = (sku for one in weights if one["factor"] >= 1 for sku in one["items"])
    entering = dict.fromkeys(place[sku] for sku in boosted if sku in place)
    return {
        "bits": bits,
        "factors": known.tolist(),
        "enter": list(entering),
        "digests": b"".join(keep(values)),
    }


def _packed(classes: NDArray[np.int64], bits: int) -> bytes:
    """Pack classes into bytes, the first into the lowest bits."""
    per_byte = 8 // bits
    padded = np.zeros(-(-len(classes) // per_byte) * per_byte, dtype=np.uint8)
    padded[: len(classes)] = classes
    shifts = (np.arange(per_byte) * bits).astype(np.uint8)
    packed: bytes = (padded.reshape(-1, per_byte) << shifts).sum(axis=1).astype(np.uint8).tobytes()
    return packed


def _items(
    cards: Cards, log: duckdb.DuckDBPyConnection, weights: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return each item as conditions see it; what nobody asks for is left out."""
    asked = _asked([weight["condition"] for weight in weights])
    told = {name: _column(log, column) for name, column in _FROM_CATALOGUE.items() if name in asked}
    items = []
    for number, sku in enumerate(cards.sku):
        price, currency = int(cards.price[number]), cards.currency[number]
        item: dict[str, Any] = {name: rows.get(sku) for name, rows in told.items()}
        item["category"], item["title"] = cards.category[number], cards.title[number]
        item["currency"] = currency
        item["price"] = None if price == NO_PRICE else price / 10 ** minor_digits(currency)
        items.append({name: value for name, value in item.items() if value not in (None, "")})
    return items


def _asked(condition: Any) -> set[str]:
    """Return every key of conditions, operators too."""
    if isinstance(condition, list):
        return {key for one in condition for key in _asked(one)}
    if isinstance(condition, dict):
        return {*condition, *(key for one in condition.values() for key in _asked(one))}
    return set()


def _column(log: duckdb.DuckDBPyConnection, column: str) -> dict[str, Any]:
    return dict(log.execute(f"SELECT item_id, {column} FROM items").fetchall())
