"""A compiled release's numbers, opened once for shelves to be made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import msgpack
import numpy as np
from numpy.typing import NDArray

from control_plane.compiler.bits import unpack_bits, unpack_numbers
from control_plane.compiler.numbering import number_items, numbered
from control_plane.compiler.popular import shown_lists, with_cards
from control_plane.compiler.refresh import refresh
from control_plane.compiler.rows import compand
from control_plane.envelope import unpack as open_envelope
from control_plane.models.artifacts import Model, Rows
from control_plane.tables import unpack

#: Scores are whole numbers up to these, squared (compiler/rows.py).
ITEM_TOP, VISITOR_TOP = 255, 15


class ScoredRows:
    """Rows of 8-bit scores in numbering order, with the scale of each."""

    def __init__(self, rows: Rows, scale: NDArray[np.float64]) -> None:
        self._rows, self._scale = rows, scale
        self._codes = compand(rows.indptr, rows.scores, ITEM_TOP).astype(np.float64)

    def row(self, item: int, weight: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return an item's neighbours, each with weight times its score."""
        part = slice(self._rows.indptr[item], self._rows.indptr[item + 1])
        unit, codes = weight * self._scale[item] / ITEM_TOP**2, self._codes[part]
        return self._rows.items[part].astype(np.int64), unit * codes * codes


class Tables:
    """What the worker reads of a release: rows, visitors, lists, the manifest's constants.

    Items go by their place in the release's numbering; `place` tells it by SKU, `skus` the other
    way round. Scores are coded again from `model`, which the release was compiled from; scales,
    constants and rules are the release's own.
    """

    def __init__(
        self, build: Path, model: Model, log: duckdb.DuckDBPyConnection, currency: str
    ) -> None:
        values = _Values(build)
        model = refresh(model, log)
        rows, cards, place = number_items(model, log, currency)
        count = len(cards.sku)
        self.skus = cards.sku
        self.place = {sku: number for number, sku in enumerate(cards.sku)}
        self.group, self.available = cards.group, cards.available
        self.category = np.array(cards.category)
        self.lists = shown_lists(model.popular, place, cards.available)
        latest = shown_lists(model.latest, place, cards.available)
        self.lists |= latest
        self.latest_cards = with_cards(latest, cards.size())
        self.neighbours = ScoredRows(rows, values.scales(values.manifest["items"], "i", count))
        self.related = {
            kind: ScoredRows(
                numbered(model.related[kind], place), values.scales(listed, "r", count)
            )
            for kind, listed in values.manifest["related"].items()
        }
        self._visitors, self._place = model.visitors, place
        self._row_codes, self._rebuy_codes = (
            compand(rows.indptr, rows.scores, VISITOR_TOP).astype(np.float64)
            for rows in (model.visitors.rows, model.visitors.rebuy)
        )
        self.serving: dict[str, Any] = values.manifest["serving"]
        self.contents = {
            name: values.with_factors(content, count)
            for name, content in values.manifest["rules"]["content"].items()
        }

    def visitor(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return what is recommended to a visitor."""
        return self._scored(self._visitors.rows, self._row_codes, row)

    def rebuy(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return what a visitor buys again."""
        return self._scored(self._visitors.rebuy, self._rebuy_codes, row)

    def _scored(
        self, rows: Rows, codes: NDArray[np.float64], row: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        return self._place[rows.items[part]], codes[part] * codes[part] / VISITOR_TOP**2

    def bought(self, row: int) -> NDArray[np.int64]:
        """Return what a visitor ordered."""
        sets = self._visitors.bought
        return self._place[sets.items[sets.indptr[row] : sets.indptr[row + 1]]]

    def hidden(self, row: int) -> NDArray[np.int64]:
        """Return what a visitor returned or asked not to see."""
        sets = self._visitors.hidden
        return self._place[sets.items[sets.indptr[row] : sets.indptr[row + 1]]]

    def seen(self, row: int) -> NDArray[np.int64]:
        """Return what a visitor met without ordering it."""
        sets = self._visitors.seen
        return self._place[sets.items[sets.indptr[row] : sets.indptr[row + 1]]]


class _Values:
    """The values of a build folder."""

    def __init__(self, build: Path) -> None:
        self._folder = build / "values"
        facts = json.loads((build / "release.json").read_bytes())
        value = (self._folder / facts["manifest"]).read_bytes()
        self.manifest: dict[str, Any] = msgpack.unpackb(open_envelope(value).body)

    def scales(self, listed: dict[str, Any], prefix: str, count: int) -> NDArray[np.float64]:
        """Return the largest score of each of `count` rows, as the listed values say it."""
        scales = np.zeros(count)
        for key in self._keys(listed, prefix):
            table = unpack((self._folder / key).read_bytes())
            # Of rows that are mostly empty, only the filled ones are there.
            empty = _numbers(table, "empty") if "empty" in table["numbers"] else 0
            places = table["first"] + np.arange(table["count"]) + empty
            scales[places] = 2.0 ** (table["scale"] + _numbers(table, "row_scale") / table["steps"])
        return scales

    def with_factors(self, content: dict[str, Any], count: int) -> dict[str, Any]:
        """Return a shelf with what `boost` and `bury` multiply each item's score by, if any."""
        weights = content.get("weights")
        if weights is None:
            return content
        packed = [
            unpack((self._folder / key).read_bytes())["classes"]
            for key in _keys(weights["digests"], "w")
        ]
        classes = unpack_bits(b"".join(packed), weights["bits"], count)
        return content | {"factors": np.array(weights["factors"])[classes]}

    def _keys(self, listed: dict[str, Any], prefix: str) -> list[str]:
        if not listed.get("paged"):
            return _keys(listed["digests"], prefix)
        pages = _keys(listed["digests"], "x")
        return [
            key
            for page in pages
            for key in _keys(unpack((self._folder / page).read_bytes())["digests"], prefix)
        ]


def _numbers(table: dict[str, Any], name: str) -> NDArray[np.int64]:
    return unpack_numbers(table["numbers"][name], table.get(f"n_{name}", b""), table["count"])


def _keys(digests: bytes, prefix: str) -> list[str]:
    """Return the keys of values by their digests of 16 bytes, one after another."""
    return [f"{prefix}-{digests[at : at + 16].hex()}" for at in range(0, len(digests), 16)]
