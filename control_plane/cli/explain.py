"""`frontshelf explain`: why a slot shows what it shows."""

from __future__ import annotations

from typing import Any

import click

from control_plane.cli.edge_call import ask, at_option, edge_url, epoch_ms, names, shop_zone
from control_plane.cli.explain_text import explained_lines
from control_plane.cli.options import json_option, project_option, report
from control_plane.errors import InputError
from control_plane.keyring import USER, format_visitor_key, load_visitor_secrets, visitor_key
from control_plane.settings import Project


@click.command()
@click.option("--slot", "slots", multiple=True, metavar="NAME", help="A slot (default: all).")
@click.option("--user", metavar="USER_ID", help="As this user, by the shop's own id.")
@click.option("--visitor", metavar="KEY", help="As this visitor, by visitor key.")
@click.option("--device", metavar="ID", help="On this device, which experiments and holdout need.")
@click.option("--item", metavar="SKU", help="On this item's page.")
@click.option("--category", help="On this category's page.")
@click.option("--view", "views", multiple=True, metavar="SKU", help="After viewing this item.")
@click.option("--cart", "carts", multiple=True, metavar="SKU", help="With this in the cart.")
@click.option("--country", help="From this country, such as FR.")
@click.option("--segments", metavar="A,B", help="In these segments.")
@click.option("--no-consent", is_flag=True, help="Without the visitor's consent.")
@at_option
@click.option("--url", help="The edge to ask (default: the one that 'dev' runs here).")
@project_option
@json_option
def explain(
    slots: tuple[str, ...],
    user: str | None,
    visitor: str | None,
    device: str | None,
    item: str | None,
    category: str | None,
    views: tuple[str, ...],
    carts: tuple[str, ...],
    country: str | None,
    segments: str | None,
    no_consent: bool,
    at: str | None,
    url: str | None,
    project: Project,
    as_json: bool,
) -> None:
    """Say why slots show what they show: rules, scores by source, versions, timing."""
    if user and visitor:
        raise InputError("both --user and --visitor", remedy="Name the person in one way.")
    address = edge_url(project, url)
    events = [{"event": "view", "item": sku} for sku in views]
    events += [{"event": "cart", "item": sku} for sku in carts]
    body: dict[str, Any] = {
        "slots": list(slots) or ask(project, address, "/health")["slots"],
        "explain": True,
        "consent": {"personalization": not no_consent, "analytics": not no_consent},
        "visitor": _key(project, user) if user else visitor,
        "device": device,
        "page": _given(item=item, category=category),
        "session": {"events": events},
        "attributes": _given(country=country, segments=names(segments)),
        "at": epoch_ms(at, shop_zone(project)) if at else None,
    }
    answer = ask(project, address, "/decide", _given(**body))
    report(answer, as_json, lambda: explained_lines(answer))


def _key(project: Project, user: str) -> str:
    secrets = load_visitor_secrets(project.keys)
    return format_visitor_key(visitor_key(secrets.secrets[secrets.current], USER, user))


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
