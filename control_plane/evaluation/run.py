"""`frontshelf evaluate`: how good the project's shelves are at what came after they learned."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import msgspec

from control_plane.collect.log import EventLog
from control_plane.compiler.build import Release, compile_release
from control_plane.errors import WorkError
from control_plane.evaluation.cases import product_numbers
from control_plane.evaluation.clock import Clock, Progress
from control_plane.evaluation.edge import running_edge
from control_plane.evaluation.report import Evaluation
from control_plane.evaluation.shelves import test_rules, tested_shelves
from control_plane.evaluation.split import (
    TEST_SHARE,
    iso,
    refuse_empty,
    refuse_seen,
    show_older,
    split_time,
)
from control_plane.evaluation.tables import Tables
from control_plane.evaluation.trial import Trial
from control_plane.evaluation.words import disagreements, summary, warnings
from control_plane.keyring import load_visitor_secrets
from control_plane.models.artifacts import Model, load
from control_plane.models.learn import learn
from control_plane.models.train import check_settings
from control_plane.profiles.interest import Interest, load_interest
from control_plane.profiles.people import resolve_people
from control_plane.settings import Project


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation is asked for.

    `since` (epoch seconds) is where the test begins, else the log's newest `days` are it, else
    the newest `share` of its sessions. `model` is the folder of a trained model to test, None to
    train one on what is older. At most `most_cases` next steps are tested, drawn by `seed`
    session by session.
    """

    since: int | None = None
    days: int | None = None
    share: float = TEST_SHARE
    model: Path | None = None
    k: int = 20
    most_cases: int = 10_000
    through_edge: bool = False
    seed: int = 7


def evaluate(
    project: Project,
    choices: Choices | None = None,
    *,
    timezone: str = "UTC",
    progress: Progress = lambda step: None,
) -> Evaluation:
    """Return how the project's shelves do on the newest part of its log.

    Nothing of the project is written: model, tables and edge stand in a directory of their own.
    Raises InputError when there is nothing older or newer than the cut, or the model to be tested
    has learned from the test; WorkError when nothing can be tested.
    """
    choices = choices or Choices()
    check_settings(project)
    clock = Clock(progress)
    try:
        with EventLog(project).connect() as log, ExitStack() as stack:
            with clock.step("reading events"):
                resolve_people(log)
                gap = project.settings.train.session_gap_minutes * 60
                interest = load_interest(log, gap)
                product = product_numbers(log, interest.item_ids)
            with clock.step("learning from what is older"):
                model, since = _tested_model(project, log, interest, choices, timezone)
            with clock.step("compiling"):
                shelves = tested_shelves(project.root)
                scratch = stack.enter_context(_scratch(project))
                rules = test_rules(shelves, project.root)
                release = compile_release(scratch, model, log, rules=rules)
                build = scratch.build / "current"
                tables = Tables(build, model, log, project.settings.shop.currency)
            trial = Trial(
                interest,
                product,
                since,
                model=model,
                k=choices.k,
                most_cases=choices.most_cases,
                seed=choices.seed,
            )
            edge = stack.enter_context(running_edge(scratch)) if choices.through_edge else None
            panels = trial.panels(tables, shelves, edge, clock)
    except duckdb.Error as error:
        raise WorkError(f"Reading the event log in {project.data} failed: {error}") from error
    found = _evaluation(interest, since, model, release, choices)
    return _with_words(msgspec.structs.replace(found, panels=panels, seconds=clock.seconds))


def _tested_model(
    project: Project,
    log: duckdb.DuckDBPyConnection,
    interest: Interest,
    choices: Choices,
    timezone: str,
) -> tuple[Model, int]:
    """Return a model that has seen nothing of the test, and when the test begins."""
    model = load(choices.model) if choices.model else None
    since = _test_begins(interest, choices, model)
    refuse_empty(interest, since)
    if model:
        refuse_seen(model, since)
    show_older(log, since)
    if model is None:
        key_id = load_visitor_secrets(project.keys).current
        model = learn(log, project.settings.train, key_id=key_id, timezone=timezone)
        # The very thing that would make all figures worthless, so looked at again.
        refuse_seen(model, since)
    return model, since


def _test_begins(interest: Interest, choices: Choices, model: Model | None) -> int:
    if choices.since is not None:
        return choices.since
    if choices.days and len(interest.seconds):
        return int(interest.seconds.max()) - choices.days * 86_400 + 1
    if model:
        return math.floor(datetime.fromisoformat(model.model_time).timestamp()) + 1
    return split_time(interest, choices.share)


@contextmanager
def _scratch(project: Project) -> Iterator[Project]:
    """Yield a project of the same settings and keys in a directory that goes away."""
    with tempfile.TemporaryDirectory(prefix="frontshelf-evaluate-") as folder:
        root = Path(folder)
        (root / "keys").symlink_to(project.keys.resolve(), target_is_directory=True)
        yield Project(root, project.settings)


def _evaluation(
    interest: Interest, since: int, model: Model, release: Release, choices: Choices
) -> Evaluation:
    """Return what is known before anything is measured."""
    kinds, new = release.bytes_by_kind, interest.seconds >= since
    item_bytes = kinds.get("items", 0) + kinds.get("cards", 0)
    return Evaluation(
        since=iso(since),
        until=iso(int(interest.seconds.max())),
        model_time=iso(int(datetime.fromisoformat(model.model_time).timestamp())),
        trained=choices.model is None,
        k=choices.k,
        events={"older": int((~new).sum()), "newer": int(new.sum())},
        panels=[],
        bytes=kinds,
        each={
            "item": round(item_bytes / max(1, release.items), 2),
            "visitor": round(kinds.get("visitors", 0) / max(1, release.visitors), 2),
        },
        seconds={},
        summary=[],
        warnings=[],
        disagreements=[],
    )


def _with_words(found: Evaluation) -> Evaluation:
    return msgspec.structs.replace(
        found, summary=summary(found), warnings=warnings(found), disagreements=disagreements(found)
    )
