"""`frontshelf promote` and `rollback`: one write each."""

from __future__ import annotations

import sys
import time

import click

from control_plane.cli.canary_text import canary_line, health_lines
from control_plane.cli.options import (
    dry_run_option,
    json_option,
    project_option,
    report,
    yes_option,
)
from control_plane.cli.releases import release_line
from control_plane.cli.targets import REMOTE, open_target, target_option
from control_plane.deploy.canary_health import CanaryHealth, canary_health
from control_plane.deploy.head import Head, read_head
from control_plane.deploy.history import RollbackReport
from control_plane.deploy.history import promote as make_live
from control_plane.deploy.history import releases as list_releases
from control_plane.deploy.history import rollback as roll_back
from control_plane.deploy.target import Target
from control_plane.errors import InputError
from control_plane.settings import Project

#: How often counts are looked at: isolates tell them as often.
LOOK_SECONDS = 30.0


@click.command()
@target_option
@click.option(
    "--when-healthy",
    is_flag=True,
    help="Promote it if it fares no worse than what is live, end it if it does.",
)
@click.option(
    "--watch",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="MINUTES",
    help="Look again for so long while there is too little to tell by.",
)
@yes_option
@dry_run_option
@project_option
@json_option
def promote(
    target_name: str,
    when_healthy: bool,
    watch: float,
    yes: bool,
    dry_run: bool,
    project: Project,
    as_json: bool,
) -> None:
    """Make the canary live for everyone."""
    if watch and not when_healthy:
        raise InputError("says how long to look", field="--watch", remedy="Add --when-healthy.")
    with open_target(project, target_name) as target:
        if when_healthy:
            _by_rule(target, project, watch * 60, dry_run, as_json)
            return
        if dry_run:
            head = read_head(target, project)
            found = head.canary if head else None
            named = {"release": found.release, "share": found.share} if found else None
            report(named, as_json, lambda: [canary_line(found) if found else "no canary"])
            return
        if target_name in REMOTE and not yes and sys.stdin.isatty():
            click.confirm("Make the canary live for everyone?", abort=True, err=True)
        result = make_live(target, project)
    report(result, as_json, lambda: [_live_line(result)])


@click.command()
@click.argument("release", required=False)
@target_option
@yes_option
@dry_run_option
@project_option
@json_option
def rollback(
    release: str | None,
    target_name: str,
    yes: bool,
    dry_run: bool,
    project: Project,
    as_json: bool,
) -> None:
    """Make RELEASE live again (default: end the canary, else the one that was live before)."""
    with open_target(project, target_name) as target:
        if dry_run:
            known = list_releases(target, project)
            report(known, as_json, lambda: [release_line(entry) for entry in known])
            return
        if target_name in REMOTE and not yes and sys.stdin.isatty():
            click.confirm(f"Roll back to {release or 'the release before'}?", abort=True, err=True)
        result = roll_back(target, project, release)
    report(result, as_json, lambda: [_rollback_line(result)])


def _by_rule(
    target: Target, project: Project, seconds: float, dry_run: bool, as_json: bool
) -> None:
    """Promote or end the canary by how it fares; status 1 unless it was promoted."""
    judged, health = _watched(target, project, seconds)
    result = None
    if not dry_run and health.verdict == "healthy":
        result = make_live(target, project, judged=judged)
    elif not dry_run and health.verdict == "unhealthy":
        result = roll_back(target, project, judged=judged)
    lines = health_lines(health)
    if result:
        lines.append(_rollback_line(result) if result.ended else _live_line(result))
    report({"health": health, "done": result}, as_json, lambda: lines)
    if health.verdict != "healthy":
        sys.exit(1)


def _watched(target: Target, project: Project, seconds: float) -> tuple[Head, CanaryHealth]:
    """Return a head and how its canary fares, as soon as there is enough to tell by."""
    ends = time.monotonic() + seconds
    while True:
        head = read_head(target, project)
        if head is None or head.canary is None:
            raise InputError(
                f"{target!r} has no canary", remedy="'frontshelf deploy --canary 5%' begins one."
            )
        health = canary_health(target, head, head.canary, project.settings.deploy)
        left = ends - time.monotonic()
        if health.verdict != "waiting" or left <= 0:
            return head, health
        time.sleep(min(LOOK_SECONDS, left))


def _live_line(result: RollbackReport) -> str:
    return f"release {result.release} is live for everyone (counter {result.counter})"


def _rollback_line(result: RollbackReport) -> str:
    said = f"release {result.release} is live again" if result.moved else "it was live already"
    if result.ended:
        said = f"the canary {result.ended} ended; release {result.release} is live for everyone"
    return f"{said} (counter {result.counter})"
