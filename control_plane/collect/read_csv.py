"""Reads CSV of any common dialect, row by row: one bad row never costs another."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from control_plane.collect.batch import BATCH_BYTES, BATCH_ROWS, LINE, Batch, screen
from control_plane.collect.lines import bounded_lines
from control_plane.collect.mapping import FileOptions
from control_plane.collect.names import EVENT_FIELDS, ITEM_FIELDS, plain_name, their_name
from control_plane.collect.report import Reject
from control_plane.errors import InputError

#: A record that runs on for longer has a quote that nobody closed.
MAX_RECORD_BYTES = 16 * 1024 * 1024
DELIMITERS = ",;\t|"
UNCLOSED = "a quote is opened and never closed"


def read(path: Path, options: FileOptions) -> Iterator[Batch]:
    """Yield batches of text columns named by the header.

    Raises InputError when there is no header, no row, or the encoding is not the file's.
    """
    csv.field_size_limit(2 * MAX_RECORD_BYTES)
    with path.open("rb") as stream:
        _skip_mark(stream, path)
        records = _Records(stream, options)
        header = _header(records, path, options)
        yield from _batches(records, header, path)


def _batches(records: _Records, header: list[str], path: Path) -> Iterator[Batch]:
    size, count, name = max(1, path.stat().st_size), 0, path.name
    # One long list: the collector would look at many short ones over and over.
    values: list[str] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    started_at = 0
    for line, row, problem in records:
        if not problem and len(row) != len(header):
            problem = f"{len(row)} fields instead of {len(header)}"
        if problem:
            rejects.append(Reject(file=name, line=line, reason=problem))
        else:
            values.extend(row)
            lines.append(line)
        count += 1
        full = len(lines) + len(rejects) >= BATCH_ROWS
        if full or records.bytes_read - started_at > BATCH_BYTES:
            yield _batch(header, values, lines, rejects, name, min(1.0, records.bytes_read / size))
            values, lines, rejects, started_at = [], [], [], records.bytes_read
    if not count:
        raise InputError("the file has a header and no rows", file=path)
    if lines or rejects:
        yield _batch(header, values, lines, rejects, name, 1.0)


def _batch(
    header: list[str],
    values: list[str],
    lines: list[int],
    rejects: list[Reject],
    name: str,
    done: float,
) -> Batch:
    width = len(header)
    arrays = [pa.array(values[n::width], pa.string()) for n in range(width)]
    table = pa.table([*arrays, pa.array(lines, pa.int64())], names=[*header, LINE])
    clean, damaged = screen(table, name)
    return Batch(
        table=clean, rows=len(lines) + len(rejects), done=done, rejects=(*rejects, *damaged)
    )


class _Records:
    """Records with the line each starts in, and what is wrong with it if anything is.

    After a record with broken quotes, reading goes on at the line after its first one.
    """

    def __init__(self, stream: BinaryIO, options: FileOptions) -> None:
        self.lines = bounded_lines(stream, MAX_RECORD_BYTES)
        self.encoding = options.encoding
        self.delimiter = options.delimiter or ","
        self.again: deque[bytes | None] = deque()
        self.record: list[bytes | None] = []
        self.number = self.bytes_read = 0
        self.problem: str | None = None

    def __iter__(self) -> Iterator[tuple[int, list[str], str | None]]:
        reader = csv.reader(self._texts(), delimiter=self.delimiter, strict=True)
        record = self.record
        while True:
            record.clear()
            start = self.number + 1
            self.problem = None
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                row, self.problem = [], self.problem or _quote_problem(error)
                self._rewind()
                reader = csv.reader(self._texts(), delimiter=self.delimiter, strict=True)
            if row or self.problem:
                yield start, row, self.problem

    def peek(self, count: int) -> list[str]:
        """Return the first lines as text without taking them."""
        for _ in range(count - len(self.again)):
            line = next(self.lines, b"")
            if line == b"":
                break
            self.again.append(line)
        return [(line or b"").decode(self.encoding) for line in self.again]

    def _texts(self) -> Iterator[str]:
        size = 0
        while True:
            line = self.again.popleft() if self.again else next(self.lines, b"")
            if line == b"":
                return
            size = len(line or b"") + (size if self.record else 0)
            self.bytes_read += len(line or b"")
            self.number += 1
            self.record.append(line)
            if size > MAX_RECORD_BYTES:
                raise csv.Error(UNCLOSED)
            yield self._decoded(line)

    def _decoded(self, line: bytes | None) -> str:
        if line is None:
            self.problem = f"longer than {MAX_RECORD_BYTES} bytes"
            raise csv.Error(self.problem)
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError as error:
            self.problem = f"not valid {self.encoding} (byte {error.start + 1} of the line)"
            return line.decode(self.encoding, errors="replace")

    def _rewind(self) -> None:
        """Give the lines after the record's first one again."""
        self.again.extendleft(reversed(self.record[1:]))
        self.number -= len(self.record) - 1


def _quote_problem(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end" in text or text == UNCLOSED:
        return UNCLOSED
    return f"broken quotes ({text})"


def _skip_mark(stream: BinaryIO, path: Path) -> None:
    start = stream.read(3)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError("the file is in UTF-16", file=path, remedy="Save it as UTF-8.")
    if start != codecs.BOM_UTF8:
        stream.seek(0)


def _header(records: _Records, path: Path, options: FileOptions) -> list[str]:
    try:
        sample = records.peek(3)
    except UnicodeDecodeError as error:
        sample = _header_alone(records, path, error)
    records.delimiter = options.delimiter or _delimiter(sample)
    for line, row, problem in records:
        if problem:
            raise InputError(f"the header cannot be read: {problem}", file=path, line=line)
        return _named(row, path, line)
    raise InputError("the file holds no header", file=path)


def _header_alone(records: _Records, path: Path, error: UnicodeDecodeError) -> list[str]:
    try:
        return [(records.again[0] or b"").decode(records.encoding)]
    except UnicodeDecodeError:
        raise InputError(
            f"the header is not valid {records.encoding}",
            file=path,
            line=1,
            remedy="Give the file's encoding in the mapping: [file] encoding = 'cp1252'.",
        ) from error


def _named(row: list[str], path: Path, line: int) -> list[str]:
    names = [their_name(name.strip()) or f"column {place}" for place, name in enumerate(row, 1)]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(
            "two columns of this name", file=path, line=line, field=min(twice), remedy="Rename one."
        )
    return names


def _delimiter(sample: list[str]) -> str:
    """Return the delimiter that makes most of the header known, then most columns."""
    known = {*EVENT_FIELDS, *ITEM_FIELDS}

    def merit(delimiter: str) -> tuple[int, int]:
        try:
            row = next(csv.reader(StringIO("".join(sample)), delimiter=delimiter), [])
        except csv.Error:
            row = []
        return len({plain_name(name) for name in row} & known), len(row)

    return max(DELIMITERS, key=merit)
