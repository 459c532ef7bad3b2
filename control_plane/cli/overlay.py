"""`frontshelf overlay`: stock, prices, erased visitors and slots, in seconds, without a release."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from control_plane.cli.options import (
    Function,
    dry_run_option,
    json_option,
    project_option,
    report,
    size_text,
    yes_option,
)
from control_plane.cli.targets import REMOTE, open_target, target_option
from control_plane.collect.stock import StockFile, read_stock, tell_reject
from control_plane.deploy.head import Head
from control_plane.deploy.overlays import changes as overlay_changes
from control_plane.deploy.overlays.move import Change, OverlayReport, change_overlays
from control_plane.deploy.overlays.stock import change_stock, load_catalogue_stock
from control_plane.deploy.target import Target
from control_plane.errors import InputError
from control_plane.keyring import load_visitor_secrets
from control_plane.settings import Project

SHOWN_REJECTS = 10

Make = Callable[[Target, Head], Change]


@click.group()
def overlay() -> None:
    """Change stock, prices, erased visitors or slots at the edge without a release."""


def _options(command: Function) -> Function:
    for option in (json_option, project_option, dry_run_option, yes_option, target_option):
        command = option(command)
    return command


@overlay.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Forget what earlier stock files said.")
@_options
def stock(
    file: Path,
    replace: bool,
    target_name: str,
    yes: bool,
    dry_run: bool,
    project: Project,
    as_json: bool,
) -> None:
    """Take availability and prices from FILE (CSV, JSONL): item_id, available, price."""
    catalogue = load_catalogue_stock(project)
    settings = project.settings
    found = read_stock(file, settings.shop.currency, catalogue, settings.ingest.max_rejects)

    def make(target: Target, head: Head) -> Change:
        return change_stock(target, project, head, found.lines, catalogue, replace=replace)

    result = _carry_out(project, target_name, make, yes, dry_run, f"{len(found.lines):,} items")
    facts = msgspec.to_builtins(result) | {
        "rows": found.rows,
        "items": len(found.lines),
        "rejected": len(found.rejects),
        "rejects": [tell_reject(one) for one in found.rejects],
        "unknown_columns": found.unknown,
    }
    report(facts, as_json, lambda: [*_lines(result), *_stock_lines(found)])


@overlay.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY…")
@_options
def erase(
    keys: tuple[str, ...],
    target_name: str,
    yes: bool,
    dry_run: bool,
    project: Project,
    as_json: bool,
) -> None:
    """Never use the rows of the visitors KEY… again ('frontshelf key USER_ID' tells a key).

    KEYID:KEY names the key of another secret, while one is being rotated.
    """
    by_id = _visitor_keys(project, keys)

    def make(target: Target, head: Head) -> Change:
        values: dict[str, bytes] = {}
        for key_id, numbers in sorted(by_id.items()):
            change = overlay_changes.erase(target, head, key_id, numbers)
            head = msgspec.structs.replace(head, overlays=change.overlays)
            values |= change.values
        return Change(head.overlays, values)

    result = _carry_out(project, target_name, make, yes, dry_run, f"{len(keys):,} visitors")
    report(result, as_json, lambda: _lines(result))


def _switch_command(name: str, text: str) -> None:
    @overlay.command(name, help=text)
    @click.argument("slot")
    @_options
    def command(slot: str, target_name: str, yes: bool, dry_run: bool, project: Project,
                as_json: bool) -> None:  # fmt: skip
        def make(target: Target, head: Head) -> Change:
            return overlay_changes.switch(target, head, slot, off=name == "off")

        result = _carry_out(project, target_name, make, yes, dry_run, f"slot {slot} {name}")
        report(result, as_json, lambda: _lines(result))


_switch_command("off", "Let SLOT show the page's own content.")
_switch_command("on", "Let SLOT show what the rules say again.")


def _carry_out(
    project: Project, target_name: str, make: Make, yes: bool, dry_run: bool, what: str
) -> OverlayReport:
    if target_name in REMOTE and not yes and not dry_run and sys.stdin.isatty():
        click.confirm(f"Write the overlay ({what}) to {target_name}?", abort=True, err=True)
    with open_target(project, target_name) as target:
        return change_overlays(target, project, make, dry_run=dry_run)


def _visitor_keys(project: Project, keys: tuple[str, ...]) -> dict[str, list[int]]:
    secrets = load_visitor_secrets(project.keys)
    found: dict[str, list[int]] = {}
    for key in keys:
        key_id, _, digits = key.rpartition(":")
        if not re.fullmatch(r"[0-9a-f]{16}", digits):
            raise InputError(
                f"{key!r} is not a visitor key",
                field="KEY",
                remedy="A key has 16 hexadecimal digits: 'frontshelf key USER_ID' prints it.",
            )
        if key_id and key_id not in secrets.secrets:
            raise InputError(
                f"unknown key id {key_id!r}",
                field="KEY",
                remedy=f"Known: {', '.join(sorted(secrets.secrets))}.",
            )
        found.setdefault(key_id or secrets.current, []).append(int(digits, 16))
    return found


def _lines(result: OverlayReport) -> list[str]:
    off = f", off: {', '.join(result.off)}" if result.off else ""
    done = "would be written" if result.dry_run else "written"
    told = (
        f"{result.written:,} value{'s' * (result.written != 1)} {done} ({size_text(result.bytes)})"
        if result.changed
        else "nothing to change"
    )
    return [
        f"{told}; overlays at {result.target} (counter {result.counter}): "
        f"{result.stock:,} items, {result.erased:,} erased visitors{off}"
    ]


def _stock_lines(found: StockFile) -> list[str]:
    lines = [f"rejected: {tell_reject(one)}" for one in found.rejects[:SHOWN_REJECTS]]
    more = len(found.rejects) - SHOWN_REJECTS
    lines += [f"rejected: {more:,} more (see them with --json)"] if more > 0 else []
    return lines + [f"unknown column {name!r}, left out" for name in found.unknown]
