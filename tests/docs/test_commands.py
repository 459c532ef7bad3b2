"""Every command that README and the guides show exists, with the options shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from control_plane.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
GUIDES = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
WORKFLOWS = sorted((ROOT / "examples").rglob("*.yml"))
PAGES = [ROOT / "README.md", *GUIDES]


def shown() -> list[tuple[str, str]]:
    """Return (page, command line) of shell blocks, and of commands in blocks of no language."""
    lines = []
    for page in PAGES:
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.S | re.M):
            joined = block.replace("\\\n", " ").splitlines()
            said = [line.removeprefix("$ ").strip() for line in joined]
            if language in ("sh", "console", "bash"):
                lines += [(page.name, line) for line in said]
            elif not language:
                lines += [(page.name, line) for line in said if line.startswith("frontshelf ")]
    lines += [(file.name, line) for file in WORKFLOWS for line in run_lines(file)]
    return [(page, line) for page, line in lines if line and not line.startswith("#")]


def run_lines(workflow: Path) -> list[str]:
    """Return the command lines of a CI system's workflow."""
    jobs = YAML(typ="safe").load(workflow.read_text())["jobs"].values()
    runs = [step.get("run", "") for job in jobs for step in job["steps"]]
    return [line for run in runs for line in run.splitlines() if line.startswith("frontshelf ")]


def words_of(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


@pytest.mark.parametrize(("page", "line"), shown())
def test_a_shown_command_can_be_called(page: str, line: str) -> None:
    words = words_of(line)
    if not words or words[0] not in ("frontshelf", "python"):
        for script in re.findall(r"\bscripts/\w+", line):
            assert (ROOT / script).is_file(), f"{page}: {line}"
        return
    if words[0] == "python":
        assert words[1].startswith("-") or (ROOT / words[1]).is_file(), f"{page}: {line}"
        return
    if words[1].startswith("-"):
        return
    command = main.get_command(click.Context(main), words[1])
    assert command, f"{page}: {line}"
    arguments = words[2:]
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        command = command.get_command(click.Context(command), arguments.pop(0))
        assert command, f"{page}: {line}"
    stop = next((i for i, word in enumerate(arguments) if word in ("|", ">", "&&", "<")), None)
    context = click.Context(command, info_name=words[1])
    _, rest, _ = command.make_parser(context).parse_args([*arguments[:stop]])
    assert not rest, f"{page}: {line}"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_shown_somewhere(name: str) -> None:
    assert any(f"frontshelf {name}" in page.read_text() for page in PAGES)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_option_says_what_it_does(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command
    assert command.help
    undocumented = ("--port", "--products", "--visitors", "--seed")
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.opts[0] not in undocumented:
            assert parameter.help, f"{name} {parameter.opts[0]}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
