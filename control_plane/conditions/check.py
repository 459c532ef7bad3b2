"""What is wrong with a condition that a marketer wrote: found before it reaches the edge."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

import msgspec

from control_plane.conditions import coerce
from control_plane.conditions.ambiguity import cost_problem
from control_plane.conditions.evaluate import OPERATORS, is_operators
from control_plane.conditions.patterns import PatternError, parse
from control_plane.errors import suggest

MAX_DEPTH = 16

Path = tuple[str | int, ...]
Kind = Literal["text", "number", "flag", "list", "any"]


class Attribute(msgspec.Struct, frozen=True):
    """What is known of an attribute: its kind, and the values it can have where these are few.

    A "list" holds texts. `low` and `high` bound a number, both included. `form` is a regular
    expression that a whole text fits, with an `example`.
    """

    kind: Kind
    values: tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None
    form: str | None = None
    example: str | None = None


class Problem(msgspec.Struct, frozen=True):
    """Something wrong at `path` (keys and places in lists) of the checked value."""

    path: Path
    message: str
    remedy: str | None = None


#: Known attributes by path; a name ending in ".*" stands for every path below it.
Attributes = Mapping[str, Attribute]

_JOINING = ("$and", "$or", "$nor")
_OF_LISTS = ("$in", "$nin", "$ini", "$nini", "$all", "$alli")
_OF_ORDER = ("$lt", "$lte", "$gt", "$gte")
_OF_LIST_ATTRIBUTES = ("$all", "$alli", "$size", "$elemMatch")
_TYPES = ("string", "number", "boolean", "array", "object", "null")
_KIND_WORDS = {"text": "text", "number": "a number", "flag": "true or false", "list": "a list"}


def check(condition: Any, attributes: Attributes, groups: Collection[str] = ()) -> list[Problem]:
    """Return everything that is wrong with `condition`; `groups` are the saved lists' names."""
    return list(_whole(condition, (), _Known(attributes, groups)))


def find_attribute(path: str, attributes: Attributes) -> Attribute | None:
    """Return what is known of the attribute at a dotted path."""
    if path in attributes:
        return attributes[path]
    parts = path.split(".")
    below = (".".join(parts[:n]) + ".*" for n in range(len(parts) - 1, 0, -1))
    return next((attributes[name] for name in below if name in attributes and all(parts)), None)


class _Known(msgspec.Struct, frozen=True):
    attributes: Attributes
    groups: Collection[str]


def _whole(condition: Any, path: Path, known: _Known) -> Iterator[Problem]:
    if not isinstance(condition, dict):
        yield Problem(path, f"{_show(condition)} is not a condition", "Write 'attribute: value'.")
        return
    if len(path) > 2 * MAX_DEPTH:
        yield Problem(path, f"nested deeper than {MAX_DEPTH} levels")
        return
    for key, value in condition.items():
        here = (*path, key)
        if key in _JOINING:
            yield from _several(value, here, known)
        elif key == "$not":
            yield from _whole(value, here, known)
        elif key.startswith("$"):
            yield Problem(here, f"unknown operator {key!r}", _suggest_joining(key))
        else:
            yield from _attribute(key, value, here, known)


def _suggest_joining(key: str) -> str:
    if key in OPERATORS:
        return f"{key} compares an attribute: write 'attribute: {{{key}: …}}'."
    return suggest(key, [*_JOINING, "$not"])


def _several(value: Any, path: Path, known: _Known) -> Iterator[Problem]:
    if not isinstance(value, list) or not value:
        yield Problem(path, f"{path[-1]} needs a list of conditions", "Write '[{…}, {…}]'.")
        return
    for place, one in enumerate(value):
        yield from _whole(one, (*path, place), known)


def _attribute(name: str, expected: Any, path: Path, known: _Known) -> Iterator[Problem]:
    attribute = find_attribute(name, known.attributes)
    if attribute is None:
        words = [word.replace(".*", ".NAME") for word in known.attributes]
        yield Problem(path, f"unknown attribute {name!r}", suggest(name, words))
        return
    yield from _expected(expected, path, attribute, known)


def _expected(expected: Any, path: Path, attribute: Attribute, known: _Known) -> Iterator[Problem]:
    if len(path) > 2 * MAX_DEPTH:
        yield Problem(path, f"nested deeper than {MAX_DEPTH} levels")
    elif is_operators(expected):
        for operator, operand in expected.items():
            yield from _operator(operator, operand, (*path, operator), attribute, known)
    elif isinstance(expected, dict) and any(str(key).startswith("$") for key in expected):
        yield Problem(path, "mixes operators with names", "Every key here begins with $, or none.")
    elif attribute.kind == "list" and not isinstance(expected, (list, type(None))):
        remedy = f"Write '{{$in: [{_show(expected)}]}}'."
        yield Problem(path, "is a list, never equal to one value", remedy)
    elif attribute.kind != "list":
        yield from _literal(expected, path, attribute)


def _operator(
    operator: str, operand: Any, path: Path, attribute: Attribute, known: _Known
) -> Iterator[Problem]:
    if operator not in OPERATORS:
        yield Problem(path, f"unknown operator {operator!r}", suggest(operator, list(OPERATORS)))
    elif operator in _OF_LIST_ATTRIBUTES and attribute.kind not in ("list", "any"):
        kind = _KIND_WORDS[attribute.kind]
        yield Problem(path, f"{operator} needs a list, and this attribute is {kind}")
    elif operator in _OF_LISTS:
        yield from _list(operator, operand, path, attribute)
    elif operator in ("$regex", "$regexi"):
        yield from _pattern(operand, path)
    elif operator in ("$inGroup", "$notInGroup"):
        yield from _group(operand, path, known)
    elif operator == "$not":
        yield from _expected(operand, path, attribute, known)
    elif operator == "$size":
        yield from _expected(operand, path, Attribute("number", low=0), known)
    elif operator == "$elemMatch":
        yield from _element(operand, path, known)
    elif operator == "$exists":
        yield from _literal(operand, path, Attribute("flag"))
    elif operator == "$type":
        yield from _literal(operand, path, Attribute("text", values=_TYPES))
    else:
        yield from _compared(operator, operand, path, attribute)


def _list(operator: str, operand: Any, path: Path, attribute: Attribute) -> Iterator[Problem]:
    if not isinstance(operand, list):
        remedy = f"Write '{operator}: [{_show(operand)}]'."
        yield Problem(path, f"{operator} needs a list", remedy)
        return
    element = attribute
    if attribute.kind == "list" or operator in ("$ini", "$nini"):
        element = Attribute("text" if attribute.kind == "list" else attribute.kind)
    for place, one in enumerate(operand):
        yield from _literal(one, (*path, place), element)


def _pattern(operand: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(operand, str):
        yield Problem(path, f"{_show(operand)} is not a pattern", "Put it in quotes.")
        return
    try:
        problem = cost_problem(parse(operand))
    except PatternError as error:
        yield Problem(path, f"the pattern {operand!r} {error}", "Patterns are JavaScript's.")
        return
    if problem:
        remedy = "It can backtrack: begin with ^, and let no two repetitions match the same text."
        yield Problem(path, f"the pattern {operand!r} {problem}", remedy)


def _group(operand: Any, path: Path, known: _Known) -> Iterator[Problem]:
    if not isinstance(operand, str) or operand not in known.groups:
        remedy = suggest(str(operand), list(known.groups)) if known.groups else None
        yield Problem(path, f"unknown group {_show(operand)}", remedy)


def _element(operand: Any, path: Path, known: _Known) -> Iterator[Problem]:
    if is_operators(operand):
        yield from _expected(operand, path, Attribute("any"), known)
    else:
        remedy = "Compare the element, as in '{$elemMatch: {$regex: ^a}}'."
        yield Problem(path, "$elemMatch needs operators", remedy)


def _compared(operator: str, operand: Any, path: Path, attribute: Attribute) -> Iterator[Problem]:
    if attribute.kind == "list":
        yield Problem(path, f"{operator} can't compare a list", "Use $in, $all or $size.")
    elif isinstance(operand, (list, dict)):
        yield Problem(path, f"{operator} needs a single value, not {_show(operand)}")
    elif operator in _OF_ORDER and not (coerce.is_number(operand) or isinstance(operand, str)):
        yield Problem(path, f"{operator} needs a number or text, not {_show(operand)}")
    elif operator in _OF_ORDER:
        yield from _literal(operand, path, Attribute(attribute.kind))
    elif operator in ("$eq", "$ne"):
        yield from _literal(operand, path, attribute)


def _literal(value: Any, path: Path, attribute: Attribute) -> Iterator[Problem]:
    """Compare a written value with the attribute's kind; null always may be asked for."""
    if value is None or attribute.kind == "any":
        return
    fits = {
        "text": isinstance(value, str),
        "number": coerce.is_number(value),
        "flag": isinstance(value, bool),
        "list": isinstance(value, str),
    }
    if not fits[attribute.kind]:
        wanted = _KIND_WORDS[attribute.kind]
        yield Problem(path, f"{_show(value)} where {wanted} is compared", _as_kind(value, wanted))
    elif attribute.values is not None and value not in attribute.values:
        remedy = suggest(value, list(attribute.values))
        yield Problem(path, f"{_show(value)} is none of its values", remedy)
    elif attribute.form is not None and not re.fullmatch(attribute.form, value):
        yield Problem(
            path, f"{_show(value)} never occurs", f"Write it as in '{attribute.example}'."
        )
    elif attribute.kind == "number" and not _within(value, attribute):
        yield Problem(path, f"{_show(value)} is outside its range", _range(attribute))


def _within(value: float, attribute: Attribute) -> bool:
    low, high = attribute.low, attribute.high
    return (low is None or value >= low) and (high is None or value <= high)


def _range(attribute: Attribute) -> str:
    low, high = attribute.low, attribute.high
    return f"It is at least {low:g}." if high is None else f"It is from {low:g} to {high:g}."


def _as_kind(value: Any, wanted: str) -> str:
    return f"Put it in quotes: '{value}'." if wanted == "text" else f"Write {wanted}, unquoted."


def _show(value: Any) -> str:
    shown = coerce.text(value) if isinstance(value, (bool, type(None))) else repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
