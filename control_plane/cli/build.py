"""`frontshelf train` and `frontshelf compile`."""

from __future__ import annotations

from typing import Any

import click

from control_plane.cli.options import Progress, json_option, project_option, report, size_text
from control_plane.compiler.build import Release, compile_project
from control_plane.errors import InputError
from control_plane.models.artifacts import Model
from control_plane.models.train import REPORT
from control_plane.models.train import train as train_models
from control_plane.rules.load import load_rules
from control_plane.settings import Project


@click.command()
@project_option
@json_option
def train(project: Project, as_json: bool) -> None:
    """Learn segments, popularity, neighbours and visitor rows from the event log."""
    with Progress("training") as progress:
        timezone, own = shop_timezone(project), own_segments(project)
        model = train_models(project, timezone=timezone, own_segments=own, progress=progress.step)
    page = project.models / REPORT
    report(model.report, as_json, lambda: [*_train_lines(model), f"report: {page}"])


@click.command("compile")
@project_option
@json_option
def compile_(project: Project, as_json: bool) -> None:
    """Compile models and rules into signed tables under build/."""
    with Progress("compiling") as progress:
        release = compile_project(project, progress=progress.step)
    report(release, as_json, lambda: _compile_lines(release))


def shop_timezone(project: Project) -> str:
    """Return the time zone of the project's rules, which hours at the edge are in."""
    try:
        return load_rules(project.root).timezone
    except InputError as error:
        click.echo(f"hours are learned in UTC, since the rules can't be read: {error}", err=True)
        return "UTC"


def own_segments(project: Project) -> dict[str, dict[str, Any]]:
    """Return the conditions of the rules' own segments, by name."""
    try:
        return load_rules(project.root).segments
    except InputError:
        # `shop_timezone` said so.
        return {}


def _live_lines(model: Model) -> list[str]:
    live = model.report.get("live_segments", {})
    if not live.get("visitors"):
        return []
    shares = [live[name] for name in ("placed_alike", "placed_otherwise", "unplaced")]
    return [
        "by their session alone {:.0%} of others are placed as known, {:.0%} otherwise, "
        "{:.0%} in no segment".format(*shares)
    ]


def _own_lines(model: Model) -> list[str]:
    return [
        f"own segment {name}: {told['visitors']:,} of {told['of']:,} known visitors"
        if told["visitors"] is not None
        else f"own segment {name}: events say nothing of {', '.join(told['unknown'])}"
        for name, told in model.report["own_segments"].items()
    ]


def _shelf_lines(model: Model) -> list[str]:
    shelves = model.report.get("shelves", {})
    return [
        f"shelf {stage}: {told['items']:,} items, "
        + (f"from {told['people']:,} people" if told["people"] else "from the catalogue")
        for stage, told in shelves.items()
        if told["items"]
    ]


def _table_lines(model: Model) -> list[str]:
    table = model.report["session_table"]
    lines = [f"{table['share_of_one_person']:.0%} of item pairs rest on one visitor's sessions"]
    if "held_out" not in table:
        return [*lines, f"default parameters: {table['note']}"]
    before, after = table["held_out"]["default"], table["held_out"]["chosen"]
    changed = "; ".join(f"{name} {a:g} → {b:g}" for name, (a, b) in table["changed"].items())
    return [
        *lines,
        f"HR@20 {before['hr']:.1f} → {after['hr']:.1f}, MRR@20 {before['mrr']:.1f} → "
        f"{after['mrr']:.1f} on the newest {table['held_out']['clicks']:,} clicks held out; "
        f"parameters changed: {changed or 'none'}",
    ]


def _train_lines(model: Model) -> list[str]:
    lines = [
        f"{len(model.item_ids):,} items, {len(model.neighbours.items):,} neighbours, "
        f"{len(model.visitors.keys):,} visitor rows; newest event {model.model_time}"
    ]
    lines += [f"segment {s.key}: {s.name} ({s.size:,} visitors)" for s in model.segments]
    lines += _live_lines(model) + _shelf_lines(model) + _table_lines(model)
    return lines + [f"note: {text}" for text in model.report.get("warnings", [])]


def _compile_lines(release: Release) -> list[str]:
    total = sum(release.bytes_by_kind.values())
    lines = [f"release {release.release}: {release.items:,} items, {release.visitors:,} visitors"]
    if release.visitors_left_out:
        lines.append(
            f"{release.visitors_left_out:,} less active visitors have no row: "
            "train.visitor_bytes has no room for them"
        )
    for kind, count in sorted(release.bytes_by_kind.items()):
        values = sum(value["kind"] == kind for value in release.values)
        lines.append(f"  {kind:<9} {size_text(count):>10} in {values:,} value{'s' * (values != 1)}")
    return [*lines, f"  {'all':<9} {size_text(total):>10}"]
