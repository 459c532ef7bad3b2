"""The command group, and how errors end a command."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from control_plane import __version__
from control_plane.cli.build import compile_, train
from control_plane.cli.demo import demo
from control_plane.cli.dev import dev
from control_plane.cli.ingest import ingest
from control_plane.cli.init import init
from control_plane.cli.keys import key
from control_plane.cli.releases import deploy, releases, rollback, status
from control_plane.errors import FrontshelfError, WorkError

EXIT_INTERRUPTED = 130


class Group(click.Group):
    """A group that turns Frontshelf's errors into a message and an exit status."""

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


for command in (init, demo, ingest, train, compile_, deploy, rollback, releases, status, dev, key):
    main.add_command(command)
