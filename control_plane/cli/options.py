"""What commands share: the project, reports for people or machines, and progress."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from control_plane.settings import Project, load_project

Function = Callable[..., Any]

#: A bar for work that ends sooner would only flicker.
QUIET_SECONDS = 0.5
REDRAW_SECONDS = 0.1


def project_option(command: Function) -> Function:
    """Add `--project DIR`, given to the command as a loaded `project`."""

    def load(_ctx: click.Context, _param: click.Parameter, value: Path) -> Project:
        return load_project(value)

    return click.option(
        "--project",
        default=Path("."),
        type=click.Path(path_type=Path, file_okay=False),
        callback=load,
        metavar="DIR",
        help="Project directory (default: here).",
    )(command)


def json_option(command: Function) -> Function:
    """Add `--json`: print the report for machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")(
        command
    )


def report(result: Any, as_json: bool, lines: Callable[[], list[str]]) -> None:
    """Print a report on standard output, as JSON or as lines for people."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(result), ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(lines()))


yes_option = click.option("--yes", is_flag=True, help="Write without asking.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")


def target_choice(names: Sequence[str], says: str) -> Callable[[Function], Function]:
    """Return what adds `--target`, one of `names`, given to the command as `target_name`."""
    return click.option(
        "--target",
        "target_name",
        type=click.Choice(names),
        default="local",
        show_default=True,
        help=says,
    )


class Percent(click.ParamType):
    """A share of visitors: `10%`, or `10`; over 0 and at most 100."""

    name = "percent"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the percentage."""
        try:
            share = float(str(value).removesuffix("%"))
        except ValueError:
            share = 0.0
        if not 0 < share <= 100:
            self.fail(f"{value!r} is no share: give one over 0 and up to 100%", param, ctx)
        return share


class Progress:
    """Draws one line of progress on standard error, when a person looks at it."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.shown = sys.stderr.isatty()
        self.started = self.drawn_at = time.monotonic()
        self.drawn = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.drawn:
            click.echo("\r\x1b[K", nl=False, err=True)

    def step(self, text: str) -> None:
        """Say what is being done now."""
        self._draw(f"{self.label}: {text} …")

    def count(self, done: int, total: int | None) -> None:
        """Say how far the work is."""
        if not total:
            self._draw(f"{self.label}: {done:,} …")
            return
        share = min(1.0, done / total)
        bar = "█" * int(24 * share)
        self._draw(f"{self.label}: {bar:<24} {share:4.0%}")

    def _draw(self, text: str) -> None:
        now = time.monotonic()
        early = now - self.started < QUIET_SECONDS
        if not self.shown or early or (self.drawn and now - self.drawn_at < REDRAW_SECONDS):
            return
        self.drawn, self.drawn_at = True, now
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def size_text(count: int) -> str:
    """Return a number of bytes as people read it."""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count = count / 1000  # type: ignore[assignment]
    return f"{count:,.1f} GB"


def time_text(epoch_ms: int) -> str:
    """Return a time as people read it."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
