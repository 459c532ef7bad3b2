"""Sets of UTF-16 code units as one integer each: bit n stands for code unit n.

JavaScript's patterns (without the u flag) see text as code units, so 65,536 bits are all there
is, and union, intersection and complement are one operation each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

SIZE = 0x10000
ALL = (1 << SIZE) - 1


def span(first: int, last: int) -> int:
    """Return the set of code units from `first` to `last`, both included."""
    return (1 << (last + 1)) - (1 << first)


def of(*characters: str) -> int:
    """Return the set of the given characters."""
    found = 0
    for character in characters:
        found |= 1 << ord(character)
    return found


def outside(members: int) -> int:
    """Return all code units that are not in `members`."""
    return ALL ^ members


DIGIT = span(0x30, 0x39)
WORD = DIGIT | span(0x41, 0x5A) | span(0x61, 0x7A) | of("_")
LINE_ENDS = of("\n", "\r", "\u2028", "\u2029")
SPACE = LINE_ENDS | of(*"\t\v\f \xa0\u1680\u202f\u205f\u3000\ufeff") | span(0x2000, 0x200A)
DOT = outside(LINE_ENDS)


def runs(members: int) -> Iterator[tuple[int, int]]:
    """Yield the runs (first, last) of consecutive code units in `members`, ascending."""
    base = 0
    while members:
        skip = (members & -members).bit_length() - 1
        members >>= skip
        length = (~members & (members + 1)).bit_length() - 1
        yield base + skip, base + skip + length - 1
        members >>= length
        base += skip + length


def fold(members: int) -> int:
    """Return `members` and everything the i flag takes for one of them."""
    for orbit in _orbits():
        if members & orbit:
            members |= orbit
    return members


@cache
def _orbits() -> tuple[int, ...]:
    """Return the sets of code units that the i flag does not tell apart (ECMA-262, 22.2.2.7.3)."""
    alike: dict[str, int] = defaultdict(int)
    for unit in range(SIZE):
        alike[_canonical(chr(unit))] |= 1 << unit
    return tuple(members for members in alike.values() if members & (members - 1))


def _canonical(character: str) -> str:
    upper = character.upper()
    if len(upper) != 1 or ord(upper) >= SIZE:
        return character
    return character if ord(character) >= 128 > ord(upper) else upper
