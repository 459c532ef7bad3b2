"""`frontshelf preview`: a link that shows the shop as others will see it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import click
import msgspec

from control_plane.cli.edge_call import at_option, edge_url, epoch_ms, names
from control_plane.cli.options import json_option, project_option, report
from control_plane.cli.targets import open_target, target_option
from control_plane.deploy.preview import Named, Preview, named_release, preview_token
from control_plane.errors import InputError, suggest
from control_plane.rules.load import load_rules
from control_plane.rules.shapes import Rules
from control_plane.settings import Project


@click.command()
@click.option("--segments", metavar="A,B", help="As a visitor in these segments.")
@click.option(
    "--variation",
    "variations",
    multiple=True,
    metavar="KEY=N",
    help="Show this variation of an experiment, counted from 0; repeatable.",
)
@click.option(
    "--slot",
    "slots",
    multiple=True,
    metavar="NAME=CONTENT",
    help="Show this content in a slot; repeatable.",
)
@click.option("--country", metavar="CC", help="From this country, such as FR.")
@at_option
@click.option("--release", metavar="ID", help="Of this release, or 'draft' (deploy --draft).")
@click.option(
    "--minutes",
    type=click.IntRange(1, 7 * 24 * 60),
    default=30,
    show_default=True,
    help="How long the preview lasts.",
)
@click.option("--url", help="The page to begin with (default: that of the edge that runs here).")
@target_option
@project_option
@json_option
def preview(
    segments: str | None,
    variations: tuple[str, ...],
    slots: tuple[str, ...],
    country: str | None,
    at: str | None,
    release: str | None,
    minutes: int,
    url: str | None,
    target_name: str,
    project: Project,
    as_json: bool,
) -> None:
    """Print a link that forces what it names for whoever opens it, until it ends."""
    rules = load_rules(project.root)
    address = edge_url(project, url)
    forced = Preview(
        until=int(time.time()) + minutes * 60,
        segments=names(segments),
        variations=dict(_variation(pair, rules) for pair in variations),
        slots=dict(_content(pair, rules) for pair in slots),
        at=epoch_ms(at, rules.timezone) if at else None,
        country=_country(country),
        release=_release(project, target_name, release),
    )
    link = _link(address, preview_token(forced, project))
    facts = {"url": link, "until": forced.until, "forced": _facts(forced)}
    report(facts, as_json, lambda: [link])
    if not as_json:
        said = ", ".join(_words(name, value, at) for name, value in _facts(forced).items())
        click.echo(f"For {minutes} minutes: {said or 'nothing forced, only shown'}.", err=True)
        click.echo("Whoever has the link can open it until then.", err=True)


def _release(project: Project, target_name: str, release: str | None) -> Named | None:
    if release is None:
        return None
    with open_target(project, target_name) as target:
        return named_release(target, project, release)


def _variation(pair: str, rules: Rules) -> tuple[str, int]:
    key, number = _pair(pair, "--variation", "hero-test=1")
    experiments = {
        rule.experiment.key: rule.experiment
        for slot in rules.slots.values()
        for rule in slot.rules
        if rule.experiment
    }
    _known(key, experiments, "--variation", "experiment")
    shown = ", ".join(experiments[key].variations)
    count = len(experiments[key].variations)
    if not number.isdecimal() or int(number) >= count:
        raise InputError(
            f"experiment {key!r} has no variation {number!r}",
            field="--variation",
            remedy=f"It has 0 to {count - 1}: {shown}.",
        )
    return key, int(number)


def _content(pair: str, rules: Rules) -> tuple[str, str]:
    slot, content = _pair(pair, "--slot", "home.hero=hero-vip")
    _known(slot, rules.slots, "--slot", "slot")
    _known(content, rules.content, "--slot", "content")
    return slot, content


def _pair(text: str, field: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InputError(f"{text!r} is no pair", field=field, remedy=f"Write it as {example}.")
    return name, value


def _known(name: str, known: Any, field: str, what: str) -> None:
    if name not in known:
        remedy = suggest(name, list(known)) if known else f"rules.yaml has no {what}."
        raise InputError(f"no {what} {name!r} in rules.yaml", field=field, remedy=remedy)


def _country(country: str | None) -> str | None:
    if country is not None and not re.fullmatch("[A-Z]{2}", country):
        remedy = "Write two capital letters, such as FR."
        raise InputError(f"{country!r} is not a country", field="--country", remedy=remedy)
    return country


def _link(address: str, token: str) -> str:
    parts = urlsplit(address)
    query = "&".join(filter(None, [parts.query, urlencode({"fs_preview": token})]))
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


def _words(name: str, value: Any, at: str | None) -> str:
    """Say what is forced as it was asked for."""
    if isinstance(value, Mapping):
        return " and ".join(f"{key}={shown}" for key, shown in value.items())
    if isinstance(value, list):
        return f"{name} {' and '.join(value) or 'none'}"
    return f"{name} {at if name == 'at' else value}"


def _facts(preview: Preview) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(preview)
    facts["release"] = preview.release.release if preview.release else None
    return {
        name: value for name, value in facts.items() if name != "until" and value not in (None, {})
    }
