"""`frontshelf demo`: the sample shop, from generated events to a personalised page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from control_plane.cli.build import shop_timezone
from control_plane.cli.dev import wait_for_stop
from control_plane.cli.init import make_project
from control_plane.cli.options import Progress
from control_plane.cli.targets import open_target
from control_plane.collect.ingest import ingest
from control_plane.compiler.build import compile_project
from control_plane.demo.check import check_edge
from control_plane.demo.sample import generate
from control_plane.demo.storefront import StorefrontServer
from control_plane.deploy.publish import publish
from control_plane.emulator.dev import LocalEdge
from control_plane.models.artifacts import load
from control_plane.models.train import train
from control_plane.settings import Project, load_project

STEPS_FILE = "steps.json"


@click.command()
@click.option("--project", "directory", default=".demo", type=click.Path(path_type=Path),
              metavar="DIR", help="Where the sample shop lives.", show_default=True)  # fmt: skip
@click.option("--check", is_flag=True, help="Drive the running edge, print a JSON report, and end.")
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65535))
@click.option("--products", default=2000, show_default=True, type=click.IntRange(10, 50_000))
@click.option("--visitors", default=20_000, show_default=True, type=click.IntRange(10, 1_000_000))
@click.option("--seed", default=7, show_default=True)
def demo(directory: Path, check: bool, port: int, products: int, visitors: int, seed: int) -> None:
    """Make the sample shop and serve it personalised at the edge of this machine.

    A second run reuses what is there.
    """
    started = time.monotonic()
    make_project(directory)
    project = load_project(directory)
    facts = prepare(project, {"products": products, "visitors": visitors, "seed": seed})
    shop = project.root / "shop"
    with (
        StorefrontServer(shop) as store,
        LocalEdge(project, port=0 if check else port, origin=store.url) as edge,
    ):
        if check:
            facts |= check_edge(edge.url, shop)
            facts["seconds"] = round(time.monotonic() - started, 1)
            click.echo(json.dumps(facts, indent=1))
            if not facts["ok"]:
                raise click.exceptions.Exit(1)
        else:
            _say_where_to_look(edge.url, directory)
            wait_for_stop()


def prepare(project: Project, scale: dict[str, int]) -> dict[str, Any]:
    """Generate, ingest, train, compile and deploy; return the facts of each step."""
    shop = project.root / "shop"
    known = _read_steps(project)
    if known.get("scale") != scale:
        known = {"scale": scale}
        known["shop"] = _step("drawing the sample shop", lambda: _generate(project, scale))
        known["ingest"] = _step("taking in items and events", lambda: _ingest(project, shop))
        _step(
            "learning segments and neighbours",
            lambda: train(project, timezone=shop_timezone(project)),
        )
        _write_steps(project, known)
    _step("compiling tables", lambda: compile_project(project))
    with open_target(project, "local") as target:
        build = project.build / "current"
        deployed = _step("deploying to the local edge", lambda: publish(target, build, project))
    model = load(project.models)
    release = json.loads((project.build / "current" / "release.json").read_text())
    return {
        **known["ingest"],
        "visitors": len(model.visitors.keys),
        "items": release["items"],
        "segments": [{"key": s.key, "name": s.name, "size": s.size} for s in model.segments],
        "table_bytes": release["bytes_by_kind"],
        "release": release["release"],
        "values_written": deployed.written,
        "values_skipped": deployed.skipped,
    }


def _generate(project: Project, scale: dict[str, int]) -> dict[str, Any]:
    shop = project.root / "shop"
    generate(shop, seed=scale["seed"], products=scale["products"], visitors=scale["visitors"])
    for name in ("rules.yaml",):
        (project.root / name).write_bytes((shop / name).read_bytes())
    return scale


def _ingest(project: Project, shop: Path) -> dict[str, Any]:
    with Progress("reading events") as progress:
        ingest(project, shop / "items.jsonl")
        report = ingest(project, shop / "events.jsonl", progress=progress.count)
    return {"events": report.stored, "rejects": report.rejected, "duplicates": report.duplicates}


def _step(text: str, work: Callable[[], Any]) -> Any:
    started = time.monotonic()
    result = work()
    click.echo(f"{text}: {time.monotonic() - started:.1f} s", err=True)
    return result


def _read_steps(project: Project) -> dict[str, Any]:
    file = project.root / STEPS_FILE
    if not file.exists() or not (project.models / "model.npz").exists():
        return {}
    return dict(json.loads(file.read_text(encoding="utf-8")))


def _write_steps(project: Project, steps: dict[str, Any]) -> None:
    partial = project.root / f"{STEPS_FILE}.partial"
    partial.write_text(json.dumps(steps), encoding="utf-8")
    partial.replace(project.root / STEPS_FILE)


def _say_where_to_look(url: str, directory: Path) -> None:
    click.echo(f"ready {url}")
    click.echo(
        f"\nThe sample shop, personalised at the edge: {url}\n"
        "  Accept the banner, look at three products of one kind, and go home again.\n"
        f"  What the edge knows:  {url}/_fs/health\n"
        f"  What decides:         {directory}/rules.yaml (then: frontshelf compile && "
        f"frontshelf deploy, both with --project {directory})\n"
        "  Ctrl-C ends it.",
        err=True,
    )
