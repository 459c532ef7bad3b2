"""The table format: one KV value is one msgpack map of a short header and typed columns.

A column is a `bin` whose payload starts with 0 to 3 zero bytes, so that the numbers in it stand
at a multiple of their width in the value and JavaScript can lay a typed array over them. Since
the padding is always less than the width, the number of padding bytes is the payload's length
modulo the width. Numbers are little-endian.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from control_plane.errors import TableError

#: Version of everything the worker reads; it reads this one and the one before.
FORMAT = 2

#: Largest raw value: below 100 KB as base64 in EdgeKV, so that one cut serves every platform.
MAX_VALUE_BYTES = 72 * 1024

Column = NDArray[Any] | bytes


def pack(kind: str, header: Mapping[str, Any], columns: Mapping[str, Column]) -> bytes:
    """Return the value of a table; the same input gives the same bytes."""
    packer = msgpack.Packer(autoreset=False)
    packer.pack_map_header(2 + len(header) + len(columns))
    for name, value in {"format": FORMAT, "kind": kind, **header}.items():
        packer.pack(name)
        packer.pack(value)
    parts = [packer.bytes()]
    offset = len(parts[0])
    for name, column in columns.items():
        payload, width = _payload(column)
        key = msgpack.packb(name)
        start = offset + len(key) + 5
        padding = -start % width
        length = (padding + len(payload)).to_bytes(4, "big")
        parts += [key, b"\xc6", length, bytes(padding), payload]
        offset = start + padding + len(payload)
    return b"".join(parts)


def unpack(value: bytes) -> dict[str, Any]:
    """Return header and columns (as bytes) of a table; raise TableError when it is not one."""
    try:
        table = msgpack.unpackb(value, raw=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise TableError(f"not a table: {error}") from error
    # Overlays outlive the version that wrote them.
    if not isinstance(table, dict) or table.get("format") not in (FORMAT, FORMAT - 1):
        raise TableError(f"not a table of format {FORMAT - 1} or {FORMAT}")
    return table


def column(table: Mapping[str, Any], name: str, dtype: str) -> NDArray[Any]:
    """Return a column of an unpacked table as numbers of `dtype` ("<u4", "<u2", "u1")."""
    payload = table[name]
    width = np.dtype(dtype).itemsize
    return np.frombuffer(payload[len(payload) % width :], dtype=dtype)


def digest(value: bytes) -> bytes:
    """Return the SHA-256 of a raw value."""
    return hashlib.sha256(value).digest()


def value_key(prefix: str, value: bytes) -> str:
    """Return a value's key: a letter for its kind and the first 128 bits of its digest."""
    return f"{prefix}-{digest(value)[:16].hex()}"


def _payload(column: Column) -> tuple[bytes, int]:
    if isinstance(column, bytes):
        return column, 1
    width = column.dtype.itemsize
    return np.ascontiguousarray(column.astype(column.dtype.newbyteorder("<"))).tobytes(), width
