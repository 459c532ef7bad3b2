"""Reads all sources into the staging database, and counts what comes of each row."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from control_plane.collect.batch import Batch
from control_plane.collect.catalogue import CatalogueTaker
from control_plane.collect.columns import Kind, make_plan
from control_plane.collect.events import EventOptions, EventTaker
from control_plane.collect.mapping import Mapping
from control_plane.collect.people import Pseudonyms
from control_plane.collect.rejects import RejectsFile
from control_plane.collect.report import ProgressCallback, UnknownColumn
from control_plane.collect.scratch import Scratch
from control_plane.collect.sources import Source, read

#: Reading is this share of the work, storing the rest.
READING = 0.8


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep Python's cycle collector from walking the rows in flight: a third of reading's time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Intake:
    """The rows of an ingest on their way in."""

    def __init__(
        self,
        scratch: Scratch,
        people: Pseudonyms,
        mapping: Mapping,
        currency: str,
        now: datetime,
    ) -> None:
        self.duck, self.people, self.mapping = scratch.duck, people, mapping
        self.options = EventOptions(now=now, currency=currency, mapping=mapping)
        self.rejects = RejectsFile(scratch.folder / "rejects.jsonl")
        self.rows = self.ignored = 0
        self.unknown: dict[str, UnknownColumn] = {}
        #: Numbers of the event files that say nothing of consent.
        self.without_consent: list[int] = []
        self.event_files = 0

    def read(self, sources: Sequence[Source], progress: ProgressCallback | None) -> None:
        """Stage every row of the sources; raises InputError when one cannot be read."""
        with collector_paused():
            self._read(sources, progress)

    def _read(self, sources: Sequence[Source], progress: ProgressCallback | None) -> None:
        whole, before = sum(source.size for source in sources), 0
        for number, source in enumerate(sources):
            taker: _FileIntake | None = None
            for batch in read(source, self.mapping):
                taker = taker or _FileIntake(self, source, number)
                self._count(batch)
                taker.take(batch)
                if progress:
                    progress(int((before + batch.done * source.size) * READING), whole)
            if taker:
                taker.finish()
            before += source.size

    def close(self) -> None:
        """Let go of the rejects file."""
        self.rejects.close()

    def _count(self, batch: Batch) -> None:
        self.rows += batch.rows
        self.ignored += batch.ignored


class _FileIntake:
    """One file's way in: its first batch with columns says what kind of file it is."""

    def __init__(self, intake: Intake, source: Source, number: int) -> None:
        self.intake, self.source, self.number = intake, source, number
        self.kind: Kind | None = None
        options, name = intake.options, source.path.name
        self.events = EventTaker(intake.duck, intake.people, options, name, number)
        self.items = CatalogueTaker(intake.duck, intake.mapping, options.currency, name, number)

    def take(self, batch: Batch) -> None:
        """Stage one batch."""
        rejects = list(batch.rejects)
        names = batch.table.column_names
        plan = make_plan(names, self.intake.mapping, self.source.path, self.kind)
        if any(not name.startswith("_") for name in names):
            self.kind = plan.kind
        for column in plan.unknown:
            self.intake.unknown.setdefault(column.name, column)
        if plan.kind == "items":
            rejects += self.items.take(batch.table, plan)
        else:
            # A line of JSON may leave a key out; a column is there for all rows or for none.
            has_column = self.source.format != "jsonl" and "consent" in plan.columns
            ignored, refused = self.events.take(batch.table, plan, has_column)
            self.intake.ignored += ignored
            rejects += refused
        self.intake.rejects.add(rejects)

    def finish(self) -> None:
        """Do what needs the whole file."""
        if self.kind == "items":
            self.intake.rejects.add(self.items.finish())
            return
        self.intake.event_files += 1
        if not self.events.consent_seen:
            self.intake.without_consent.append(self.number)
