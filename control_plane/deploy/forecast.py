"""What a shop of given size costs a year at the CDN, and what it asks of one machine.

Prices are Cloudflare's; docs/plan.md has the formulas, their sources and what they assume.
"""

from __future__ import annotations

import math

import msgspec

from control_plane.deploy.cloudflare.kv import MAX_BYTES, MAX_PAIRS
from control_plane.deploy.plan import USD_PER_READ, USD_PER_WRITE
from control_plane.deploy.sizing import Shop, Table, tables
from control_plane.models.budget import TRAIN_BYTES, TRAIN_EVENT_BYTES
from control_plane.settings import Train
from control_plane.tables import MAX_VALUE_BYTES

USD_PER_REQUEST = 0.30e-6
USD_PER_GB_MONTH = 0.50
SECONDS_A_YEAR = 365 * 86_400

#: Releases that stay in the store, to be rolled back to.
RELEASES_KEPT = 3
#: Values of items that one decision looks into.
ITEM_VALUES_A_REQUEST = 4
#: An isolate's life is nowhere documented: the short one is the dear case.
SHORT_LIFE, LONG_LIFE = 300, 3_600
#: What an isolate reads again and again: the head, once a minute.
HEAD_SECONDS = 60
#: What an isolate keeps of tables (edge_bundle/core/edge.js).
CACHE_BYTES = 52e6

#: 20 Mbit/s up, base64, and a second's answer a bulk call.
UPLOAD_BYTES_A_SECOND, BASE64, CALL_SECONDS = 2.5e6, 4 / 3, 1.0
#: Until the last location sees a new head.
SPREAD_SECONDS = 60

#: Fitted to compiles of the made-up shop: at the start, an item, a visitor of the block in work.
COMPILE_BYTES, COMPILE_ITEM_BYTES, COMPILE_VISITOR_BYTES = 0.25e9, 7_500, 1_300
BLOCK = 100_000
COMPILE_ITEM_SECONDS, COMPILE_VISITOR_SECONDS = 1.3e-4, 1e-5
#: What is kept of a visitor beside the block: numbers, scores, coded rows.
KEPT_VISITOR_BYTES = 150
#: Fitted to whole trainings of clicks: at the start, an event, a visitor with a row. Models of
#: visitors take no more than `train.visitor_seconds`.
TRAIN_SECONDS, TRAIN_EVENT_SECONDS, TRAIN_VISITOR_SECONDS = 10.0, 1e-5, 1.2e-3

#: Memory of the machine at which the default of one ends.
MACHINE_GB = 16


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What comes: events to learn from, mean requests a second over locations, releases."""

    events: int
    requests: float
    locations: int = 300
    releases_per_day: float = 1.0


class Reads(msgspec.Struct, frozen=True):
    """Values read a year where isolates live `life_seconds`, and the visitor values it has met."""

    life_seconds: int
    met: float
    a_request: float
    a_year: float
    visitors_a_year: float
    usd: float


class Machine(msgspec.Struct, frozen=True):
    """What training and compiling take, and at what numbers `MACHINE_GB` are used up."""

    train_gb: float
    train_cpu_seconds: float
    compile_gb: float
    compile_cpu_seconds: float
    deploy_seconds: float
    most_events: int
    most_visitors: int
    fits: bool


class Outlay(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars a year; `keyed_…` are those of one key a visitor in place of visitor values."""

    requests: float
    writes: float
    reads_low: float
    reads_high: float
    storage: float
    keyed_writes: float
    keyed_reads: float
    visitor_writes: float
    visitor_reads_high: float


class Forecast(msgspec.Struct, frozen=True):
    """All that `frontshelf plan` tells."""

    shop: Shop
    load: Load
    tables: list[Table]
    bytes: int
    values: int
    requests_a_location: float
    reads: list[Reads]
    outlay: Outlay
    machine: Machine


def forecast(shop: Shop, load: Load) -> Forecast:
    """Return sizes, values written and read, dollars, memory and time of a shop."""
    made = tables(shop)
    reads = [_reads(made, load, life) for life in (LONG_LIFE, SHORT_LIFE)]
    return Forecast(
        shop,
        load,
        made,
        bytes=sum(table.bytes for table in made),
        values=sum(table.values for table in made),
        requests_a_location=load.requests / load.locations,
        reads=reads,
        outlay=_outlay(shop, load, made, reads),
        machine=_machine(shop, load, made),
    )


def misses(lookups: float, values: float, room: float) -> float:
    """Return how many of random lookups in `values` an empty cache with `room` for some misses.

    n lookups meet v(1 - exp(-n/v)) of v values. Once the cache is full, a lookup misses with the
    share of values that have no room.
    """
    if not values:
        return 0.0
    met = values * -math.expm1(-lookups / values)
    if met <= room:
        return met
    until_full = -values * math.log1p(-room / values)
    return room + (lookups - until_full) * (1 - room / values)


def _reads(made: list[Table], load: Load, life: int) -> Reads:
    values = {table.kind: table.values for table in made}
    requests = load.requests / load.locations * life
    # One isolate a location; those that serve nobody are not there.
    lives = load.locations * SECONDS_A_YEAR / life * min(1.0, requests)
    requests = max(1.0, requests)
    looked = {"neighbours": requests * ITEM_VALUES_A_REQUEST, "visitors": requests}
    # Item values are asked for more often than visitor values, so they are what stays.
    room = CACHE_BYTES / MAX_VALUE_BYTES
    missed = {}
    for kind, lookups in looked.items():
        missed[kind] = misses(lookups, values[kind], room)
        room = max(0.0, room - values[kind])
    once = 1 + life / HEAD_SECONDS + values["popular"] + values["manifest"] - 1
    a_year = lives * (once + sum(missed.values()))
    met = -math.expm1(-requests / values["visitors"]) if values["visitors"] else 0.0
    return Reads(
        life_seconds=life,
        met=met,
        a_request=a_year / (load.requests * SECONDS_A_YEAR),
        a_year=a_year,
        visitors_a_year=lives * missed["visitors"],
        usd=a_year * USD_PER_READ,
    )


def _outlay(shop: Shop, load: Load, made: list[Table], reads: list[Reads]) -> Outlay:
    releases = load.releases_per_day * 365
    values = {table.kind: table.values for table in made}
    size = sum(table.bytes for table in made)
    requests = load.requests * SECONDS_A_YEAR
    low, high = reads
    # Each value is written once and deleted once; the head is written once.
    each = 2 * USD_PER_WRITE * releases
    return Outlay(
        requests=requests * USD_PER_REQUEST,
        writes=each * (sum(values.values()) + 0.5),
        reads_low=low.usd,
        reads_high=high.usd,
        storage=RELEASES_KEPT * size / 1e9 * USD_PER_GB_MONTH * 12,
        # The same key takes the next release's row, so nothing is deleted.
        keyed_writes=USD_PER_WRITE * releases * shop.visitors,
        keyed_reads=requests * USD_PER_READ,
        visitor_writes=each * values["visitors"],
        visitor_reads_high=high.visitors_a_year * USD_PER_READ,
    )


def _machine(shop: Shop, load: Load, made: list[Table]) -> Machine:
    size, values = sum(table.bytes for table in made), sum(table.values for table in made)
    train = TRAIN_BYTES + TRAIN_EVENT_BYTES * load.events
    compiling = COMPILE_BYTES + COMPILE_ITEM_BYTES * shop.items
    compiling += COMPILE_VISITOR_BYTES * min(shop.visitors, BLOCK)
    compiled = compiling + KEPT_VISITOR_BYTES * shop.visitors
    calls = math.ceil(max(values / MAX_PAIRS, size / MAX_BYTES))
    sending = size * BASE64 / UPLOAD_BYTES_A_SECOND
    whole = MACHINE_GB * 1e9
    return Machine(
        train_gb=train / 1e9,
        train_cpu_seconds=TRAIN_SECONDS
        + TRAIN_EVENT_SECONDS * load.events
        + min(TRAIN_VISITOR_SECONDS * shop.visitors, Train().visitor_seconds),
        compile_gb=compiled / 1e9,
        compile_cpu_seconds=COMPILE_ITEM_SECONDS * shop.items
        + COMPILE_VISITOR_SECONDS * shop.visitors,
        deploy_seconds=calls * CALL_SECONDS + sending + SPREAD_SECONDS,
        most_events=int((whole - TRAIN_BYTES) / TRAIN_EVENT_BYTES),
        most_visitors=max(0, int((whole - compiling) / KEPT_VISITOR_BYTES)),
        fits=max(train, compiled) <= whole,
    )
