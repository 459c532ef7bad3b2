"""`frontshelf key`: the visitor keys that identifiers have in logs and tables."""

from __future__ import annotations

import sys

import click

from control_plane.cli.options import project_option
from control_plane.keyring import USER, format_visitor_key, load_visitor_secrets, visitor_key
from control_plane.settings import Project


@click.command()
@click.argument("user_ids", nargs=-1, metavar="[USER_ID]…")
@project_option
def key(user_ids: tuple[str, ...], project: Project) -> None:
    """Print the visitor key of each USER_ID; ids come from standard input when none is named."""
    secrets = load_visitor_secrets(project.keys)
    secret = secrets.secrets[secrets.current]
    for user_id in user_ids or (line.rstrip("\r\n") for line in sys.stdin):
        if user_id:
            click.echo(format_visitor_key(visitor_key(secret, USER, user_id)))
