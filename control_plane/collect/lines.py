"""Lines of a file of any size, each of a bounded length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

CHUNK = 1024 * 1024


def bounded_lines(stream: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """Yield each line with its line end; None in place of one longer than `limit` bytes."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(CHUNK)
        yield None
