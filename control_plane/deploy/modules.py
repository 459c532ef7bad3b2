"""Collects a worker's modules: its static imports, and those attached for imports at run time."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from control_plane.deploy.wrangler import Rule
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
    folder: Path,
    main: str,
    rules: Sequence[Rule] = (),
    *,
    only_rules: bool = False,
    additional: bool = False,
) -> tuple[Module, ...]:
    """Return `main` and all that it imports from `folder`, main first.

    As in wrangler's bundler, a rule matches the words of an import, and what no rule names is
    JavaScript. With `only_rules`, as under `no_bundle`, a rule matches the file's path, and every
    module but main needs one. With `additional`, as under `find_additional_modules`, files whose
    path a rule matches come too, for imports at run time; wrangler uploads them beside its bundle,
    so they can import each other and nothing else.
    Raises InputError with file and line when an import leads to no file or to no rule.
    """

    def read(name: str) -> bytes | None:
        file = folder / name
        return file.read_bytes() if file.is_file() else None

    kind_of = _kind_by_path(rules, folder) if only_rules else _kind_by_words(rules)
    names = (file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*")))
    attached = _attached(names, main, rules) if additional else {}
    return _follow(main, kind_of, read, folder, attached)


def inline_modules(
    sources: Mapping[str, str | bytes],
    main: str,
    rules: Sequence[Rule] = (),
    *,
    additional: bool = False,
) -> tuple[Module, ...]:
    """Return `main` and all that it imports from `sources`, as `collect_modules` does."""

    def read(name: str) -> bytes | None:
        source = sources.get(name)
        return source.encode() if isinstance(source, str) else source

    attached = _attached(sources, main, rules) if additional else {}
    return _follow(main, _kind_by_words(rules), read, Path(), attached)


def _attached(names: Iterable[str], main: str, rules: Sequence[Rule]) -> dict[str, Kind]:
    """Return what `find_additional_modules` finds: the first rule that matches a path counts."""
    kinds = ((name, _kind_of_path(name, rules)) for name in names if name != main)
    return {name: kind for name, kind in kinds if kind}


def _follow(
    main: str, kind_of: KindOf, read: Read, folder: Path, attached: Mapping[str, Kind]
) -> tuple[Module, ...]:
    found: dict[str, Module] = {}
    waiting = [_Wanted(main), *map(_Wanted, attached)]
    while waiting:
        wanted = waiting.pop(0)
        if wanted.importer in attached and wanted.name not in attached:
            raise _not_uploaded(wanted, folder)
        if wanted.name not in found:
            kind = (
                "esModule" if wanted.name == main else attached.get(wanted.name) or kind_of(wanted)
            )
            module = Module(wanted.name, kind, _source(wanted, read, folder))
            found[wanted.name] = module
            waiting += _imports(module, folder) if module.kind == "esModule" else []
    return tuple(found.values())


def _not_uploaded(wanted: _Wanted, folder: Path) -> InputError:
    return InputError(
        f"imports {wanted.name!r}, which is not uploaded beside it but bundled into main",
        file=folder / (wanted.importer or wanted.name),
        line=wanted.line,
        remedy="An additional module can import others of its kind; give it the rest as arguments.",
    )


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
        named = _kind_of_path(wanted.name, rules)
        if named:
            return named
        raise InputError(
            f"imports {wanted.name!r}, which no rule names",
            file=folder / (wanted.importer or wanted.name),
            line=wanted.line,
            remedy="Add a glob for it to 'rules' in wrangler.jsonc, or it would not be uploaded.",
        )

    return kind


def _kind_of_path(name: str, rules: Sequence[Rule]) -> Kind | None:
    for rule in rules:
        if any(_path_glob(glob).fullmatch(name) for glob in rule.globs):
            return _KINDS[rule.type]
    return None


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
