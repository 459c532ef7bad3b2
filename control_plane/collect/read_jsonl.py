"""Reads lines of JSON: flat rows, Segment calls, and Segment batches, in any mixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from control_plane.collect.batch import (
    BATCH_BYTES,
    BATCH_ROWS,
    DECISION,
    DECISION_TYPE,
    LINE,
    PRODUCTS,
    PRODUCTS_TYPE,
    Batch,
    screen,
)
from control_plane.collect.lines import bounded_lines
from control_plane.collect.names import their_name
from control_plane.collect.report import Reject
from control_plane.collect.segment import IGNORED, MalformedCall, flatten, is_call, text
from control_plane.errors import InputError

#: An order of some hundred products fits; anything longer is damage.
MAX_LINE_BYTES = 1024 * 1024
BOM = b"\xef\xbb\xbf"

_TYPES = {PRODUCTS: PRODUCTS_TYPE, DECISION: DECISION_TYPE}
Row = dict[str, Any]


def read(path: Path) -> Iterator[Batch]:
    """Yield batches of text columns named by the keys; raise InputError when there is no row."""
    reader = _Reader(path.name)
    size, rows = max(1, path.stat().st_size), 0
    with path.open("rb") as stream:
        for number, line in enumerate(bounded_lines(stream, MAX_LINE_BYTES), 1):
            reader.take(number, line)
            if reader.count >= BATCH_ROWS or reader.size > BATCH_BYTES:
                rows += reader.count
                yield reader.batch(min(1.0, stream.tell() / size))
    rows += reader.count
    if not rows:
        raise InputError("the file holds no row", file=path)
    if reader.count:
        yield reader.batch(1.0)


class _Reader:
    """Gathers rows until they are asked for as a batch."""

    def __init__(self, name: str) -> None:
        self.name = name
        # Floats stay the text they are: no digit of a price is lost.
        self.decode = msgspec.json.Decoder(float_hook=str).decode
        self._clear()

    def _clear(self) -> None:
        self.rows: list[Row] = []
        self.lines: list[int] = []
        self.rejects: list[Reject] = []
        self.count = self.ignored = self.size = 0

    def take(self, number: int, line: bytes | None) -> None:
        """Add what one line holds: a row, a call, a batch of calls, or a reject."""
        if line is None:
            self._reject(number, f"longer than {MAX_LINE_BYTES} bytes")
            return
        self.size += len(line)
        if number == 1:
            line = line.removeprefix(BOM)
        if not line.strip():
            return
        if b"\\u0000" in line or b"\0" in line:
            self._reject(number, "contains a NUL byte")
            return
        try:
            row = self.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._reject(number, _problem(error))
            return
        if not isinstance(row, dict):
            self._reject(number, "not a JSON object")
        elif isinstance(row.get("batch"), list):
            self._take_calls(number, row)
        else:
            self._take_row(number, row)

    def _take_calls(self, number: int, envelope: Row) -> None:
        shared: Row = {k: envelope[k] for k in ("sentAt", "receivedAt", "context") if k in envelope}
        for call in envelope["batch"]:
            if isinstance(call, dict):
                self._take_row(number, {**shared, **call})
            else:
                self._reject(number, "not a JSON object", "batch")

    def _take_row(self, number: int, row: Row) -> None:
        try:
            flat = flatten(row) if is_call(row) else _flat(row)
        except MalformedCall as error:
            self._reject(number, error.reason, error.field)
            return
        self.count += 1
        if flat is IGNORED:
            self.ignored += 1
            return
        self.rows.append(flat)
        self.lines.append(number)

    def _reject(self, number: int, reason: str, field: str | None = None) -> None:
        self.count += 1
        self.rejects.append(Reject(file=self.name, line=number, field=field, reason=reason))

    def batch(self, done: float) -> Batch:
        """Return what was gathered, and start anew."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        columns = [
            pa.array([row.get(name) for row in self.rows], _TYPES.get(name, pa.string()))
            for name in names
        ]
        table = pa.table([*columns, pa.array(self.lines, pa.int64())], names=[*names, LINE])
        clean, damaged = screen(table, self.name)
        batch = Batch(
            table=clean,
            rows=self.count,
            done=done,
            rejects=(*self.rejects, *damaged),
            ignored=self.ignored,
        )
        self._clear()
        return batch


def _flat(row: Row) -> Row:
    return {their_name(name): text(value) for name, value in row.items()}


def _problem(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not valid UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "not valid UTF-8" if "utf-8" in str(error) else "not valid JSON"
