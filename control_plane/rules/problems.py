"""Collects everything that is wrong with a rules file, to report it all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from control_plane.errors import InputError, suggest
from control_plane.rules.source import Node

Kind = TypeVar("Kind", str, float, int, bool)
_NAMES = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}


class Found(msgspec.Struct, frozen=True):
    """One thing that is wrong, where, and what to do about it."""

    line: int
    field: str
    problem: str
    remedy: str | None


class Problems:
    """What was found wrong with one file so far."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.found: list[Found] = []

    def add(self, line: int, field: str, problem: str, remedy: str | None = None) -> None:
        """Note a problem; the same one at the same place counts once."""
        one = Found(line, field, problem, remedy)
        if one not in self.found:
            self.found.append(one)

    def raise_any(self) -> None:
        """Raise one InputError that tells of all problems in the order of their lines."""
        if not self.found:
            return
        ordered = sorted(self.found, key=lambda one: one.line)
        first = ordered[0]
        if len(ordered) == 1:
            raise InputError(
                first.problem,
                file=self.file,
                line=first.line,
                field=first.field,
                remedy=first.remedy,
            )
        told = [self._tell(one) for one in ordered]
        raise InputError(f"{self.file}: {len(told)} problems\n" + "\n".join(told))

    def _tell(self, one: Found) -> str:
        head = f"{self.file}:{one.line}: {one.field}: {one.problem}"
        return f"{head}\n  {one.remedy}" if one.remedy else head


class Place:
    """A value of the file with its name, from which typed values are taken.

    What does not fit is noted in `problems`, and a default stands in, so that reading goes on.
    """

    def __init__(self, node: Node, field: str, problems: Problems, line: int | None = None) -> None:
        self.node, self.field, self.problems = node, field, problems
        self.line = node.line if line is None else line

    def wrong(self, problem: str, remedy: str | None = None) -> None:
        """Note a problem with this value."""
        self.problems.add(self.line, self.field, problem, remedy)

    def keys(self, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, Place]:
        """Return a mapping's values by key; unknown, repeated and missing keys are problems."""
        found = self.entries()
        for key in list(found):
            if key not in known:
                found.pop(key).wrong(f"unknown key {key!r}", suggest(key, list(known)))
        if isinstance(self.node.value, dict):
            for key in required:
                if key not in found:
                    self.wrong(f"has no {key!r}")
        return found

    def entries(self) -> dict[str, Place]:
        """Return a mapping's values by key, whatever the keys are; null is an empty mapping."""
        value = self.node.value
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(f"{_show(self.node)} is not a mapping", "Write 'key: value' lines.")
            return {}
        for key, line in self.node.repeated:
            self.problems.add(line, self._below(key), "stands twice", "Keep one of the two.")
        lines = self.node.lines
        return {
            key: Place(node, self._below(key), self.problems, lines.get(key))
            for key, node in value.items()
        }

    def items(self) -> list[Place]:
        """Return a list's values."""
        if not isinstance(self.node.value, list):
            self.wrong(f"{_show(self.node)} is not a list", "Write '[one, two]'.")
            return []
        return [
            Place(node, f"{self.field}[{n}]", self.problems)
            for n, node in enumerate(self.node.value)
        ]

    def take(self, kind: type[Kind], default: Kind) -> Kind:
        """Return a scalar of the given type, or the default."""
        value = self.node.value
        whole = isinstance(value, int) and not isinstance(value, bool)
        if kind is float and whole:
            return kind(value)
        if type(value) is kind:
            return value
        remedy = f"Put it in quotes: '{self.node.raw}'." if kind is str and self.node.raw else None
        self.wrong(f"{_show(self.node)} is not {_NAMES[kind]}", remedy)
        return default

    def one_of(self, known: Sequence[str], what: str, default: str) -> str:
        """Return a word of `known`; what else stands here is a problem."""
        word = self.take(str, default)
        if word not in known:
            self.wrong(f"unknown {what} {word!r}", suggest(word, list(known)))
            return default
        return word

    def at(self, path: tuple[str | int, ...]) -> Place:
        """Return the place below this one that `path` leads to, as far as it goes."""
        place = self
        for step in path:
            below = dict(place._below_all())
            if step not in below:
                break
            place = below[step]
        return place

    def _below_all(self) -> Iterator[tuple[Any, Place]]:
        if isinstance(self.node.value, dict):
            yield from self.entries().items()
        elif isinstance(self.node.value, list):
            yield from enumerate(self.items())

    def _below(self, key: str) -> str:
        return f"{self.field}.{key}" if self.field else key


def _show(node: Node) -> str:
    if node.value is None:
        return "nothing"
    if isinstance(node.value, (dict, list)):
        return "a mapping" if isinstance(node.value, dict) else "a list"
    return repr(node.raw) if len(node.raw) <= 60 else repr(node.raw[:57] + "…")
