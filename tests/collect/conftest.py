"""A project of its own for each test, and short ways to write files and read the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from control_plane.collect.ingest import IngestReport, ingest
from control_plane.collect.log import EventLog
from control_plane.keyring import make_keys
from control_plane.settings import Project, Settings

NOW = datetime(2026, 6, 1, 12)

Ingest = Callable[..., IngestReport]
Query = Callable[[str], list[tuple[Any, ...]]]
Write = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "shop"
    make_keys(root / "keys")
    return Project(root, Settings())


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file from text, bytes, or a list of JSON-able rows."""

    def put(name: str, content: Any) -> Path:
        file = tmp_path / "in" / name
        file.parent.mkdir(exist_ok=True, parents=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return put


@pytest.fixture
def take(project: Project, write: Write) -> Ingest:
    """Write a file and take it in; rejects are allowed to be all but everything."""

    def run(name: str, content: Any, mapping: str | None = None, **options: Any) -> IngestReport:
        path = write(name, content)
        chosen = project
        if "max_rejects" in options:
            chosen = with_max_rejects(project, options.pop("max_rejects"))
        if mapping is not None:
            options["mapping"] = write(options.pop("mapping_name", "map.toml"), mapping)
        return ingest(chosen, path, **{"now": NOW, **options})

    return run


@pytest.fixture
def query(project: Project) -> Query:
    """Ask the committed log."""

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with EventLog(project).connect() as log:
            return log.execute(sql).fetchall()

    return ask


def with_max_rejects(project: Project, share: float) -> Project:
    settings = Settings(ingest=type(project.settings.ingest)(max_rejects=share))
    return Project(project.root, settings)


@pytest.fixture
def rejects() -> Callable[[IngestReport], list[tuple[int, str | None, str]]]:
    """Read a report's rejects as (line, field, reason)."""

    def read(report: IngestReport) -> list[tuple[int, str | None, str]]:
        assert report.rejects_file is not None
        rows = map(json.loads, Path(report.rejects_file).read_text().splitlines())
        return [(row["line"], row["field"], row["reason"]) for row in rows]

    return read
