"""How commands ask an edge: the one that `dev` runs here, or one by its address."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
import httpx

from control_plane.cli.options import Function
from control_plane.emulator.local_api import RUNNING_FILE, read_running
from control_plane.errors import InputError, PlatformError
from control_plane.keyring import load_text
from control_plane.rules.load import load_rules
from control_plane.settings import Project

ANSWER_SECONDS = 30.0


def at_option(command: Function) -> Function:
    """Add `--at`."""
    return click.option(
        "--at",
        metavar="TIME",
        help="As if it were this time of the shop, such as 2026-11-27T09:00 (default: now).",
    )(command)


def edge_url(project: Project, url: str | None) -> str:
    """Return the edge's address; raise InputError when none is named and none runs here."""
    running = None if url else read_running(project.local / RUNNING_FILE)
    found = url or (running and running.url)
    if not found:
        raise InputError(
            "no edge runs on this machine",
            remedy="Start one with 'frontshelf dev', or name one with --url.",
        )
    if not found.startswith(("http://", "https://")):
        raise InputError(
            f"{found!r} is not an address", field="--url", remedy="Begin with https://."
        )
    return found


def ask(
    project: Project, url: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what the edge answers to a call with the project's token.

    Raises InputError for a call that the edge refuses, PlatformError when it does not answer.
    """
    address = url.rstrip("/") + project.settings.edge.prefix + path
    headers = {"Authorization": f"Bearer {load_text(project.keys, 'api.token')}"}
    try:
        with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:
            method = "GET" if body is None else "POST"
            response = client.request(method, address, headers=headers, json=body)
        answer = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise PlatformError(f"{address}: no answer of an edge ({error}).") from error
    if response.is_success:
        return dict(answer)
    message = answer.get("error", {}).get("message", response.text)
    problem = f"{address}: {message} (status {response.status_code})"
    raise InputError(problem) if response.status_code < 500 else PlatformError(problem)


def shop_zone(project: Project) -> str:
    """Return the time zone of the project's rules."""
    return load_rules(project.root).timezone


def epoch_ms(text: str, zone: str, field: str = "--at") -> int:
    """Return a time of the shop in epoch milliseconds; raise InputError when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{text!r} is not a time", field=field, remedy="Write it as 2026-11-27T09:00."
        ) from error
    local = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return int(local.timestamp() * 1000)


def names(text: str | None) -> list[str] | None:
    """Return the names of a comma-separated list, None when there is none."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
