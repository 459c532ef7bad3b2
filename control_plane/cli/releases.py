"""`frontshelf releases` and `status`."""

from __future__ import annotations

from typing import Any

import click

from control_plane.cli.canary_text import health_lines
from control_plane.cli.edge_call import ask, edge_url
from control_plane.cli.options import json_option, project_option, report, time_text
from control_plane.cli.targets import open_target, target_option
from control_plane.deploy.archive.archived import is_archived
from control_plane.deploy.canary_health import canary_health
from control_plane.deploy.doctor.target import examine_release
from control_plane.deploy.head import Head, archived_head, read_head
from control_plane.deploy.history import ReleaseEntry, only_archived
from control_plane.deploy.history import releases as list_releases
from control_plane.deploy.overlays.values import overlay_counts
from control_plane.deploy.target import Target
from control_plane.errors import FrontshelfError, InputError
from control_plane.settings import Project


@click.command()
@target_option
@project_option
@json_option
def releases(target_name: str, project: Project, as_json: bool) -> None:
    """List the releases that the target holds, the newest to go live first, then archived ones."""
    with open_target(project, target_name) as target:
        known = [*list_releases(target, project)]
    known += only_archived(project, known)
    report(known, as_json, lambda: [release_line(entry) for entry in known] or ["none yet"])


@click.command()
@target_option
@click.option("--edge", metavar="URL", help="Ask the edge there (default: the one that runs here).")
@project_option
@json_option
def status(target_name: str, edge: str | None, project: Project, as_json: bool) -> None:
    """Say what is live at the target, whether all of it is there, and what the edge shows."""
    with open_target(project, target_name) as target:
        head = read_head(target, project)
        facts = {"target": target_name, **_told(head)}
        if head:
            facts |= {
                "archived": is_archived(project, head.live.release),
                "drift": _drift(head, target, project),
                "store": _store(head, target, project),
                **overlay_counts(head.overlays),
            }
        health = (
            canary_health(target, head, head.canary, project.settings.deploy)
            if head and head.canary
            else None
        )
    facts |= _edge(project, edge, target_name)
    shown = {**facts}
    if head and not project.settings.archive.url:
        shown["archived"] = shown["drift"] = "no archive is set"
    lines = [f"{name}: {_words(value)}" for name, value in shown.items()]
    if health:
        lines += [f"canary: {line}" for line in health_lines(health)]
    report({**facts, "canary_health": health}, as_json, lambda: lines)


def _words(value: Any) -> str:
    """Return a fact as people read it."""
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _told(head: Head | None) -> dict[str, Any]:
    """Return what a head says."""
    canary = head.canary if head else None
    return {
        "live": head.live.release if head else None,
        "live_since": time_text(head.live.since) if head and head.live.since else None,
        "canary": canary.release if canary else None,
        "canary_share": canary.share if canary else None,
        "previous": head.previous.release if head and head.previous else None,
        "counter": head.counter if head else None,
        "issued_at": time_text(head.issued_at) if head else None,
    }


def _drift(head: Head, target: Target, project: Project) -> str | None:
    """Say how the head differs from the one that was archived last; None without an archive."""
    last = archived_head(target, project)
    if last is None or last == head:
        return None if last is None else "no"
    return (
        f"yes: head {last.counter} with release {last.live.release} was archived last, "
        f"{head.counter} with {head.live.release} is there"
    )


def _store(head: Head, target: Target, project: Project) -> str:
    """Say whether the store holds what the head names: the manifests, and a sample of values."""
    found = examine_release(head, target, project)
    wrong = [f"{one.check}: {one.says}" for one in found if one.level != "ok"]
    return "; ".join(wrong) or "holds all that the head names"


def _edge(project: Project, url: str | None, target: str) -> dict[str, Any]:
    """Return what an edge shows and how old its head is; nothing where none is known of."""
    try:
        address = edge_url(project, url)
    except InputError:
        if url:
            raise
        return {}
    if url is None and target != "local":
        return {}
    try:
        health = ask(project, address, "/health")
    except FrontshelfError as error:
        return {"edge": address, "edge_status": f"no answer: {str(error).splitlines()[0]}"}
    canary = health.get("canary") or {}
    return {
        "edge": address,
        "edge_status": health["status"],
        "edge_live": health["release"],
        "edge_canary": canary.get("release"),
        "edge_counter": health["head"]["counter"],
        "edge_age_seconds": health["head"]["age_seconds"],
    }


def release_line(entry: ReleaseEntry) -> str:
    """Say a release, when it last went live, and what it is now."""
    when = time_text(entry.at) if entry.at else "by another machine"
    return f"{entry.release}  {when}  {entry.state}".rstrip()
