"""`frontshelf train`: learn from a project's event log and keep what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import duckdb

from control_plane.collect.engine.duck import DuckEngine, Engine
from control_plane.collect.engine.spark import open_spark
from control_plane.collect.log import EventLog
from control_plane.collect.store import committed_files
from control_plane.errors import InputError, TableError, WorkError
from control_plane.keyring import load_visitor_secrets
from control_plane.models import artifacts
from control_plane.models.artifacts import Model
from control_plane.models.category_list import Condition
from control_plane.models.learn import Progress, learn
from control_plane.models.page import write_page
from control_plane.models.report_page import report_page
from control_plane.settings import Project
from control_plane.settings import Train as Settings

REPORT = "report.html"

#: Setting -> its least and greatest value; rows are counted in one byte each.
BOUNDS = {
    "neighbours": (1, 255),
    "session_gap_minutes": (1, 24 * 60),
    "daily_sessions": (1, 1_000_000),
    "tune_events": (0, 10_000_000),
    "visitor_items": (1, 255),
    "visitor_seconds": (0, 24 * 3600),
    "visitor_bytes": (0, 2**40),
    "popular_items": (1, 10_000),
    "segments_min": (2, 100),
    "segments_max": (2, 100),
    "segments_smallest": (2, 1_000_000),
    "seed": (0, 2**32 - 1),
}


def train(
    project: Project,
    *,
    timezone: str = "UTC",
    own_segments: Mapping[str, Condition] | None = None,
    progress: Progress | None = None,
) -> Model:
    """Learn from the project's log, write models/model.npz and report.html, return the model.

    Each file is replaced in one step; a run that is cut short leaves the older model as it was.
    `own_segments` are conditions by name. Raises InputError for a setting out of bounds or missing
    keys, or Spark that is not installed; WorkError when there is no event, the disk is full, or
    Spark fails.
    """
    check_settings(project)
    key_id = load_visitor_secrets(project.keys).current
    previous = _previous(project)
    try:
        log = EventLog(project)
        with log.connect() as connection, _open_engine(project, log, connection) as engine:
            model = learn(
                connection,
                project.settings.train,
                key_id=key_id,
                timezone=timezone,
                previous=previous,
                own_segments=own_segments,
                progress=progress,
                engine=engine,
            )
    except duckdb.Error as error:
        raise WorkError(f"Reading the event log in {project.data} failed: {error}") from error
    _save(model, project.models)
    _tell(model, project)
    return model


def check_settings(project: Project) -> None:
    """Raise InputError when a setting of the section `train` is out of bounds."""
    settings: Settings = project.settings.train
    file = project.root / "frontshelf.toml"
    for name, (least, greatest) in BOUNDS.items():
        value = getattr(settings, name)
        if not least <= value <= greatest:
            raise InputError(
                f"{value} is out of bounds",
                file=file,
                field=f"train.{name}",
                remedy=f"Give a whole number from {least} to {greatest}.",
            )
    if settings.segments_min > settings.segments_max:
        raise InputError(
            f"{settings.segments_min} is more than segments_max = {settings.segments_max}",
            file=file,
            field="train.segments_min",
            remedy="Raise train.segments_max or lower train.segments_min.",
        )


def _open_engine(
    project: Project, log: EventLog, connection: duckdb.DuckDBPyConnection
) -> AbstractContextManager[Engine]:
    files = committed_files(log.store)
    if project.settings.train.engine != "spark" or not files:
        return nullcontext(DuckEngine(connection))
    return open_spark(project.settings.spark, connection, files, project.data)


def _save(model: Model, folder: Path) -> None:
    try:
        artifacts.save(model, folder)
    except OSError as error:
        # What was written of it would keep a full disk full.
        (folder / f"{artifacts.FILE}.partial").unlink(missing_ok=True)
        raise WorkError(
            f"Writing the model to {folder} failed: {error.strerror}. The older model, if there "
            "was one, is still in place; make room and run 'frontshelf train' again."
        ) from error


def _tell(model: Model, project: Project) -> None:
    try:
        write_page(report_page(model, project.settings.shop.name), project.models / REPORT)
    except OSError as error:
        raise WorkError(
            f"Writing {project.models / REPORT} failed: {error.strerror}. The model is in place; "
            "make room and run 'frontshelf train' again for its report."
        ) from error


def _previous(project: Project) -> Model | None:
    """Return the model in place, None when there is none or it cannot be read any more."""
    try:
        return artifacts.load(project.models)
    except TableError:
        # A first run has none; one of an older format or cut by a full disk only costs the
        # segments their old names.
        return None
