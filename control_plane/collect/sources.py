"""Which files an ingest reads, and in which format each is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec

from control_plane.collect import read_csv, read_jsonl, read_parquet
from control_plane.collect.batch import Batch
from control_plane.collect.mapping import Mapping
from control_plane.errors import InputError

Format = Literal["csv", "jsonl", "parquet"]

ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
IN_DIRECTORY = (".csv", ".jsonl", ".parquet")


class Source(msgspec.Struct, frozen=True):
    """A file to read, its format and its size in bytes."""

    path: Path
    format: Format
    size: int


def find_sources(path: Path, format: str | None = None) -> list[Source]:
    """Return the file, or all files of a directory in order of their names.

    Empty files of a directory are passed over. Raises InputError when there is nothing to read.
    """
    if path.is_dir():
        files = _in_directory(path, format)
    elif path.is_file():
        files = [path]
    else:
        raise InputError("no such file or directory", file=path)
    return [Source(x, _format(x, format), x.stat().st_size) for x in files]


def _in_directory(path: Path, format: str | None) -> list[Path]:
    wanted = (f".{format}",) if format else IN_DIRECTORY
    found = sorted(x for x in path.iterdir() if x.suffix in wanted and x.is_file())
    files = [x for x in found if x.stat().st_size]
    if not files:
        raise InputError(
            "nothing to read in this directory",
            file=path,
            remedy=f"It needs files that end in {' or '.join(wanted)} and are not empty.",
        )
    return files


def read(source: Source, mapping: Mapping) -> Iterator[Batch]:
    """Yield a source's batches; raise InputError when it cannot be read at all.

    The next batch is read while the caller works on one: DuckDB leaves Python free meanwhile.
    """
    batches = _batches(source, mapping)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _batches(source: Source, mapping: Mapping) -> Iterator[Batch]:
    if not source.size:
        raise InputError("the file is empty", file=source.path)
    if source.format == "csv":
        return read_csv.read(source.path, mapping.file)
    if source.format == "jsonl":
        return read_jsonl.read(source.path)
    return read_parquet.read(source.path)


def _format(path: Path, asked: str | None) -> Format:
    wanted = ENDINGS.get(f".{asked}") if asked else ENDINGS.get(path.suffix.lower())
    if wanted and (not asked or asked in ("csv", "jsonl", "parquet")):
        return wanted
    with path.open("rb") as stream:
        start = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not asked and start.startswith(b"PAR1"):
        return "parquet"
    if not asked and start.startswith(b"{"):
        return "jsonl"
    raise InputError(
        f"unknown format {asked or path.suffix or path.name!r}",
        file=path,
        remedy="Say --format csv, jsonl or parquet.",
    )
