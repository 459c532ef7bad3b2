"""Takes files of events and items into a project: all of them, or nothing."""

from __future__ import annotations

import secrets
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from control_plane.collect.duck import MEMORY_LIMIT
from control_plane.collect.intake import Intake
from control_plane.collect.lock import locked
from control_plane.collect.mapping import Mapping, load_mapping
from control_plane.collect.people import Pseudonyms
from control_plane.collect.report import IngestReport, ProgressCallback, UnknownColumn
from control_plane.collect.scratch import open_scratch
from control_plane.collect.settle import Stored, store_all
from control_plane.collect.sources import find_sources
from control_plane.collect.store import Store, sweep
from control_plane.collect.vault import mark_secret
from control_plane.errors import RejectedError, WorkError
from control_plane.keyring import load_visitor_secrets
from control_plane.settings import Project

__all__ = ["IngestReport", "UnknownColumn", "ingest"]

#: What DuckDB and SQLite raise when the disk or the memory is full.
_WORK_FAILURES = (
    OSError,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.FatalException,
    sqlite3.OperationalError,
)


def ingest(
    project: Project,
    path: Path,
    *,
    format: str | None = None,
    mapping: Path | None = None,
    progress: ProgressCallback | None = None,
    now: datetime | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> IngestReport:
    """Take in a file, or all *.csv, *.jsonl and *.parquet of a directory, as one step.

    Catalogues are known by their columns. `now` is in UTC, without a zone. Whatever goes wrong,
    at any moment, the log stays as it was. Raises InputError for files that cannot be read,
    RejectedError when more than `ingest.max_rejects` of the rows fail, LockedError, and
    WorkError, for example when the disk is full.
    """
    started = time.monotonic()
    sources = find_sources(Path(path), format)
    rules = load_mapping(Path(mapping)) if mapping else Mapping()
    visitor = load_visitor_secrets(project.keys)
    clock = now or datetime.now(UTC).replace(tzinfo=None)
    store = Store(project.data)
    shop, options = project.settings.shop, project.settings.ingest
    try:
        with locked(store.data):
            sweep(store)
            people = Pseudonyms(visitor.secrets[visitor.current], mark_secret(store.data))
            scratch_folder = store.staging / f"{clock:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
            with (
                open_scratch(scratch_folder, memory_limit) as scratch,
                closing(Intake(scratch, people, rules, shop.currency, clock)) as intake,
            ):
                intake.read(sources, progress)
                rejects = intake.rejects.finish(store.rejects, Path(path).name)
                _refuse_too_many(intake, options.max_rejects, rejects, Path(path))
                stored = store_all(
                    intake, scratch, store, options.consent, visitor.current, Path(path).name
                )
            if progress:
                whole = sum(source.size for source in sources)
                progress(whole, whole)
            seconds = time.monotonic() - started
            return _report(intake, stored, Path(path), rejects, options.consent, seconds)
    except _WORK_FAILURES as error:
        raise WorkError(
            f"{path}: could not be taken in: {_cause(error)}. Nothing was stored; run it again "
            "when there is room."
        ) from error


def _cause(error: Exception) -> str:
    text = str(error).splitlines()[0]
    return "the disk is full" if "No space left" in text or "disk is full" in text else text


def _refuse_too_many(intake: Intake, limit: float, rejects: Path | None, path: Path) -> None:
    count = intake.rejects.count
    if count <= limit * intake.rows:
        return
    reasons = "; ".join(f"{n:,} × {text}" for text, n in intake.rejects.reasons.most_common(3))
    raise RejectedError(
        f"{path}: {count:,} of {intake.rows:,} rows were rejected, more than ingest.max_rejects "
        f"allows ({limit:.0%}); nothing was stored.\n  Most often: {reasons}.\n  See {rejects}."
    )


def _report(
    intake: Intake, stored: Stored, path: Path, rejects: Path | None, consent: str, seconds: float
) -> IngestReport:
    note = None
    if intake.without_consent:
        files = f"{len(intake.without_consent)} of {intake.event_files} files"
        note = f"no consent column in {files}: counted as {consent} (ingest.consent)"
    told_again = stored.staged - stored.stored + stored.items_staged - stored.items_updated
    return IngestReport(
        file=str(path),
        rows=intake.rows,
        stored=stored.stored,
        duplicates=told_again,
        ignored=intake.ignored,
        rejected=intake.rejects.count,
        reasons=dict(intake.rejects.reasons.most_common()),
        rejects_file=str(rejects) if rejects else None,
        days=stored.days,
        visitors=stored.visitors,
        events=stored.events,
        items_updated=stored.items_updated,
        unknown_columns=tuple(intake.unknown.values()),
        consent_note=note,
        seconds=round(seconds, 3),
    )
