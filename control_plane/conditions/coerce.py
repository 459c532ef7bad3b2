"""Values as JavaScript converts and compares them, so that Python decides as the edge does.

Values are those of JSON: None, bool, int, float, str, list, dict.
"""

from __future__ import annotations

import math
import re
from typing import Any

_NUMBER = re.compile(r"[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_BASES = {"0x": 16, "0o": 8, "0b": 2}
# White space to JavaScript; Python's strip() takes a few control characters more.
_SPACE = "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def is_number(value: Any) -> bool:
    """Say whether JavaScript would call `value` a number; True and False are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def text(value: Any) -> str:
    """Return String(value)."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case list():
            return ",".join("" if one is None else text(one) for one in value)
        case dict():
            return "[object Object]"
        case _:
            return _number_text(to_float(value))


def number(value: Any) -> float:
    """Return Number(value); NaN where it is none."""
    match value:
        case None:
            return 0.0
        case bool() | int() | float():
            return to_float(value)
        case str():
            return _parse_number(value.strip(_SPACE))
        case _:
            return number(text(value))


def truth(value: Any) -> bool:
    """Return Boolean(value): empty lists and objects are true, 0, NaN and "" are not."""
    if isinstance(value, (list, dict)):
        return True
    return bool(value) and value == value


def strictly_equal(left: Any, right: Any) -> bool:
    """Return left === right; two lists or objects are never the same one."""
    if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
        return False
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if is_number(left) and is_number(right):
        return to_float(left) == to_float(right)
    return type(left) is type(right) and left == right


def less(left: Any, right: Any) -> bool | None:
    """Return left < right; None where they can't be compared, so that no order holds."""
    left = text(left) if isinstance(left, (list, dict)) else left
    right = text(right) if isinstance(right, (list, dict)) else right
    if isinstance(left, str) and isinstance(right, str):
        return code_units(left) < code_units(right)
    a, b = number(left), number(right)
    return None if math.isnan(a) or math.isnan(b) else a < b


def same_json(left: Any, right: Any) -> bool:
    """Return whether both are the same as JSON text, the order of keys included."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        mine, theirs = _in_key_order(left), _in_key_order(right)
        return [key for key, _ in mine] == [key for key, _ in theirs] and all(
            same_json(a, b) for (_, a), (_, b) in zip(mine, theirs, strict=True)
        )
    return strictly_equal(_json_scalar(left), _json_scalar(right))


def code_units(value: str) -> bytes:
    """Return bytes that order as JavaScript orders text: by UTF-16 code units."""
    return value.encode("utf-16-be", "surrogatepass")


def to_float(value: float) -> float:
    """Return a number as the double that JavaScript holds; too large integers are infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _json_scalar(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _in_key_order(value: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return items in JavaScript's order: array indices ascending, then as they came."""
    indices = [key for key in value if _is_index(key)]
    rest = [key for key in value if not _is_index(key)]
    return [(key, value[key]) for key in sorted(indices, key=int) + rest]


def _is_index(key: str) -> bool:
    digits = key.isascii() and key.isdigit() and len(key) <= 10
    return digits and str(int(key)) == key and int(key) < 2**32 - 1


def _parse_number(value: str) -> float:
    if not value:
        return 0.0
    base = _BASES.get(value[:2].lower())
    if base is not None:
        digits = value[2:]
        if not digits.isalnum() or not digits.isascii():
            return math.nan
        try:
            return to_float(int(digits, base))
        except ValueError:
            return math.nan
    return float(value) if _NUMBER.fullmatch(value) else math.nan


def _number_text(value: float) -> str:
    """Return a double as ECMAScript's Number::toString writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + ("" if fraction == "0" else fraction)).lstrip("0")
    lost = len(whole + ("" if fraction == "0" else fraction)) - len(digits)
    point = len(whole) - lost + int(exponent or 0)  # digits stand before the decimal point
    digits = digits.rstrip("0") or "0"
    return sign + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{point - 1:+d}"
