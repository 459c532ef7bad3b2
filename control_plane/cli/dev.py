"""`frontshelf dev`: the edge on this machine."""

from __future__ import annotations

import signal
import threading
from typing import get_args

import click

from control_plane.cli.options import project_option
from control_plane.emulator.dev import LocalEdge, Platform
from control_plane.emulator.faults import parse_fault
from control_plane.emulator.usage import Allowance
from control_plane.errors import InputError
from control_plane.settings import Project


@click.command()
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65535))
@click.option("--origin", metavar="URL", help="The shop's own server (default: a plain 404).")
@click.option(
    "--no-trust", is_flag=True, help="Believe callers on this machine no more than others."
)
@click.option(
    "--platform",
    type=click.Choice(get_args(Platform)),
    default="cloudflare",
    show_default=True,
    help="Whose adapter runs, over the same releases.",
)
@click.option(
    "--store",
    type=click.Choice(["instant", "strict"]),
    help="Show a deployment at once, or as late and in such order as a CDN may "
    "(default: dev.store of frontshelf.toml).",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:KEYS[:SHARE]]",
    help="Let reads of the store fail, for example late, error:i-* or corrupted:*:0.1; repeatable.",
)
@click.option(
    "--limits",
    type=click.Choice(["report", "strict"]),
    help="Measure what each request uses of Cloudflare's limits, and report what is too much, or "
    "answer as the platform would: 503. Requests are taken one at a time.",
)
@project_option
def dev(
    port: int,
    origin: str | None,
    no_trust: bool,
    platform: Platform,
    store: str | None,
    faults: tuple[str, ...],
    limits: str | None,
    project: Project,
) -> None:
    """Serve the edge on 127.0.0.1:PORT with the real workerd, until Ctrl-C."""
    if limits and platform == "akamai":
        raise InputError(
            "its own limits hold on Akamai's platform", field="--limits", remedy="Leave it out."
        )
    cpu_ms = project.settings.dev.cpu_ms
    with LocalEdge(
        project,
        port=port,
        origin=origin,
        trust_loopback=not no_trust,
        strict=(store or project.settings.dev.store) == "strict",
        faults=tuple(map(parse_fault, faults)),
        platform=platform,
        allowance=Allowance(cpu_ms=cpu_ms, strict=limits == "strict") if limits else None,
    ) as edge:
        click.echo(f"ready {edge.url}")
        wait_for_stop()


def wait_for_stop() -> None:
    """Return when the process is asked to end."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
