"""`frontshelf doctor`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from control_plane.cli.options import json_option, project_option, report
from control_plane.cli.targets import open_target, target_option
from control_plane.deploy.doctor.findings import Finding, of_error
from control_plane.deploy.doctor.project import examine_project
from control_plane.deploy.doctor.target import examine_target
from control_plane.errors import FrontshelfError
from control_plane.settings import Project

SIGNS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


@click.command()
@target_option
@click.option("--all", "every", is_flag=True, help="Read every value of the live release.")
@project_option
@json_option
@click.pass_context
def doctor(
    ctx: click.Context, target_name: str, every: bool, project: Project, as_json: bool
) -> None:
    """Find and explain what is wrong with the project and what is deployed; change nothing."""
    found = [*examine_project(project), *_of_target(project, target_name, every)]
    report(found, as_json, lambda: [line for one in found for line in _lines(one)])
    ctx.exit(any(one.level == "problem" for one in found))


def _of_target(project: Project, name: str, every: bool) -> Iterator[Finding]:
    try:
        with open_target(project, name) as target:
            yield from examine_target(target, project, every=every)
    except FrontshelfError as error:
        yield of_error("target", error)


def _lines(one: Finding) -> list[str]:
    lines = [f"{SIGNS[one.level]}  {one.check}: {one.says}"]
    return [*lines, f"         {one.remedy}"] if one.remedy else lines
