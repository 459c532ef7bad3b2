"""`frontshelf plan`: what a shop of some size takes and costs, before there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import msgspec

from control_plane.cli.options import json_option, report, size_text
from control_plane.deploy.forecast import (
    HEAD_SECONDS,
    ITEM_VALUES_A_REQUEST,
    MACHINE_GB,
    RELEASES_KEPT,
    Forecast,
    Load,
    forecast,
)
from control_plane.deploy.sizing import Shop
from control_plane.models.artifacts import FILE, load
from control_plane.settings import Project, load_project

#: What is asked about where there is no project, or none that has been trained.
VISITORS, ITEMS, EVENTS = 1_000_000, 200_000, 10_000_000

_COUNT = click.IntRange(0)


@click.command()
@click.option("--visitors", type=_COUNT, help="Known visitors with a row of their own.")
@click.option("--items", type=_COUNT, help="Items of the catalogue.")
@click.option("--events", type=_COUNT, help="Events to learn from.")
@click.option(
    "--requests",
    default=100.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Requests a second, the mean over the year.",
)
@click.option(
    "--locations",
    default=300,
    show_default=True,
    type=click.IntRange(1),
    help="Locations of the CDN that they spread over.",
)
@click.option(
    "--releases-per-day", default=1.0, show_default=True, type=click.FloatRange(0), help="Releases."
)
@click.option(
    "--project",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Project whose numbers hold where none are given (default: here, if there is one).",
)
@json_option
def plan(
    visitors: int | None,
    items: int | None,
    events: int | None,
    requests: float,
    locations: int,
    releases_per_day: float,
    root: Path | None,
    as_json: bool,
) -> None:
    """Say what tables, requests and training take and cost, for a shop of any size.

    Numbers that are not given are the project's own, once it is trained; else those of a large
    shop: 1,000,000 visitors, 200,000 items, 10,000,000 events.
    """
    shop, known = _own(root)
    asked = {"visitors": visitors, "items": items}
    given = {name: value for name, value in asked.items() if value is not None}
    coming = Load(
        events=known if events is None else events,
        requests=requests,
        locations=locations,
        releases_per_day=releases_per_day,
    )
    result = forecast(msgspec.structs.replace(shop, **given), coming)
    report(result, as_json, lambda: _lines(result))


def _own(root: Path | None) -> tuple[Shop, int]:
    """Return the numbers of the project, and its events; a large shop's where there is none."""
    shop = Shop(visitors=VISITORS, items=ITEMS)
    if root is None and not Path("frontshelf.toml").is_file():
        return shop, EVENTS
    project = load_project(root or Path())
    return _trained(project) if (project.models / FILE).is_file() else (shop, EVENTS)


def _trained(project: Project) -> tuple[Shop, int]:
    model = load(project.models)
    items, visitors = len(model.item_ids), len(model.visitors.keys)
    shop = Shop(
        items=items,
        visitors=visitors,
        neighbours=len(model.neighbours.items) / max(1, items),
        related=tuple(len(rows.items) / max(1, items) for rows in model.related.values()),
        visitor_items=len(model.visitors.rows.items) / max(1, visitors),
        bought=len(model.visitors.bought.items) / max(1, visitors),
        segments=len(model.segments),
        popular_items=max((len(ranked) for ranked in model.popular.values()), default=0),
    )
    return msgspec.structs.replace(shop, **_released(project)), model.report["counts"]["events"]


def _released(project: Project) -> dict[str, int]:
    """Return items and visitors of the compiled release: the catalogue may have more items."""
    file = project.build / "current" / "release.json"
    if not file.is_file():
        return {}
    told: dict[str, Any] = json.loads(file.read_bytes())
    return {"items": told["items"], "visitors": told["visitors"]}


def _lines(told: Forecast) -> list[str]:
    return [
        f"{told.shop.visitors:,} visitors, {told.shop.items:,} items, {told.load.events:,} events, "
        f"{told.load.requests:,g} requests/s, releases a day: {told.load.releases_per_day:g}",
        *_table_lines(told),
        *_read_lines(told),
        *_outlay_lines(told),
        *_machine_lines(told),
    ]


def _line(name: str, figure: str, says: str) -> str:
    return f"  {name:<22} {figure:>21}  {says}"


def _table_lines(told: Forecast) -> list[str]:
    lines = ["", "Tables of one release"]
    for table in told.tables:
        values = f"values: {table.values:,}" if table.values else "in the neighbours' values"
        each = f"{table.bytes_each:.1f} bytes each, " if table.entries > 1 else ""
        lines.append(_line(table.kind, size_text(table.bytes), each + values))
    says = f"{told.values:,} values, all written anew: any change of taste reaches most of them"
    return [*lines, _line("together", size_text(told.bytes), says)]


def _read_lines(told: Forecast) -> list[str]:
    mean = told.requests_a_location
    says = f"if {told.load.locations:,} locations share them evenly"
    lines = ["", "Values read", _line("requests a location", f"{mean:,.2g}/s", says)]
    for reads in told.reads[::-1]:
        lines.append(
            _line(
                f"isolates live {reads.life_seconds // 60} min",
                f"{reads.a_request:.2g} a request",
                f"{reads.a_year / 1e6:,.0f} million a year; by its end an isolate has met "
                f"{reads.met:.0%} of the visitor values",
            )
        )
    says = f"{ITEM_VALUES_A_REQUEST} item values a request, the head every {HEAD_SECONDS} s"
    return [*lines, _line("", "", f"every visitor known, {says}, one isolate a location")]


def _outlay_lines(told: Forecast) -> list[str]:
    paid, shop = told.outlay, told.shop
    return [
        "",
        "Cloudflare, US dollars a year",
        _line("requests", _usd(paid.requests), "Workers at $0.30 a million; CPU time not counted"),
        _line(
            "values read",
            f"{_usd(paid.reads_low)} - {_usd(paid.reads_high)}",
            "KV at $0.50 a million; isolates that live 60 and 5 minutes",
        ),
        _line("values written", _usd(paid.writes), "KV at $5 a million, written and deleted again"),
        _line("storage", _usd(paid.storage), f"$0.50 a GB and month, {RELEASES_KEPT} releases"),
        "",
        "Of this, visitors' rows; and what a key per visitor would cost instead",
        _line(
            "tables (here)",
            _usd(paid.visitor_writes + paid.visitor_reads_high),
            f"{_usd(paid.visitor_writes)} written, up to {_usd(paid.visitor_reads_high)} read",
        ),
        _line(
            "a key per visitor",
            _usd(paid.keyed_writes + paid.keyed_reads),
            f"{_usd(paid.keyed_writes)} to write {shop.visitors:,} keys a release, "
            f"{_usd(paid.keyed_reads)} to read one a request",
        ),
    ]


def _machine_lines(told: Forecast) -> list[str]:
    need = told.machine
    fits = "enough" if need.fits else "NOT enough: see docs/plan.md"
    return [
        "",
        f"One machine of {MACHINE_GB} GB: {fits}",
        _line(
            "train",
            f"{need.train_gb:.1f} GB, {_time(need.train_cpu_seconds)}",
            "of CPU on one core, as measured on RetailRocket's clicks",
        ),
        _line(
            "compile",
            f"{need.compile_gb:.1f} GB, {_time(need.compile_cpu_seconds)}",
            "of CPU on one core, as measured on the made-up shop",
        ),
        _line(
            "deploy",
            _time(need.deploy_seconds),
            "at 20 Mbit/s up, and a minute until all locations see it",
        ),
        _line(
            "ends at",
            f"{need.most_events / 1e6:,.0f} million events",
            "memory of train, drawn out from measured 1.4 million",
        ),
        _line("or at", f"{need.most_visitors / 1e6:,.0f} million visitors", "memory of compile"),
    ]


def _usd(dollars: float) -> str:
    return f"${dollars:,.0f}" if dollars >= 10 else f"${dollars:,.2f}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
