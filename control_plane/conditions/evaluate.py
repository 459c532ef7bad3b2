"""Whether attributes meet a condition: the Python twin of edge_bundle/core/conditions.js.

Both follow GrowthBook's SDK specification and are run on the same cases, so that what the
compiler concludes about a rule is what the edge will do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from control_plane.conditions import coerce
from control_plane.conditions.patterns import as_code_units, compile_pattern

#: Longer text matches no pattern; the edge has the same bound.
MAX_PATTERN_TEXT = 1024

Groups = Mapping[str, list[Any]]
Operator = Callable[[Any, Any, Groups], bool]


def evaluate(
    condition: Any, attributes: Mapping[str, Any] | Any, groups: Groups | None = None
) -> bool:
    """Say whether `attributes` meet `condition`; an empty condition is always met.

    Mistyped data and unknown operators never raise; they do not match.
    """
    try:
        return _holds(condition, attributes, groups or {})
    except RecursionError:
        return False  # a value nested deeper than the stack: as good as mistyped


def _holds(condition: Any, attributes: Any, groups: Groups) -> bool:
    if not isinstance(condition, dict):
        return False
    return all(_meets(key, value, attributes, groups) for key, value in condition.items())


def _meets(key: str, expected: Any, attributes: Any, groups: Groups) -> bool:
    def met(condition: Any) -> bool:
        return _holds(condition, attributes, groups)

    several = expected if isinstance(expected, list) else None
    match key:
        case "$and":
            return several is not None and all(map(met, several))
        case "$or":
            return several is not None and (not several or any(map(met, several)))
        case "$nor":
            return bool(several) and not any(map(met, several or ()))
        case "$not":
            return isinstance(expected, dict) and not met(expected)
    return _matches(expected, value_at(attributes, key), groups)


def value_at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path (list elements by number), or None."""
    for part in path.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part == "length":
            value = len(value)
        elif isinstance(value, list) and _is_place(part, len(value)):
            value = value[int(part)]
        else:
            return None
    return value


def _is_place(part: str, length: int) -> bool:
    digits = part.isascii() and part.isdigit() and len(part) <= 10
    return digits and part == str(int(part)) and int(part) < length


def _matches(expected: Any, value: Any, groups: Groups) -> bool:
    if isinstance(expected, str):
        return coerce.text(value) == expected
    if isinstance(expected, bool):
        return value is not None and coerce.truth(value) is expected
    if coerce.is_number(expected):
        return coerce.number(value) == coerce.to_float(expected)
    if expected is None:
        return value is None
    if not is_operators(expected):
        return coerce.same_json(value, expected)
    return all(
        name in OPERATORS and OPERATORS[name](value, operand, groups)
        for name, operand in expected.items()
    )


def is_operators(value: Any) -> bool:
    """Say whether `value` is an object of operators, such as {"$gt": 3}, not a literal."""
    return isinstance(value, dict) and bool(value) and all(key[:1] == "$" for key in value)


def _is_in(value: Any, listed: list[Any]) -> bool:
    several = value if isinstance(value, list) else [value]
    return any(coerce.strictly_equal(one, other) for one in several for other in listed)


def _fold(value: Any) -> Any:
    if isinstance(value, list):
        return [one.lower() if isinstance(one, str) else one for one in value]
    return value.lower() if isinstance(value, str) else value


def _matches_folded(expected: Any, value: Any, groups: Groups) -> bool:
    if not isinstance(expected, str):
        return _matches(expected, value, groups)
    return coerce.text(value).lower() == expected.lower()


def _group(groups: Groups, name: Any) -> list[Any]:
    found = groups.get(name) if isinstance(name, str) else None
    return found if isinstance(found, list) else []


def _not_less(left: Any, right: Any) -> bool:
    return coerce.less(left, right) is False


def _type_name(value: Any) -> str:
    if coerce.is_number(value):
        return "number"
    names = {type(None): "null", bool: "boolean", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def _version(value: Any) -> bytes:
    """Return a version as bytes that sort as versions do."""
    given = coerce.text(value) if coerce.is_number(value) else value
    plain = given if isinstance(given, str) and given else "0"
    plain = re.sub(r"^v|\+[^\n\r\u2028\u2029]*\Z", "", plain)
    parts = re.split(r"[-.]", plain)
    if len(parts) == 3:
        parts.append("~")
    padded = (part.rjust(5) if re.fullmatch(r"[0-9]+", part) else part for part in parts)
    return coerce.code_units("-".join(padded))


def _test(pattern: Any, value: Any, *, fold: bool) -> bool:
    if not isinstance(pattern, str):
        return False
    subject = as_code_units(coerce.text(value))
    if len(subject) > MAX_PATTERN_TEXT:
        return False
    compiled = compile_pattern(pattern, fold)
    return compiled is not None and compiled.search(subject) is not None


def _all(value: Any, expected: Any, one_matches: Callable[[Any, Any], bool]) -> bool:
    if not isinstance(value, list) or not isinstance(expected, list):
        return False
    return all(any(one_matches(wanted, one) for one in value) for wanted in expected)


def _element_matches(value: Any, expected: Any, groups: Groups) -> bool:
    if not isinstance(value, list) or not isinstance(expected, dict):
        return False
    check = _matches if is_operators(expected) else _holds
    return any(coerce.truth(one) and check(expected, one, groups) for one in value)


OPERATORS: dict[str, Operator] = {
    "$eq": lambda value, expected, _: coerce.strictly_equal(value, expected),
    "$ne": lambda value, expected, _: not coerce.strictly_equal(value, expected),
    "$lt": lambda value, expected, _: coerce.less(value, expected) is True,
    "$lte": lambda value, expected, _: _not_less(expected, value),
    "$gt": lambda value, expected, _: coerce.less(expected, value) is True,
    "$gte": lambda value, expected, _: _not_less(value, expected),
    "$veq": lambda value, expected, _: _version(value) == _version(expected),
    "$vne": lambda value, expected, _: _version(value) != _version(expected),
    "$vlt": lambda value, expected, _: _version(value) < _version(expected),
    "$vlte": lambda value, expected, _: _version(value) <= _version(expected),
    "$vgt": lambda value, expected, _: _version(value) > _version(expected),
    "$vgte": lambda value, expected, _: _version(value) >= _version(expected),
    "$in": lambda value, expected, _: isinstance(expected, list) and _is_in(value, expected),
    "$nin": lambda value, expected, _: isinstance(expected, list) and not _is_in(value, expected),
    "$ini": lambda value, expected, _: (
        isinstance(expected, list) and _is_in(_fold(value), _fold(expected))
    ),
    "$nini": lambda value, expected, _: (
        isinstance(expected, list) and not _is_in(_fold(value), _fold(expected))
    ),
    "$inGroup": lambda value, expected, groups: _is_in(value, _group(groups, expected)),
    "$notInGroup": lambda value, expected, groups: not _is_in(value, _group(groups, expected)),
    "$all": lambda value, expected, groups: _all(
        value, expected, lambda wanted, one: _matches(wanted, one, groups)
    ),
    "$alli": lambda value, expected, groups: _all(
        value, expected, lambda wanted, one: _matches_folded(wanted, one, groups)
    ),
    "$not": lambda value, expected, groups: not _matches(expected, value, groups),
    "$size": lambda value, expected, groups: (
        isinstance(value, list) and _matches(expected, len(value), groups)
    ),
    "$elemMatch": _element_matches,
    "$exists": lambda value, expected, _: coerce.truth(expected) is (value is not None),
    "$type": lambda value, expected, _: isinstance(expected, str) and _type_name(value) == expected,
    "$regex": lambda value, expected, _: _test(expected, value, fold=False),
    "$regexi": lambda value, expected, _: _test(expected, value, fold=True),
}
