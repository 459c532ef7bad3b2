"""`frontshelf deploy`, `rollback`, `releases` and `status`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from control_plane.cli.options import (
    Percent,
    Progress,
    json_option,
    project_option,
    report,
    size_text,
)
from control_plane.cli.targets import REMOTE, open_target, target_option
from control_plane.cli.worker_targets import check_live_worker
from control_plane.deploy.archive import Archived, is_archived
from control_plane.deploy.head import Canary, read_head
from control_plane.deploy.history import ReleaseEntry, RollbackReport, only_archived
from control_plane.deploy.history import promote as make_live
from control_plane.deploy.history import releases as list_releases
from control_plane.deploy.history import rollback as roll_back
from control_plane.deploy.overlay_values import overlay_counts
from control_plane.deploy.plan import Plan
from control_plane.deploy.publish import PublishReport, publish
from control_plane.errors import InputError
from control_plane.settings import Project

yes_option = click.option("--yes", is_flag=True, help="Write without asking.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")


@click.command()
@target_option
@click.option(
    "--draft",
    is_flag=True,
    help="Write values and manifest only: 'preview --release draft' shows it.",
)
@click.option(
    "--canary",
    type=Percent(),
    metavar="SHARE",
    help="Show it to this share of devices, such as 5%, and what is live to all others.",
)
@click.option("--release", metavar="ID", help="Deploy this release of the archive.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for another machine's deployment to end.",
)
@yes_option
@dry_run_option
@project_option
@json_option
def deploy(
    target_name: str,
    draft: bool,
    canary: float | None,
    release: str | None,
    wait: float,
    yes: bool,
    dry_run: bool,
    project: Project,
    as_json: bool,
) -> None:
    """Make the compiled release live: values, then the manifest, then the head."""
    if draft and canary is not None:
        raise InputError("a draft is live for nobody", field="--canary", remedy="Leave one out.")
    share = None if canary is None or canary == 100 else canary / 100
    with open_target(project, target_name) as target, Progress("deploying") as progress:
        check_live_worker(project, target_name)
        _say_unlocked(project, target_name)
        build = Archived(project, release) if release else project.build / "current"
        if target_name in REMOTE and not yes and not dry_run and sys.stdin.isatty():
            plan = publish(target, build, project, dry_run=True, canary=share).plan
            click.confirm("\n".join([*_plan_lines(plan), "Go ahead?"]), abort=True, err=True)
        result = publish(
            target,
            build,
            project,
            dry_run=dry_run,
            draft=draft,
            canary=share,
            wait_seconds=wait,
            progress=lambda _stage, done, total: progress.count(done, total),
        )
    report(result, as_json, lambda: _publish_lines(result, draft))


@click.command()
@target_option
@yes_option
@dry_run_option
@project_option
@json_option
def promote(target_name: str, yes: bool, dry_run: bool, project: Project, as_json: bool) -> None:
    """Make the canary live for everyone."""
    with open_target(project, target_name) as target:
        if dry_run:
            head = read_head(target, project)
            found = head.canary if head else None
            named = {"release": found.release, "share": found.share} if found else None
            report(named, as_json, lambda: [_canary_line(found) if found else "no canary"])
            return
        if target_name in REMOTE and not yes and sys.stdin.isatty():
            click.confirm("Make the canary live for everyone?", abort=True, err=True)
        result = make_live(target, project)
    said = f"release {result.release} is live for everyone (counter {result.counter})"
    report(result, as_json, lambda: [said])


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
            report(known, as_json, lambda: [_release_line(entry) for entry in known])
            return
        if target_name in REMOTE and not yes and sys.stdin.isatty():
            click.confirm(f"Roll back to {release or 'the release before'}?", abort=True, err=True)
        result = roll_back(target, project, release)
    report(result, as_json, lambda: [_rollback_line(result)])


@click.command()
@target_option
@project_option
@json_option
def releases(target_name: str, project: Project, as_json: bool) -> None:
    """List the releases that the target holds, the newest to go live first, then archived ones."""
    with open_target(project, target_name) as target:
        known = [*list_releases(target, project)]
    known += only_archived(project, known)
    report(known, as_json, lambda: [_release_line(entry) for entry in known] or ["none yet"])


@click.command()
@target_option
@project_option
@json_option
def status(target_name: str, project: Project, as_json: bool) -> None:
    """Say what is live at the target, and since when."""
    with open_target(project, target_name) as target:
        head = read_head(target, project)
    facts = {
        "target": target_name,
        "live": head.live.release if head else None,
        "canary": head.canary.release if head and head.canary else None,
        "canary_share": head.canary.share if head and head.canary else None,
        "previous": head.previous.release if head and head.previous else None,
        "counter": head.counter if head else None,
        "issued_at": time_text(head.issued_at) if head else None,
        "live_since": time_text(head.live.since) if head and head.live.since else None,
        "archived": is_archived(project, head.live.release) if head else None,
        **(overlay_counts(head.overlays) if head else {}),
    }
    report(facts, as_json, lambda: [f"{name}: {value}" for name, value in facts.items()])


def _say_unlocked(project: Project, target_name: str) -> None:
    if target_name in REMOTE and not project.settings.archive.url:
        said = "no archive is set: another machine is not locked out (docs/deploy.md, Archive)"
        click.echo(f"frontshelf: {said}.", err=True)


def _plan_lines(plan: Plan) -> list[str]:
    return [
        f"{len(plan.write) + plan.write_manifest:,} values to write ({size_text(plan.bytes)}), "
        f"{plan.skip:,} there already, {plan.requests:,} requests, about ${plan.cost_usd:.4f}"
    ]


def _publish_lines(result: PublishReport, draft: bool) -> list[str]:
    if result.dry_run:
        return [f"release {result.release} at {result.target}, dry run:", *_plan_lines(result.plan)]
    live = "is live" if result.head_moved else "was live already"
    if draft:
        live = "is there as a draft"
    if result.canary is not None:
        verb = "is" if result.head_moved else "was already"
        live = f"{verb} live for {result.canary:.1%} of devices"
    ended = [f"the canary {result.ended} ended"] if result.ended else []
    return [
        *ended,
        f"release {result.release} {live} at {result.target} (counter {result.counter}): "
        f"{result.written:,} values written ({size_text(result.bytes)}), "
        f"{result.skipped:,} there already, {result.seconds:.1f} s",
    ]


def _canary_line(canary: Canary) -> str:
    since = time_text(canary.since)
    return f"release {canary.release} is the canary of {canary.share:.1%} of devices since {since}"


def _rollback_line(result: RollbackReport) -> str:
    said = f"release {result.release} is live again" if result.moved else "it was live already"
    if result.ended:
        said = f"the canary {result.ended} ended; release {result.release} is live for everyone"
    return f"{said} (counter {result.counter})"


def _release_line(entry: ReleaseEntry) -> str:
    when = time_text(entry.at) if entry.at else "by another machine"
    return f"{entry.release}  {when}  {entry.state}".rstrip()


def time_text(epoch_ms: int) -> str:
    """Return a time as people read it."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
