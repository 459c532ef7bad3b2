"""The `frontshelf` command: one click group; each command calls a library function."""

from control_plane.cli.main import main

__all__ = ["main"]
