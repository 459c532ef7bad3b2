"""What a manifest names: the digests of a release's values, those of visitors told apart.

A digest fixes a value's key but for the letter of its kind, so digests are enough to know a
release's values by, also those of kinds that this version does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from control_plane.deploy.target import Target
from control_plane.envelope import MANIFEST, unseal
from control_plane.errors import TableError
from control_plane.keyring import trusted_keys
from control_plane.settings import Project
from control_plane.tables import FORMAT, unpack, value_key

#: The manifest's fields that hold digests, of 16 bytes each.
FIELDS = ("digest", "digests", "popular", "latest")
DIGEST_BYTES = 16


class Names(msgspec.Struct, frozen=True):
    """Hexadecimal digests of a release's values; `visitors` are those of visitor rows."""

    values: frozenset[str]
    visitors: frozenset[str]


def names_of(target: Target, project: Project, manifest: str) -> Names:
    """Return what a manifest in the target names; raise TableError unless all of it is genuine."""
    shop, keys = project.settings.shop, trusted_keys(project.keys, "release")
    sealed = unseal(MANIFEST, shop.name, shop.environment, _value(target, manifest), keys)
    try:
        body: dict[str, Any] = msgspec.msgpack.decode(sealed, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise TableError(f"{target!r}: {manifest} is malformed: {error}.") from error
    if body.get("kind") != "manifest" or body.get("format") not in (FORMAT, FORMAT - 1):
        raise TableError(
            f"{target!r}: {manifest} is a {body.get('kind')} of format {body.get('format')}, this "
            f"version reads {FORMAT - 1} and {FORMAT}. Use the version that wrote it, or a newer."
        )
    rest = {name: part for name, part in body.items() if name != "visitors"}
    pages, visitors = _read_pages(target, body.get("visitors"))
    more, values = _read_pages(target, rest)
    return Names(frozenset(pages | more | values), frozenset(visitors))


def _read_pages(target: Target, part: Any) -> tuple[set[str], set[str]]:
    """Return the digests of a part's pages, and of the values that it names itself or by them."""
    pages: set[str] = set()
    values: set[str] = set()
    for digests, paged in _lists(part):
        (pages if paged else values).update(split(digests))
    for page in sorted(pages):
        values.update(split(unpack(_value(target, f"x-{page}"))["digests"]))
    return pages, values


def _lists(part: Any) -> Iterator[tuple[bytes, bool]]:
    """Yield every list of digests, and whether it is one of pages."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in FIELDS and isinstance(value, bytes):
                yield value, bool(part.get("paged"))
            else:
                yield from _lists(value)
    elif isinstance(part, list):
        for value in part:
            yield from _lists(value)


def split(digests: bytes) -> Iterator[str]:
    """Yield digests as values' keys have them; raise TableError when there are no whole ones."""
    if len(digests) % DIGEST_BYTES:
        raise TableError(f"a list of digests takes {len(digests)} bytes, no multiple of 16.")
    for at in range(0, len(digests), DIGEST_BYTES):
        yield digests[at : at + DIGEST_BYTES].hex()


def _value(target: Target, key: str) -> bytes:
    value = target.get(key)
    if value is None or value_key(key[0], value) != key:
        raise TableError(f"{target!r}: {key} is missing or changed.")
    return value
