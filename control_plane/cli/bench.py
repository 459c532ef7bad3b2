"""`frontshelf bench`: ratios measured side by side in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from control_plane.bench.compile import CompileReport, bench_compile
from control_plane.bench.deploy import DeployReport
from control_plane.bench.edge import ASKED_FOR, NAMES, EdgeReport, bench_edge
from control_plane.bench.measure import Spread
from control_plane.bench.quality import bench_quality
from control_plane.bench.shop import Size
from control_plane.bench.tables import Part
from control_plane.cli.options import json_option, report
from control_plane.cli.quality_text import quality_lines


@click.group()
def bench() -> None:
    """Measure side by side, in one run: only ratios mean anything on a busy machine."""


@bench.command()
@click.option(
    "--rounds", default=5, show_default=True, type=click.IntRange(1), help="Alternating rounds."
)
@click.option(
    "--requests",
    default=2000,
    show_default=True,
    type=click.IntRange(1),
    help="Requests a worker and round.",
)
@click.option(
    "--only", multiple=True, metavar="NAME",
    help=f"Only these scenarios: {', '.join(NAMES)} ({', '.join(ASKED_FOR)} only when named).",
)  # fmt: skip
@click.option(
    "--items",
    default=100_000,
    show_default=True,
    type=click.IntRange(1000),
    help="Items of the made-up shop.",
)
@json_option
def edge(rounds: int, requests: int, only: tuple[str, ...], items: int, as_json: bool) -> None:
    """Compare the edge's server CPU per request with that of simpler workers.

    Makes a shop of its own, so it needs no project.
    """
    size = Size(items, items)
    result = bench_edge(rounds, requests, only, lambda line: click.echo(line, err=True), size)
    report(result, as_json, lambda: _lines(result))


def _lines(result: EdgeReport) -> list[str]:
    title = f"server CPU, median of {result.rounds} rounds of {result.requests:,} requests"
    lines = [title] if result.ratios else []
    for one in result.ratios:
        bar = "" if one.bar is None else f"  (bar {one.bar}{'' if one.within else ', NOT met'})"
        low, high = one.ratio.min, one.ratio.max
        lines.append(f"  {one.name:<17} {one.ratio.median:5.2f}  {low:.2f}-{high:.2f}{bar}")
        lines.append(f"  {'':<17} {one.says}")
    for name, found in result.others.items():
        told = {key: value for key, value in found.items() if key != "steps"}
        lines += [name, *(f"  {key:<18} {_text(value)}" for key, value in told.items())]
    return lines


def _text(value: Any) -> str:
    if isinstance(value, Spread):
        return f"{value.median}  {value.min}-{value.max}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


@bench.command("compile")
@click.option(
    "--items", default=200_000, show_default=True, type=click.IntRange(1000), help="Items."
)
@click.option(
    "--visitors", default=1_000_000, show_default=True, type=click.IntRange(1000), help="Visitors."
)
@click.option(
    "--deploy",
    is_flag=True,
    help="Also deploy it to this machine's edge, again, with other stock, and with other rules.",
)
@json_option
def compile_(items: int, visitors: int, deploy: bool, as_json: bool) -> None:
    """Say what tables take beside plain msgpack, and what compiling costs.

    Makes up a shop whose visitors have tastes by Zipf's law, so it needs no project.
    """
    talk = lambda line: click.echo(line, err=True)  # noqa: E731
    result = bench_compile(Size(items, visitors), talk, deploy=deploy)
    report(result, as_json, lambda: _compile_lines(result))


def _compile_lines(result: CompileReport) -> list[str]:
    return [
        f"compiled {result.items:,} items and {result.visitors:,} visitors in "
        f"{result.seconds:.0f} s ({result.cpu_seconds:.0f} s of CPU), {result.peak_mb:,.0f} MB",
        f"largest value {result.largest_value:,} bytes, manifest {result.manifest_bytes:,}",
        *_part_lines("neighbours", "an item", result.neighbours),
        *_part_lines("cards", "an item", result.cards),
        *_part_lines("visitors", "a visitor", result.visitor_rows),
        *(_deploy_lines(result.deploy) if result.deploy else []),
    ]


def _deploy_lines(done: DeployReport) -> list[str]:
    return [
        f"deployed to this machine's edge in {done.seconds:.1f} s: {done.values:,} values, "
        f"{done.bytes / 1e6:.1f} MB; again: {done.again} values; "
        f"with other rules: {done.rules} values and the manifest",
        f"stock and price of {done.stock_items:,} items: {done.stock_bytes:,} bytes in "
        f"{done.stock_seconds:.1f} s, {done.stock_share:.1%} of the catalogue's",
    ]


def _part_lines(name: str, entry: str, part: Part) -> list[str]:
    ratio = part.bytes_each / part.msgpack_each
    lines = [
        f"  {name:<10} {part.bytes_each:7.2f} bytes {entry}, "
        f"{ratio:.2f} of plain msgpack's {part.msgpack_each:.1f}"
    ]
    if part.id_bits is not None and part.set_bits is not None:
        lines.append(
            f"             {part.id_bits:7.2f} bits an id; any set of items: {part.set_bits:.2f}"
        )
    return lines


@bench.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Folder of the public data sets, each in a folder of its name.",
)
@click.option("--set", "only", multiple=True, metavar="NAME", help="Only these sets; repeatable.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Leave each set's project in DIR.",
)
@json_option
def quality(data: Path, only: tuple[str, ...], keep: Path | None, as_json: bool) -> None:
    """Repeat the public tables: what the running edge answers, beside what others do.

    Takes each set from its file to the edge's answers by the command line's own steps.
    """
    result = bench_quality(data, only, lambda line: click.echo(line, err=True), keep=keep)
    report(result, as_json, lambda: quality_lines(result))
