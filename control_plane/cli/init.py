"""`frontshelf init`: makes all that the other commands need."""

from __future__ import annotations

import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import click

from control_plane.errors import InputError
from control_plane.keyring import make_keys

BUILD_README = """# build/

`frontshelf compile` puts here what it makes: values named by their digests, the signed
manifest, and a report of sizes. Safe to delete; the same input makes the same bytes again.
"""


@click.command()
@click.argument("directory", default=".", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Make a project in DIRECTORY (default: here): settings, rules, keys. Overwrites nothing."""
    made = make_project(directory)
    for name in made:
        click.echo(f"made {directory / name}")
    if not made:
        click.echo(f"{directory}: everything was there already", err=True)
    click.echo("Next: 'frontshelf ingest FILE' takes in events and items.", err=True)


def make_project(directory: Path) -> list[str]:
    """Make what is missing of a project; return the names of what was made."""
    if directory.exists() and not directory.is_dir():
        raise InputError("not a directory", file=directory)
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    with as_file(files("control_plane.cli") / "scaffold") as scaffold:
        for source in sorted(path for path in scaffold.rglob("*") if path.is_file()):
            name = str(source.relative_to(scaffold)).replace("gitignore", ".gitignore")
            made += _make(directory, name, source)
    _name_shop(directory, made)
    readme = directory / "build" / "README.md"
    if not readme.exists():
        readme.parent.mkdir(exist_ok=True)
        readme.write_text(BUILD_README, encoding="utf-8")
        made.append("build/README.md")
    (directory / "inbox").mkdir(exist_ok=True)
    return made + [f"keys/{name}" for name in make_keys(directory / "keys")]


def _make(directory: Path, name: str, source: Path) -> list[str]:
    target = directory / name
    if target.exists():
        return []
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    shutil.copyfile(source, partial)
    partial.replace(target)
    return [name]


def _name_shop(directory: Path, made: list[str]) -> None:
    """Call a new project's shop by its directory."""
    name = re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-")[:32]
    if name and "frontshelf.toml" in made:
        file = directory / "frontshelf.toml"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace('name = "shop" ', f'name = "{name}" '), encoding="utf-8")
