"""The stock overlay: the newest that is known of items, from stock files and from the catalogue.

Every entry is held against the catalogue whenever the overlay changes and whenever a release goes
live: a catalogue row that was told after the entry takes its place. So the overlay is right for
every release, older ones too, and it may forget an entry only when every release that could be
made live says the same.
"""

from __future__ import annotations

import time
from contextlib import closing

import msgspec
import numpy as np

from control_plane.collect.log import EventLog
from control_plane.collect.stock import CatalogueLine, StockLine, read_catalogue_stock
from control_plane.compiler.overlays import (
    AVAILABLE,
    CURRENCY_SHIFT,
    PRICED,
    SOLD_OUT,
    Stock,
    price_or_none,
    read_stock_parts,
    stock_flags,
    stock_parts,
)
from control_plane.deploy.head import Clock, Head, StockOverlay
from control_plane.deploy.history import releases
from control_plane.deploy.overlays.changes import in_order
from control_plane.deploy.overlays.move import Change
from control_plane.deploy.overlays.values import find, named, read_values
from control_plane.deploy.target import Target
from control_plane.hashing import hash_texts
from control_plane.settings import Project
from control_plane.tables import FORMAT, unpack

Lines = dict[str, StockLine]


def load_catalogue_stock(project: Project) -> dict[str, CatalogueLine]:
    """Return what the project's catalogue says of stock and prices, by item."""
    log = EventLog(project)
    with closing(log.connect()) as duck:
        shop = project.settings.shop
        return read_catalogue_stock(duck, log.store.items, shop.currency, shop.market)


def change_stock(
    target: Target,
    project: Project,
    head: Head,
    lines: Lines,
    catalogue: dict[str, CatalogueLine],
    *,
    replace: bool = False,
    clock: Clock = time.time,
) -> Change:
    """Merge `lines` into the stock overlay, or make them all of it with `replace`."""
    now = int(clock() * 1000)
    others = [one for one in head.overlays if not isinstance(one, StockOverlay)]
    before = [] if replace else find(head.overlays, StockOverlay)
    stored = read_values(target, before[0]) if before else []
    known = entries_of(read_stock_parts(stored))
    rows = dict(zip(_keys(list(catalogue)), catalogue.values(), strict=True))
    newer = _newer(known, rows, before[0].told_at) if before else {}
    entries = known | newer
    for key, line in zip(_keys(list(lines)), lines.values(), strict=True):
        entries[key] = _merged(entries.get(key), line)
    floor = min((one.catalogue_at for one in releases(target, project, clock=clock)), default=0)
    kept = {key: line for key, line in entries.items() if not _told(line, rows.get(key), floor)}
    # A later worker would not read values of an older format, and show none of their items.
    current = all(unpack(value)["format"] == FORMAT for value in stored)
    if before and not newer and kept == known and current:
        return Change(head.overlays, {})
    if not kept:
        return Change(in_order(others), {})
    # Without a catalogue here nothing was held against it.
    told_at = now if catalogue or not before else before[0].told_at
    firsts, digests, values = named(stock_parts(_stock(kept)))
    overlay = StockOverlay(count=len(kept), firsts=firsts, digests=digests, told_at=told_at)
    return Change(in_order([*others, overlay]), values)


def _keys(items: list[str]) -> list[int]:
    high, low = hash_texts(items)
    keys: list[int] = ((high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)).tolist()
    return keys


def _newer(
    entries: dict[int, StockLine], catalogue: dict[int, CatalogueLine], told_at: int
) -> dict[int, StockLine]:
    """Return what the catalogue told of the entries' items after `told_at`."""
    return {
        key: _of_catalogue(row)
        for key, row in catalogue.items()
        if row.told_at > told_at and key in entries
    }


def _of_catalogue(row: CatalogueLine) -> StockLine:
    return msgspec.structs.replace(row.stock, currency=row.currency)


def _merged(before: StockLine | None, line: StockLine) -> StockLine:
    if before is None:
        return line
    priced = line if line.price_minor is not None else before
    there = before.available if line.available is None else line.available
    return StockLine(there, priced.price_minor, priced.currency)


def _told(line: StockLine, row: CatalogueLine | None, floor: int) -> bool:
    """Whether every release since `floor` says itself what the entry says."""
    if row is None or not 0 < row.told_at <= floor:
        return False
    return line.available in (None, row.stock.available) and (
        line.price_minor is None
        or (line.price_minor == row.stock.price_minor and line.currency in ("", row.currency))
    )


def entries_of(stock: Stock) -> dict[int, StockLine]:
    """Return an overlay's entries by the hash of their SKU."""
    names = ("", *stock.currencies)
    columns = zip(stock.keys.tolist(), stock.price.tolist(), stock.flags.tolist(), strict=True)
    return {
        key: StockLine(
            {SOLD_OUT: False, AVAILABLE: True}.get(flags & (SOLD_OUT | AVAILABLE)),
            price if flags & PRICED else None,
            names[flags >> CURRENCY_SHIFT],
        )
        for key, price, flags in columns
    }


def _stock(entries: dict[int, StockLine]) -> Stock:
    currencies = sorted({line.currency for line in entries.values()} - {""})
    place = {"": 0} | {name: number for number, name in enumerate(currencies, 1)}
    ordered = sorted(entries.items())
    lines = [line for _, line in ordered]
    flags = [stock_flags(one.available, one.price_minor, place[one.currency]) for one in lines]
    return Stock(
        np.array([key for key, _ in ordered], dtype=np.uint64),
        np.array([price_or_none(one.price_minor) for one in lines], dtype=np.uint32),
        np.array(flags, dtype=np.uint8),
        tuple(currencies),
    )
