"""What a newcomer sees first."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from control_plane.cli import main
from control_plane.cli.main import COMMANDS, first_line

ASK = "import sys; from control_plane.cli import main; main(['--help'], standalone_mode=False); "


@pytest.mark.parametrize(("name", "place"), COMMANDS.items())
def test_the_list_says_of_each_command_what_the_command_says_itself(name, place):
    command = main.get_command(click.Context(main), name)
    assert first_line(place) == command.help.splitlines()[0]


def test_the_list_of_commands_waits_for_no_library():
    loaded = ASK + "print(*sorted({'numpy', 'duckdb', 'sklearn', 'httpx'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True)
    *listed, libraries = answer.stdout.decode().split("\n")[:-1]
    assert any(line.startswith("  deploy ") for line in listed)
    assert libraries == ""
