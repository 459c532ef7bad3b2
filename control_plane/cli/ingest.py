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
    return [f"{name.replace('_', ' ')}: {value}" for name, value in _facts(result).items()]


def _facts(result: IngestReport) -> dict[str, object]:
    fields = {name: getattr(result, name) for name in result.__struct_fields__}
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [], ())}
