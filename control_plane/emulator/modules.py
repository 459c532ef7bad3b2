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

Kind = Literal["esModule", "text", "data"]

# A statement starts its line, so that imports named in JSDoc comments and strings do not count.
# In minified code it follows a semicolon or brace, and nothing stands before its quotation mark.
_IMPORT = re.compile(
    r"""(?:^[ \t]*(?:import|export)\b(?:[^;'"()]*?\bfrom)?\s*"""
    r"""|[;}](?:import|export)\b(?:[^;'"()]*?\bfrom)?)(["'])(?P<specifier>[^"'\n]+)\1""",
    re.MULTILINE,
)
_KINDS: Mapping[str, Kind] = {"ESModule": "esModule", "Text": "text", "Data": "data"}


class Module(msgspec.Struct, frozen=True):
    """One module: its name as imports resolve to it, how workerd reads it, and its bytes."""

    name: str
    kind: Kind
    source: bytes


class _Wanted(msgspec.Struct, frozen=True):
    """A module that is needed, and the import that says so: its words, its file and line."""

    name: str
    specifier: str = ""
    importer: str | None = None
    line: int | None = None


#: Returns a module's bytes, or None when there is none of that name.
Read = Callable[[str], bytes | None]
KindOf = Callable[[_Wanted], Kind]


def collect_modules(
    folder: Path, main: str, rules: Sequence[Rule] = (), *, only_rules: bool = False
) -> tuple[Module, ...]:
    """Return `main` and all that it imports from `folder`, main first.

    As in wrangler's bundler, a rule matches the words of an import, and what no rule names is
    JavaScript. With `only_rules`, as under `no_bundle`, a rule matches the file's path, and every
    module but main needs one.
    Raises InputError with file and line when an import leads to no file or to no rule.
    """

    def read(name: str) -> bytes | None:
        file = folder / name
        return file.read_bytes() if file.is_file() else None

    return _follow(
        main, _kind_by_path(rules, folder) if only_rules else _kind_by_words(rules), read, folder
    )


def inline_modules(
    sources: Mapping[str, str | bytes], main: str, rules: Sequence[Rule] = ()
) -> tuple[Module, ...]:
    """Return `main` and all that it imports from `sources`, main first."""

    def read(name: str) -> bytes | None:
        source = sources.get(name)
        return source.encode() if isinstance(source, str) else source

    return _follow(main, _kind_by_words(rules), read, Path())


def _follow(main: str, kind_of: KindOf, read: Read, folder: Path) -> tuple[Module, ...]:
    found: dict[str, Module] = {}
    waiting = [_Wanted(main)]
    while waiting:
        wanted = waiting.pop(0)
        if wanted.name not in found:
            kind = "esModule" if wanted.name == main else kind_of(wanted)
            module = Module(wanted.name, kind, _source(wanted, read, folder))
            found[wanted.name] = module
            waiting += _imports(module, folder) if module.kind == "esModule" else []
    return tuple(found.values())


def _source(wanted: _Wanted, read: Read, folder: Path) -> bytes:
    source = read(wanted.name)
    if source is not None:
        return source
    if wanted.importer is None:
        raise InputError("no such module", file=folder / wanted.name)
    raise InputError(
        f"imports {wanted.name!r}, which does not exist",
        file=folder / wanted.importer,
        line=wanted.line,
        remedy="Imports are relative to the importing file and name the extension.",
    )


def _imports(module: Module, folder: Path) -> list[_Wanted]:
    try:
        text = module.source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", file=folder / module.name) from error
    home = posixpath.dirname(module.name)
    return [
        _Wanted(
            posixpath.normpath(posixpath.join(home, match["specifier"])),
            match["specifier"],
            module.name,
            text.count("\n", 0, match.start("specifier")) + 1,
        )
        for match in _IMPORT.finditer(text)
        if match["specifier"].startswith(".")
    ]


def _kind_by_path(rules: Sequence[Rule], folder: Path) -> KindOf:
    def kind(wanted: _Wanted) -> Kind:
        for rule in rules:
            if any(_path_glob(glob).fullmatch(wanted.name) for glob in rule.globs):
                return _KINDS[rule.type]
        raise InputError(
            f"imports {wanted.name!r}, which no rule names",
            file=folder / (wanted.importer or wanted.name),
            line=wanted.line,
            remedy="Add a glob for it to 'rules' in wrangler.jsonc, or it would not be uploaded.",
        )

    return kind


def _kind_by_words(rules: Sequence[Rule]) -> KindOf:
    def kind(wanted: _Wanted) -> Kind:
        for rule in rules:
            if any(_words_glob(glob).fullmatch(wanted.specifier) for glob in rule.globs):
                return _KINDS[rule.type]
        return "esModule"

    return kind


def _path_glob(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts))


def _words_glob(pattern: str) -> re.Pattern[str]:
    # To wrangler's bundler any run of stars means anything, slashes too; all else is literal.
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)))
