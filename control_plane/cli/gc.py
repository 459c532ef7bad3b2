"""`frontshelf gc`."""

from __future__ import annotations

import sys

import click

from control_plane.cli.options import (
    dry_run_option,
    json_option,
    project_option,
    report,
    time_text,
    yes_option,
)
from control_plane.cli.targets import REMOTE, open_target, target_option
from control_plane.deploy.gc import GcReport, collect_garbage
from control_plane.deploy.kept import Kept
from control_plane.settings import Project

WHY = {
    "live": "live",
    "canary": "the canary",
    "previous": "the one before",
    "newest": "among the last that were live",
    "draft": "a draft",
    "lately": "live or written lately",
}


@click.command()
@target_option
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="Releases kept, the live one among them (default: deploy.keep_releases).",
)
@yes_option
@dry_run_option
@project_option
@json_option
def gc(
    target_name: str, keep: int | None, yes: bool, dry_run: bool, project: Project, as_json: bool
) -> None:
    """Remove from the target what no kept release names, and visitor values in time."""
    with open_target(project, target_name) as target:
        if target_name in REMOTE and not yes and not dry_run and sys.stdin.isatty():
            planned = collect_garbage(target, project, keep=keep, dry_run=True)
            click.confirm("\n".join([*_lines(planned), "Go ahead?"]), abort=True, err=True)
        result = collect_garbage(target, project, keep=keep, dry_run=dry_run)
    report(result, as_json, lambda: _lines(result))


def _lines(result: GcReport) -> list[str]:
    verb = "would be removed" if result.dry_run else "removed"
    lines = [_kept_line(one) for one in result.kept]
    lines.append(f"{verb}: {_counts(result.removed)}")
    if result.archive:
        gone = ", ".join(result.archive.removed) or "no release"
        lines.append(f"{verb} from the archive: {gone}, {result.archive.values:,} values")
    if result.next_at is not None:
        when = time_text(result.next_at)
        lines.append(f"waiting: {_counts(result.waiting)}; the first may go {when}")
    return lines


def _kept_line(one: Kept) -> str:
    until = one.visitors_until
    rows = f", visitor values until {time_text(until)}" if until is not None else ""
    return f"kept: {one.release}  {WHY[one.why]}{rows}"


def _counts(by_kind: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in by_kind.items()) or "nothing"
