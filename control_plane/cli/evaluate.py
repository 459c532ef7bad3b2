"""`frontshelf evaluate`: how good the shelves are, on what came after they learned."""

from __future__ import annotations

from pathlib import Path

import click

from control_plane.cli.build import shop_timezone
from control_plane.cli.edge_call import epoch_ms
from control_plane.cli.evaluate_text import evaluation_lines
from control_plane.cli.options import Progress, json_option, project_option, report
from control_plane.errors import InputError
from control_plane.evaluation.page import write_evaluation
from control_plane.evaluation.report import Evaluation
from control_plane.evaluation.run import Choices
from control_plane.evaluation.run import evaluate as run_evaluation
from control_plane.evaluation.split import TEST_SHARE
from control_plane.settings import Project


@click.command()
@click.option(
    "--since",
    metavar="TIME",
    help="Test with what happened since, such as 2026-11-01, in the shop's time; "
    f"default: the newest {TEST_SHARE:.0%} of sessions.",
)
@click.option("--days", type=click.IntRange(1), help="Test with the log's newest days instead.")
@click.option(
    "--model",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Test the trained model in DIR, such as models, with what came after it learned; "
    "default: train one on what is older than the test.",
)
@click.option(
    "--through-edge",
    is_flag=True,
    help="Ask a running worker too, and fail unless it answers as worked out here.",
)
@click.option(
    "--limit", "k", default=20, show_default=True, type=click.IntRange(1, 100), help="Items a list."
)
@click.option(
    "--cases",
    default=10_000,
    show_default=True,
    type=click.IntRange(100),
    help="Next steps tested at most, drawn session by session.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the report as a page of its own too.",
)
@project_option
@json_option
def evaluate(
    since: str | None,
    days: int | None,
    model: Path | None,
    through_edge: bool,
    k: int,
    cases: int,
    html: Path | None,
    project: Project,
    as_json: bool,
) -> None:
    """Measure shelves on the newest part of the log, against plain baselines.

    Trains on what is older, in a place of its own; the project's model, tables and edge stay.
    """
    if since and days:
        raise InputError("--since and --days exclude each other", remedy="Give one of them.")
    zone = shop_timezone(project)
    choices = Choices(
        since=epoch_ms(since, zone, "--since") // 1000 if since else None,
        days=days,
        model=model,
        k=k,
        most_cases=cases,
        through_edge=through_edge,
    )
    with Progress("evaluating") as progress:
        found = run_evaluation(project, choices, timezone=zone, progress=progress.step)
    if html:
        write_evaluation(found, html)
    report(found, as_json, lambda: evaluation_lines(found))
    _fail_when_apart(found)


def _fail_when_apart(found: Evaluation) -> None:
    """End with status 1 where the running worker is not what was measured here."""
    if found.disagreements:
        click.echo("the running worker answers otherwise than worked out here:", err=True)
        for text in found.disagreements:
            click.echo(f"  {text}", err=True)
        raise click.exceptions.Exit(1)
