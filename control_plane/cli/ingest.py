"""`frontshelf ingest`."""

from __future__ import annotations

from pathlib import Path

import click

from control_plane.cli.options import Progress, json_option, project_option, report
from control_plane.collect.ingest import IngestReport
from control_plane.collect.ingest import ingest as ingest_files
from control_plane.settings import Project


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    help="How to read PATH (default: by its ending).",
)
@click.option(
    "--map",
    "mapping",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML or YAML that renames and translates columns (docs/ingest.md).",
)
@project_option
@json_option
def ingest(
    path: Path, format_: str | None, mapping: Path | None, project: Project, as_json: bool
) -> None:
    """Take in events or items from PATH, a file or a directory of files."""
    with Progress(f"reading {path.name}") as progress:
        result = ingest_files(
            project, path, format=format_, mapping=mapping, progress=progress.count
        )
    report(result, as_json, lambda: _lines(result))


def _lines(result: IngestReport) -> list[str]:
    counts = {
        "stored": result.stored,
        "there already": result.duplicates,
        "ignored": result.ignored,
        "rejected": result.rejected,
        "items": result.items_updated,
    }
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    lines = [f"{result.rows:,} rows: {told or 'nothing new'} ({result.seconds:.1f} s)"]
    lines += [f"  {count:>9,} {event}" for event, count in result.events.items()]
    lines += [f"rejected: {reason} ({count:,})" for reason, count in result.reasons.items()]
    if result.rejects_file:
        lines.append(f"rejected rows: {result.rejects_file}")
    for column in result.unknown_columns:
        meant = f"; did you mean {column.suggestion!r}?" if column.suggestion else ""
        lines.append(f"unknown column {column.name!r}, left out{meant}")
    return lines + ([f"note: {result.consent_note}"] if result.consent_note else [])
