"""The command group, and how errors end a command."""

from __future__ import annotations

import ast
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from control_plane import __version__
from control_plane.errors import FrontshelfError, WorkError, suggest

EXIT_INTERRUPTED = 130


#: Where each command stands. Loaded when called: `key` must not wait for scikit-learn.
COMMANDS = {
    "init": "init:init",
    "demo": "demo:demo",
    "ingest": "ingest:ingest",
    "train": "build:train",
    "compile": "build:compile_",
    "deploy": "deploy:deploy",
    "promote": "promote:promote",
    "rollback": "promote:rollback",
    "releases": "releases:releases",
    "status": "releases:status",
    "gc": "gc:gc",
    "doctor": "doctor:doctor",
    "worker": "worker:worker",
    "overlay": "overlay:overlay",
    "dev": "dev:dev",
    "keys": "keys:keys",
    "key": "key:key",
    "evaluate": "evaluate:evaluate",
    "explain": "explain:explain",
    "preview": "preview:preview",
    "plan": "plan:plan",
    "bench": "bench:bench",
}


def first_line(place: str) -> str:
    """Return the first line of what the command at `module:function` says it does, unloaded."""
    module, name = place.split(":")
    spec = find_spec(f"control_plane.cli.{module}")
    if spec is None or spec.origin is None:
        raise WorkError(f"control_plane.cli.{module} is not installed. Install frontshelf again.")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    (said,) = [ast.get_docstring(node) or "" for node in functions if node.name == name]
    return said.partition("\n")[0]


class Group(click.Group):
    """A group that loads commands when called, and ends with messages instead of tracebacks."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the way of the data."""
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; suggest the closest one when there is none of that name."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            ctx.fail(f"no command {args[0]!r}. {suggest(args[0], list(COMMANDS))}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(f"control_plane.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_line(place)) for name, place in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end with a message instead of a traceback."""
        try:
            return super().invoke(ctx)
        except FrontshelfError as error:
            click.echo(f"frontshelf: {error}", err=True)
            ctx.exit(error.exit_status)
        except BrokenPipeError:
            # The reader of our output went away: nothing more to say, and nothing to flush.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            click.echo(f"frontshelf: {place}{error.strerror or error}", err=True)
            ctx.exit(WorkError.exit_status)
        except (KeyboardInterrupt, click.Abort):
            click.echo("\nfrontshelf: interrupted; run the command again to carry on.", err=True)
            ctx.exit(EXIT_INTERRUPTED)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="frontshelf")
def main() -> None:
    """Rearrange the front shelf of an online shop for every visitor, at the CDN edge.

    The way of the data: ingest → train → compile → deploy. Start with 'frontshelf init' for
    your own shop, or 'frontshelf demo' for the sample shop.
    """
