"""Reads lines of JSON: flat rows, Segment calls, and Segment batches, in any mixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from control_plane.collect.batch import BATCH_BYTES, BATCH_ROWS, LINE, SEQUENCE, Batch, screen
from control_plane.collect.lines import bounded_lines
from control_plane.collect.names import their_name
from control_plane.collect.report import Reject
from control_plane.collect.segment import Call, Calls, decode_call, text_array
from control_plane.errors import InputError

#: An order of some hundred products fits; anything longer is damage.
MAX_LINE_BYTES = 1024 * 1024
BOM = b"\xef\xbb\xbf"

_decode_row = msgspec.json.Decoder(float_hook=str).decode
_Place = tuple[int, int]


def read(path: Path) -> Iterator[Batch]:
    """Yield batches of text columns named by the keys; raise InputError when there is no row.

    Calls and flat rows come in batches of their own; their sequence tells their order.
    """
    reader = _Reader(path.name)
    size, rows = max(1, path.stat().st_size), 0
    with path.open("rb") as stream:
        for number, line in enumerate(bounded_lines(stream, MAX_LINE_BYTES), 1):
            reader.take(number, line)
            if reader.count >= BATCH_ROWS or reader.size > BATCH_BYTES:
                rows += reader.count
                yield from reader.batches(min(1.0, stream.tell() / size))
    rows += reader.count
    if not rows:
        raise InputError("the file holds no row", file=path)
    yield from reader.batches(1.0)


class _Reader:
    """Gathers rows until they are asked for as batches."""

    def __init__(self, name: str) -> None:
        self.name, self.sequence = name, 0
        self._clear()

    def _clear(self) -> None:
        self.calls, self.call_places = Calls(), list[_Place]()
        self.flat, self.flat_places = list[dict[str, Any]](), list[_Place]()
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
        if b'"type"' in line or b'"properties"' in line or b'"batch"' in line:
            self._take_call(number, line)
        elif not line.isspace():
            self._take_row(number, line)

    def _take_call(
        self, number: int, line: bytes | msgspec.Raw, envelope: Call | None = None
    ) -> None:
        try:
            call = decode_call(line)
        except msgspec.ValidationError as error:
            self._take_misfit(number, line, error)
            return
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._reject(number, _problem(error, line))
            return
        if call.batch is not None and envelope is None:
            for part in call.batch:
                self._take_call(number, part, call)
        elif call.is_ignored:
            self.count += 1
            self.ignored += 1
        elif call.is_call:
            self._take_event(number, call, envelope)
        else:
            self._take_row(number, line)

    def _take_event(self, number: int, call: Call, envelope: Call | None) -> None:
        if call.event is None and call.type not in ("page", "screen", "identify"):
            self._reject(number, "a track call without an event's name", "event")
            return
        self.calls.add(call, envelope)
        self.call_places.append((number, self._next()))

    def _take_misfit(
        self, number: int, line: bytes | msgspec.Raw, error: msgspec.ValidationError
    ) -> None:
        """Take a flat row that has a column of a call's name, or reject a malformed call."""
        row = self._decoded(number, line)
        if row is None:
            return
        if "properties" not in row and "context" not in row:
            self._add_row(number, row)
            return
        problem, _, place = str(error).partition(" - at `$")
        self._reject(number, problem.replace("`", ""), place.strip("`.") or None)

    def _take_row(self, number: int, line: bytes | msgspec.Raw) -> None:
        row = self._decoded(number, line)
        if row is not None:
            self._add_row(number, row)

    def _decoded(self, number: int, line: bytes | msgspec.Raw) -> dict[str, Any] | None:
        """Return what a line holds; reject it, and return None, when that is no object."""
        try:
            row = _decode_row(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._reject(number, _problem(error, line))
            return None
        if isinstance(row, dict):
            return row
        self._reject(number, "not a JSON object")
        return None

    def _add_row(self, number: int, row: dict[str, Any]) -> None:
        self.flat.append(row)
        self.flat_places.append((number, self._next()))

    def _next(self) -> int:
        self.count += 1
        self.sequence += 1
        return self.sequence - 1

    def _reject(self, number: int, reason: str, field: str | None = None) -> None:
        self.count += 1
        self.rejects.append(Reject(file=self.name, line=number, field=field, reason=reason))

    def batches(self, done: float) -> Iterator[Batch]:
        """Yield what was gathered, and start anew."""
        if self.call_places:
            yield self._batch(self.calls.columns(), self.call_places, done)
        if self.flat_places:
            names = dict.fromkeys(name for row in self.flat for name in row)
            columns = {
                their_name(name): text_array([row.get(name) for row in self.flat]) for name in names
            }
            yield self._batch(columns, self.flat_places, done)
        left = len(self.rejects) + self.ignored
        if left:
            nothing = pa.table({LINE: pa.array([], pa.int64())})
            rejects = tuple(self.rejects)
            yield Batch(table=nothing, rows=left, done=done, rejects=rejects, ignored=self.ignored)
        self._clear()

    def _batch(self, columns: dict[str, Any], places: list[_Place], done: float) -> Batch:
        lines, sequence = zip(*places, strict=True)
        columns[LINE] = pa.array(lines, pa.int64())
        columns[SEQUENCE] = pa.array(sequence, pa.int64())
        clean, damaged = screen(pa.table(columns), self.name)
        return Batch(table=clean, rows=len(places), done=done, rejects=tuple(damaged))


def _problem(error: Exception, line: bytes | msgspec.Raw) -> str:
    if b"\0" in bytes(line):
        return "contains a NUL byte"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "not valid UTF-8" if "utf-8" in str(error).lower() else "not valid JSON"
