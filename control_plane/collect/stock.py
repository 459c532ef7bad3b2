"""Reads a file of stock and prices: what changed about items since the catalogue came."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from control_plane.collect.batch import LINE, Batch
from control_plane.collect.catalogue import whole
from control_plane.collect.columns import canonical, make_plan
from control_plane.collect.duck import literal
from control_plane.collect.macros import minor_digits
from control_plane.collect.mapping import Mapping
from control_plane.collect.markets import base_items
from control_plane.collect.names import plain_name
from control_plane.collect.report import Reject
from control_plane.collect.sources import find_sources, read
from control_plane.collect.words import truth
from control_plane.errors import InputError, RejectedError

#: Prices travel to the edge as 32-bit numbers of minor units, the last of which means "none".
MAX_MINOR = 0xFFFFFFFE
SHOWN_REJECTS = 3

_MAPPING = Mapping(kind="items")
_FIELDS = ("available", "price", "price_minor")


class StockLine(msgspec.Struct, frozen=True):
    """What is known anew of an item; None where the file says nothing.

    `price_minor` is in minor units of `currency`, "" for the currency the catalogue gives.
    """

    available: bool | None
    price_minor: int | None
    currency: str = ""


class StockFile(msgspec.Struct, frozen=True):
    """A file's good lines by item (of several the last counts), and its bad ones."""

    rows: int
    lines: dict[str, StockLine]
    rejects: list[Reject]
    unknown: tuple[str, ...]


class CatalogueLine(msgspec.Struct, frozen=True):
    """What the catalogue says of an item's stock, and since when (epoch ms)."""

    stock: StockLine
    currency: str
    told_at: int


def read_catalogue_stock(
    duck: duckdb.DuckDBPyConnection, file: Path, currency: str, market: str = ""
) -> dict[str, CatalogueLine]:
    """Return stock and prices of the catalogue in `file`, nothing when there is no such file.

    Prices that came without a currency are in `currency`; they are those of the shop's `market`.
    """
    if not file.is_file():
        return {}
    source = f"read_parquet({literal(str(file))})"
    columns = "item_id, available, price_minor, currency, told_at"
    rows = duck.execute(f"SELECT {columns} FROM {base_items(whole(duck, source), market)}")
    return {
        item: CatalogueLine(StockLine(bool(there), price), money or currency, int(at))
        for item, there, price, money, at in rows.fetchall()
    }


def newest_item(duck: duckdb.DuckDBPyConnection, file: Path) -> int:
    """Return when the newest of the catalogue's items was told (epoch ms), 0 for unknown."""
    if not file.is_file():
        return 0
    source = f"read_parquet({literal(str(file))})"
    (told,) = duck.execute(f"SELECT max(told_at) FROM {whole(duck, source)}").fetchall()[0]
    return int(told or 0)


def read_stock(
    path: Path, currency: str, catalogue: dict[str, CatalogueLine], max_rejects: float
) -> StockFile:
    """Return what a CSV, JSONL or Parquet file says; prices without a currency are in the item's.

    Raises InputError when it is no such file, RejectedError when more than `max_rejects` fail.
    """
    (source, *more) = find_sources(path)
    if more:
        raise InputError("a directory", file=path, remedy="Name one file.")
    reader = _Reader(source.path, currency, catalogue)
    rows, rejects = 0, []
    for batch in read(source, _MAPPING):
        rows += batch.rows
        rejects += [*batch.rejects, *reader.take(batch)]
    _refuse_too_many(path, rows, rejects, max_rejects)
    return StockFile(rows, reader.lines, rejects, tuple(sorted(reader.unknown)))


class _Reader:
    def __init__(self, file: Path, currency: str, catalogue: dict[str, CatalogueLine]) -> None:
        self.file, self.currency, self.catalogue = file, currency, catalogue
        self.lines: dict[str, StockLine] = {}
        self.unknown: set[str] = set()

    def take(self, batch: Batch) -> Iterator[Reject]:
        """Keep a batch's good lines; yield the others."""
        for number, row in self._rows(batch):
            try:
                item, line = self._line(row)
                self.lines[item] = line
            except _BadLineError as bad:
                field, reason, value = bad.args
                yield Reject(
                    file=self.file.name, line=number, field=field, reason=reason, value=value
                )

    def _rows(self, batch: Batch) -> Iterator[tuple[int, dict[str, str | None]]]:
        table = batch.table
        names = table.column_names
        if not any(not name.startswith("_") for name in names):
            return
        plan = make_plan(names, _MAPPING, self.file)
        columns: dict[str, Any] = canonical(table, plan, _MAPPING)
        columns.update(
            (field, table[name]) for name in names if (field := plain_name(name)) == "price_minor"
        )
        if not any(field in columns for field in _FIELDS):
            raise InputError(
                "no column available, price or price_minor",
                file=self.file,
                line=1,
                remedy="A stock file says item_id and at least one of them.",
            )
        self.unknown |= {one.name for one in plan.unknown} - {"price_minor"}
        fields = [field for field in ("item_id", *_FIELDS, "currency") if field in columns]
        lists = [columns[field].to_pylist() for field in fields]
        for number, *values in zip(table[LINE].to_pylist(), *lists, strict=True):
            yield number, dict(zip(fields, values, strict=True))

    def _line(self, row: dict[str, str | None]) -> tuple[str, StockLine]:
        item = row.get("item_id")
        if not item:
            raise _BadLineError("item_id", "missing", None)
        if len(item.encode()) > 200:
            raise _BadLineError("item_id", "longer than 200 bytes", item[:80])
        available, money = row.get("available"), (row.get("currency") or "").upper()
        there = truth(available) if available else None
        if available and there is None:
            raise _BadLineError("available", "neither yes nor no", available[:80])
        if money and not (len(money) == 3 and money.isascii() and money.isalpha()):
            raise _BadLineError("currency", "not a currency code", money[:80])
        price = self._price(row, item, money)
        if there is None and price is None:
            raise _BadLineError(None, "says neither available nor price", None)
        return item, StockLine(there, price, "" if price is None else money or self._own(item))

    def _own(self, item: str) -> str:
        """Return the currency of an item that the line does not give."""
        known = self.catalogue.get(item)
        return known.currency if known else self.currency

    def _price(self, row: dict[str, str | None], item: str, money: str) -> int | None:
        field = "price_minor" if row.get("price_minor") else "price"
        text = row.get(field)
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation as error:
            raise _BadLineError(field, "not a number", text[:80]) from error
        if not amount.is_finite() or amount < 0:
            reason = "negative" if amount.is_finite() else "not a number"
            raise _BadLineError(field, reason, text[:80])
        scale = 1 if field == "price_minor" else 10 ** minor_digits(money or self._own(item))
        if amount * scale > MAX_MINOR:
            raise _BadLineError(field, "implausibly large", text[:80])
        return int((amount * scale).to_integral_value())


class _BadLineError(Exception):
    """A line that is not taken: field, reason, value."""


def _refuse_too_many(path: Path, rows: int, rejects: list[Reject], limit: float) -> None:
    if len(rejects) <= limit * rows:
        return
    told = "".join(f"\n  {tell_reject(one)}" for one in rejects[:SHOWN_REJECTS])
    raise RejectedError(
        f"{path}: {len(rejects):,} of {rows:,} rows were rejected, more than ingest.max_rejects "
        f"allows ({limit:.0%}); the overlay is as it was.{told}"
    )


def tell_reject(reject: Reject) -> str:
    """Return a reject as people read it: file, line, field, reason, value."""
    field = f"{reject.field}: " if reject.field else ""
    value = f" ({reject.value!r})" if reject.value is not None else ""
    return f"{reject.file}:{reject.line}: {field}{reject.reason}{value}"
