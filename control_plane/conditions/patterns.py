"""Patterns of `$regex`: the part of JavaScript's that rules may use, parsed.

Left out are back-references, look-around and Unicode property escapes: their cost cannot be
bounded, or they do not mean what they seem to. Everything else means what it means to the edge.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache

import msgspec

from control_plane.conditions import charset

MAX_LENGTH = 500
MAX_REPEAT = 1000


class PatternError(ValueError):
    """A pattern is malformed, or uses what rules may not use; str() says what."""


class Characters(msgspec.Struct, frozen=True):
    """One character out of a set (see `charset`)."""

    members: int


class Sequence(msgspec.Struct, frozen=True):
    """Parts one after another."""

    parts: tuple[Node, ...]


class Choice(msgspec.Struct, frozen=True):
    """One of several options."""

    options: tuple[Node, ...]


class Repeat(msgspec.Struct, frozen=True):
    """A part `least` to `most` times; None is without bound."""

    part: Node
    least: int
    most: int | None


class Place(msgspec.Struct, frozen=True):
    """An assertion about the place, as Python's `re` writes it."""

    assertion: str


Node = Characters | Sequence | Choice | Repeat | Place

_CLASSES = {
    "d": charset.DIGIT, "D": charset.outside(charset.DIGIT),
    "w": charset.WORD, "W": charset.outside(charset.WORD),
    "s": charset.SPACE, "S": charset.outside(charset.SPACE),
}  # fmt: skip
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f", "0": "\0"}
_PLACES = {"b": r"\b", "B": r"\B"}
_COUNT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_GROUP = re.compile(r"\((?:\?:|\?<[A-Za-z_$][\w$]*>)?", re.ASCII)


def parse(pattern: str) -> Node:
    """Return what `pattern` means; raise PatternError."""
    if len(pattern) > MAX_LENGTH:
        raise PatternError(f"is longer than {MAX_LENGTH} characters")
    parser = _Parser(as_code_units(pattern))
    node = parser.choice()
    if parser.rest():
        raise PatternError("has a ')' too many")
    return node


def as_code_units(text: str) -> str:
    """Return `text` with every UTF-16 code unit as a character of its own."""
    units = text.encode("utf-16-le", "surrogatepass")
    return "".join(map(chr, struct.unpack(f"<{len(units) // 2}H", units)))


class _Parser:
    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0

    def rest(self) -> str:
        return self.source[self.at :]

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def next(self, what: str) -> str:
        if self.at >= len(self.source):
            raise PatternError(f"ends within {what}")
        self.at += 1
        return self.source[self.at - 1]

    def choice(self) -> Node:
        options = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.quantified())
        return Sequence(tuple(parts))

    def quantified(self) -> Node:
        part = self.atom()
        bounds = self.bounds()
        if bounds is None:
            return part
        if isinstance(part, Place):
            raise PatternError("repeats a place such as ^, $ or \\b")
        if self.peek() == "?":
            self.at += 1  # lazy: another order of trying, the same matches
        if self.bounds() is not None:
            raise PatternError("repeats a repetition, as in a**")
        return Repeat(part, *bounds)

    def bounds(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self.peek() in simple:
            return simple[self.next("a quantifier")]
        found = _COUNT.match(self.source, self.at)
        if not found:
            return None
        self.at = found.end()
        least = int(found[1])
        most = least if not found[2] else int(found[3]) if found[3] else None
        if max(least, most or 0) > MAX_REPEAT:
            raise PatternError(f"repeats more than {MAX_REPEAT} times")
        if most is not None and most < least:
            raise PatternError(f"repeats {least} to {most} times")
        return least, most

    def atom(self) -> Node:
        character = self.peek()
        if character in "*+?" or _COUNT.match(self.source, self.at):
            raise PatternError(f"has nothing to repeat before {character!r}")
        if character == "(":
            return self.group()
        self.at += 1
        match character:
            case "^":
                return Place(r"\A")
            case "$":
                return Place(r"\Z")
            case ".":
                return Characters(charset.DOT)
            case "[":
                return Characters(self.members())
            case "\\" if self.peek() in _PLACES:
                return Place(_PLACES[self.next("an escape")])
            case "\\":
                return Characters(self.escape())
        return Characters(charset.of(character))

    def group(self) -> Node:
        found = _GROUP.match(self.source, self.at)
        assert found is not None
        self.at = found.end()
        if self.peek() == "?":
            raise PatternError("looks ahead or behind, which rules may not")
        inner = self.choice()
        if self.peek() != ")":
            raise PatternError("has a '(' that is never closed")
        self.at += 1
        return inner

    def escape(self) -> int:
        character = self.next("an escape")
        if character in _CLASSES:
            return _CLASSES[character]
        if character in _CONTROLS and not (character == "0" and self.peek().isdigit()):
            return charset.of(_CONTROLS[character])
        if character in "xu":
            return charset.of(self.hexadecimal({"x": 2, "u": 4}[character]))
        if character.isalnum() and character.isascii():
            raise PatternError(f"uses \\{character}, which rules may not")
        return charset.of(character)

    def hexadecimal(self, digits: int) -> str:
        found = re.compile(rf"[0-9A-Fa-f]{{{digits}}}").match(self.source, self.at)
        if not found:
            raise PatternError(f"needs {digits} hexadecimal digits after \\x or \\u")
        self.at = found.end()
        return chr(int(found[0], 16))

    def members(self) -> int:
        negated = self.peek() == "^"
        self.at += negated
        found = 0
        while (one := self.next("[…]")) != "]":
            first = self.member(one)
            if self.peek() == "-" and self.rest()[1:2] not in ("]", ""):
                self.at += 1
                found |= _range(first, self.member(self.next("[…]")))
            else:
                found |= first
        return charset.outside(found) if negated else found

    def member(self, character: str) -> int:
        if character != "\\":
            return charset.of(character)
        if self.peek() == "b":
            self.at += 1
            return charset.of("\b")
        if self.peek() == "-":
            self.at += 1
            return charset.of("-")
        return self.escape()


def _range(first: int, last: int) -> int:
    low, high = first.bit_length() - 1, last.bit_length() - 1
    if first != 1 << low or last != 1 << high or low > high:
        raise PatternError("has a range such as [z-a] that holds nothing")
    return charset.span(low, high)


@lru_cache(maxsize=256)
def compile_pattern(pattern: str, fold: bool) -> re.Pattern[str] | None:
    """Return a Python pattern that finds what JavaScript's finds, None where it is not allowed.

    Search it in `as_code_units(text)`. `fold` is the i flag.
    """
    try:
        return re.compile(_translate(parse(pattern), fold), re.ASCII)
    except PatternError:
        return None


def _translate(node: Node, fold: bool) -> str:
    match node:
        case Characters(members):
            return _class(charset.fold(members) if fold else members)
        case Sequence(parts):
            return "".join(_translate(part, fold) for part in parts)
        case Choice(options):
            return "(?:" + "|".join(_translate(option, fold) for option in options) + ")"
        case Repeat(part, least, most):
            return f"(?:{_translate(part, fold)}){{{least},{'' if most is None else most}}}"
        case Place(assertion):
            return assertion


def _class(members: int) -> str:
    if not members:
        return r"(?!)"
    return "[" + "".join(f"\\u{a:04x}-\\u{b:04x}" for a, b in charset.runs(members)) + "]"
