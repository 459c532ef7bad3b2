"""`frontshelf deploy`: the plan first, then the work."""

from __future__ import annotations

import sys

import click

from control_plane.cli.options import (
    Percent,
    Progress,
    dry_run_option,
    json_option,
    project_option,
    report,
    size_text,
    yes_option,
)
from control_plane.cli.targets import REMOTE, open_target, target_option
from control_plane.cli.worker_targets import check_live_worker
from control_plane.deploy.archive.archived import Archived
from control_plane.deploy.plan import Plan
from control_plane.deploy.publish import PublishReport, publish
from control_plane.errors import InputError
from control_plane.settings import Project
from control_plane.tables import MAX_VALUE_BYTES


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
        asks = target_name in REMOTE and not yes and not dry_run and sys.stdin.isatty()
        result = publish(
            target,
            build,
            project,
            dry_run=dry_run,
            draft=draft,
            canary=share,
            wait_seconds=wait,
            planned=lambda plan: _show(plan, quiet=as_json or dry_run, asks=asks),
            progress=lambda _stage, done, total: progress.count(done, total),
        )
    report(result, as_json, lambda: _publish_lines(result, draft))


def _say_unlocked(project: Project, target_name: str) -> None:
    if target_name in REMOTE and not project.settings.archive.url:
        said = "no archive is set: another machine is not locked out (docs/deploy.md, Archive)"
        click.echo(f"frontshelf: {said}.", err=True)


def _show(plan: Plan, *, quiet: bool, asks: bool) -> None:
    """Say what is about to be done, and ask whether to where a person can answer."""
    if not quiet or asks:
        click.echo("\n".join(_plan_lines(plan)), err=True)
    if asks and not plan.nothing_to_do:
        click.confirm("Go ahead?", abort=True, err=True)


def _plan_lines(plan: Plan) -> list[str]:
    if plan.nothing_to_do:
        return [f"nothing to write: {plan.skip:,} values are there already"]
    parts = [f"{len(plan.write):,} values ({size_text(plan.bytes)})"] if plan.write else []
    parts += ["the manifest"] if plan.write_manifest else []
    parts += ["the head"] if plan.move_head else []
    lines = [
        f"to write: {', then '.join(parts)}; {plan.skip:,} values are there already",
        f"about {plan.requests:,} requests, {_price(plan)} and {plan.seconds:,.0f} s",
    ]
    if plan.largest:
        largest, limit = size_text(plan.largest), size_text(MAX_VALUE_BYTES)
        lines.append(f"the largest value takes {largest} of {limit}")
    return lines


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


def _price(plan: Plan) -> str:
    return "a price by contract" if plan.cost_usd is None else f"${plan.cost_usd:.4f}"
