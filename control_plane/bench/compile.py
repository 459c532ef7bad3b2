"""Compiles a made-up shop and says what its tables take: bytes, seconds, memory."""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import duckdb
import msgspec

from control_plane.bench.deploy import DeployReport, bench_deploy
from control_plane.bench.rules import RULES
from control_plane.bench.shop import Size, catalogue, make_model, make_shelf, numbering
from control_plane.bench.tables import Part, card_part, neighbour_part, visitor_part
from control_plane.bench.tastes import zipf_visitors
from control_plane.collect.markets import NOTHING_ELSEWHERE
from control_plane.compiler.build import Release, compile_release
from control_plane.compiler.cards import read_cards
from control_plane.errors import WorkError
from control_plane.keyring import load_visitor_secrets, make_keys
from control_plane.models.artifacts import Model, load, save
from control_plane.settings import Project, Settings, Shop

Talk = Callable[[str], None]
CATALOGUE = "items.parquet"


class CompileReport(msgspec.Struct, frozen=True):
    """What `bench compile` measured; memory is the compiling process's own peak."""

    items: int
    visitors: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    bytes_by_kind: dict[str, int]
    largest_value: int
    manifest_bytes: int
    neighbours: Part
    cards: Part
    visitor_rows: Part
    deploy: DeployReport | None


def bench_compile(size: Size, talk: Talk, *, deploy: bool = False) -> CompileReport:
    """Make up a shop with Zipf tastes, compile it in a process of its own, measure its values.

    With `deploy` it is also deployed to this machine's edge, and changed there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        project = _project(Path(scratch))
        talk(f"making up {size.items:,} items and {size.visitors:,} visitors")
        _make(project, size)
        talk("compiling")
        release, seconds, cpu, peak = _compile_apart(project)
        talk("counting bytes")
        counted = _report(project, release, seconds, cpu, peak)
        if not deploy:
            return counted
        items = load(project.models).item_ids
        card_bytes = round(counted.cards.bytes_each * counted.items)
        done = bench_deploy(project, items, card_bytes, lambda: _change_rules(project), talk)
        return msgspec.structs.replace(counted, deploy=done)


def _compile_apart(project: Project) -> tuple[Release, float, float, float]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_compile, project).result()


def _change_rules(project: Project) -> None:
    text = project.rules.read_text(encoding="utf-8")
    changed = text.replace("limit: 12", "limit: 10")
    if changed == text:
        raise WorkError(f"{project.rules}: the rules of the bench have no limit of 12 to change.")
    project.rules.write_text(changed, encoding="utf-8")
    _compile_apart(project)


def _project(root: Path) -> Project:
    project = Project(root, Settings(shop=Shop(name="bench", environment="bench")))
    make_keys(project.keys)
    project.rules.write_text(RULES, encoding="utf-8")
    return project


def _make(project: Project, size: Size) -> None:
    shelf, number = make_shelf(size.items), numbering(size.items)
    visitors = zipf_visitors(shelf, number, size.visitors)
    key_id = load_visitor_secrets(project.keys).current
    model = make_model(size, visitors.keys, key_id)
    save(msgspec.structs.replace(model, visitors=visitors), project.models)
    with catalogue(size) as log:
        log.execute(f"COPY items TO '{project.root / CATALOGUE}' (FORMAT parquet)")


def _catalogue(project: Project) -> duckdb.DuckDBPyConnection:
    log = duckdb.connect()
    log.execute(f"CREATE VIEW items AS SELECT * FROM '{project.root / CATALOGUE}'")
    log.execute(NOTHING_ELSEWHERE)
    return log


def _compile(project: Project) -> tuple[Release, float, float, float]:
    """Return the release, seconds, CPU seconds and peak memory in MB."""
    began, cpu = time.monotonic(), time.process_time()
    with _catalogue(project) as log:
        release = compile_release(project, load(project.models), log)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return release, time.monotonic() - began, time.process_time() - cpu, peak


def _report(
    project: Project, release: Release, seconds: float, cpu: float, peak: float
) -> CompileReport:
    model: Model = load(project.models)
    with _catalogue(project) as log:
        cards = read_cards(log, model.item_ids, "EUR")
    items, visitors = _values(project, release, "items"), _values(project, release, "visitors")
    apart = _values(project, release, "cards")
    return CompileReport(
        items=release.items,
        visitors=release.visitors,
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu, 1),
        peak_mb=round(peak),
        bytes_by_kind=release.bytes_by_kind,
        largest_value=max(value["bytes"] for value in release.values),
        manifest_bytes=release.bytes_by_kind["manifest"],
        neighbours=neighbour_part(model.neighbours, model.item_ids, items),
        cards=card_part(cards, apart or items),
        visitor_rows=visitor_part(model.visitors, release.items, visitors),
        deploy=None,
    )


def _values(project: Project, release: Release, kind: str) -> list[bytes]:
    folder = project.build / "current" / "values"
    keys = [value["key"] for value in release.values if value["kind"] == kind]
    return [(folder / key).read_bytes() for key in keys]
