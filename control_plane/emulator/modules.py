"""Collects a worker's modules by following its static imports; nothing is bundled."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from control_plane.emulator.wrangler import Rule
from control_plane.errors import InputError

# A statement starts its line, so that imports named in JSDoc comments and strings do not count.
_IMPORT = re.compile(
    r"""^[ \t]*(?:import|export)\b(?:[^;'"()]*?\bfrom)?\s*(["'])(?P<specifier>[^"'\n]+)\1""",
    re.MULTILINE,
)
_KINDS: Mapping[str, Literal["esModule", "text", "data"]] = {
    "ESModule": "esModule",
    "Text": "text",
    "Data": "data",
}


#: Reads a module by name; the importer and its line are for the error message.
Read = Callable[[str, str | None, int | None], bytes]


class Module(msgspec.Struct, frozen=True):
    """One module: its name as imports resolve to it, how workerd reads it, and its bytes."""

    name: str
    kind: Literal["esModule", "text", "data"]
    source: bytes


def collect_modules(folder: Path, main: str, rules: Sequence[Rule] = ()) -> tuple[Module, ...]:
    """Return `main` and all that it imports from `folder`, main first.

    Raises InputError with file and line when an import leads to no file.
    """

    def read(name: str, importer: str | None, line: int | None) -> bytes:
        try:
            return (folder / name).read_bytes()
        except (FileNotFoundError, IsADirectoryError) as error:
            where = folder / (importer or name)
            problem = f"imports {name!r}, which does not exist" if importer else "no such module"
            raise InputError(problem, file=where, line=line) from error

    return _follow(main, rules, read)


def inline_modules(
    sources: Mapping[str, str | bytes], main: str, rules: Sequence[Rule] = ()
) -> tuple[Module, ...]:
    """Return `main` and all that it imports from `sources`, main first."""

    def read(name: str, importer: str | None, line: int | None) -> bytes:
        if name not in sources:
            problem = f"imports {name!r}, which was not given" if importer else "was not given"
            raise InputError(problem, file=importer or name, line=line)
        source = sources[name]
        return source.encode() if isinstance(source, str) else source

    return _follow(main, rules, read)


def _follow(main: str, rules: Sequence[Rule], read: Read) -> tuple[Module, ...]:
    found: dict[str, Module] = {}
    waiting: list[tuple[str, str | None, int | None]] = [(main, None, None)]
    while waiting:
        name, importer, line = waiting.pop(0)
        if name in found:
            continue
        kind = "esModule" if name == main else _kind(name, rules)
        found[name] = Module(name, _KINDS.get(kind, "esModule"), read(name, importer, line))
        if found[name].kind == "esModule":
            waiting += _imports(found[name])
    return tuple(found.values())


def _imports(module: Module) -> list[tuple[str, str | None, int | None]]:
    try:
        text = module.source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", file=module.name) from error
    folder = posixpath.dirname(module.name)
    return [
        (
            posixpath.normpath(posixpath.join(folder, match["specifier"])),
            module.name,
            text.count("\n", 0, match.start("specifier")) + 1,
        )
        for match in _IMPORT.finditer(text)
        if match["specifier"].startswith((".", "/"))
    ]


def _kind(name: str, rules: Sequence[Rule]) -> str:
    for rule in rules:
        if any(_glob(glob).fullmatch(name) for glob in rule.globs):
            return rule.type
    return "ESModule"


def _glob(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts))
