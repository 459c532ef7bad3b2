"""`frontshelf worker upload`, `worker status` and `worker rollback`."""

from __future__ import annotations

import sys
from collections import Counter

import click

from control_plane.cli.options import (
    Percent,
    dry_run_option,
    json_option,
    project_option,
    report,
    size_text,
    yes_option,
)
from control_plane.cli.worker_targets import network_option, open_worker, worker_target_option
from control_plane.deploy.worker_target import (
    Change,
    WorkerPlan,
    WorkerStatus,
)
from control_plane.settings import Project


@click.group()
def worker() -> None:
    """Upload the worker that serves releases, say which one runs, and go back."""


@worker.command()
@worker_target_option
@network_option
@click.option(
    "--share",
    type=Percent(),
    default="100%",
    show_default=True,
    help="Share of visitors whom it serves; the version before goes on serving the others.",
)
@yes_option
@dry_run_option
@project_option
@json_option
def upload(
    target_name: str,
    network: str | None,
    share: float,
    yes: bool,
    dry_run: bool,
    project: Project,
    as_json: bool,
) -> None:
    """Upload the worker of this installation, with the project's settings and secrets."""
    with open_worker(project, target_name, network) as target:
        plan = target.plan(share)
        if dry_run or plan.nothing_to_do:
            said = {"plan": plan, "done": False, "status": target.status()}
            report(said, as_json, lambda: _plan_lines(plan))
            return
        if target_name != "local" and not yes and sys.stdin.isatty():
            click.confirm("\n".join([*_plan_lines(plan), "Go ahead?"]), abort=True, err=True)
        status = target.carry_out(plan)
    said = {"plan": plan, "done": True, "status": status}
    report(said, as_json, lambda: [*_plan_lines(plan), *_status_lines(status)])


@worker.command()
@worker_target_option
@network_option
@project_option
@json_option
def status(target_name: str, network: str | None, project: Project, as_json: bool) -> None:
    """Say which versions of the worker serve which share of visitors."""
    with open_worker(project, target_name, network) as target:
        found = target.status()
    report(found, as_json, lambda: _status_lines(found))


@worker.command()
@worker_target_option
@network_option
@click.option(
    "--old-secrets", is_flag=True, help="Go back even if secrets were changed since, to its own."
)
@yes_option
@dry_run_option
@project_option
@json_option
def rollback(
    target_name: str,
    network: str | None,
    old_secrets: bool,
    yes: bool,
    dry_run: bool,
    project: Project,
    as_json: bool,
) -> None:
    """Give every visitor the version that served all of them before."""
    with open_worker(project, target_name, network) as target:
        found = target.status()
        if not dry_run:
            if target_name != "local" and not yes and sys.stdin.isatty():
                click.confirm(f"Roll back to {found.previous}?", abort=True, err=True)
            found = target.roll_back(old_secrets=old_secrets)
    report(found, as_json, lambda: _status_lines(found))


def _plan_lines(plan: WorkerPlan) -> list[str]:
    if plan.nothing_to_do:
        return [f"the worker {plan.worker} at {plan.target} is this one already: nothing to do"]
    count = f"{len(plan.files)} modules ({_folders(plan)}), {size_text(plan.bytes)}, "
    return [
        f"worker {plan.worker} at {plan.target}, for {plan.share:g}% of visitors: {count}"
        f"{size_text(plan.gzipped)} gzipped of {size_text(plan.limit)} allowed",
        f"reads tables of format {plan.tables} and {plan.tables - 1}",
        *(_change_line(change) for change in plan.changes),
        "a new version is uploaded" if plan.version is None else f"version {plan.version} is there",
    ]


def _folders(plan: WorkerPlan) -> str:
    counts = Counter(file.name.rpartition("/")[0] for file in plan.files)
    return ", ".join(f"{folder + '/' if folder else 'top'} {n}" for folder, n in counts.items())


def _change_line(change: Change) -> str:
    heading = f"{change.kind} {change.name}"
    if change.kind == "secret":
        known = {(None, "set"): "set", ("set", "set"): "set anew", ("set", None): "removed"}
        return f"{heading}: {known[change.before, change.after]}"
    if change.before is None:
        return f"{heading}: {change.after!r}, new"
    if change.after is None:
        return f"{heading}: removed (was {change.before!r})"
    return f"{heading}: {change.before!r} → {change.after!r}"


def _status_lines(status: WorkerStatus) -> list[str]:
    if not status.running:
        return [f"no version of the worker {status.worker} serves at {status.target}"]
    running = [
        f"{one.share:g}%  {one.version}  uploaded {one.uploaded_at}, "
        + (f"tables of format {one.tables}" if one.tables else "not by Frontshelf")
        for one in status.running
    ]
    before = f"a rollback goes back to {status.previous}" if status.previous else "no rollback yet"
    return [f"worker {status.worker} at {status.target}, since {status.since}:", *running, before]
