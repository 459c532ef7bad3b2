"""`frontshelf evaluate`: how good the project's shelves are at what came after they learned."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.collect.log import EventLog
from control_plane.compiler.build import Release, compile_release
from control_plane.errors import InputError, WorkError
from control_plane.evaluation.ask import Shown, ask_for, from_edge, history_group, show_offline
from control_plane.evaluation.cases import (
    arrival_cases,
    past_of,
    product_numbers,
    session_cases,
)
from control_plane.evaluation.edge import Edge, running_edge
from control_plane.evaluation.measure import Scorer
from control_plane.evaluation.panels import Baselines, View, fits, make_views
from control_plane.evaluation.report import Evaluation, Panel, Result
from control_plane.evaluation.served import unlike
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
from control_plane.evaluation.words import disagreements, summary, warnings
from control_plane.keyring import load_visitor_secrets
from control_plane.models.artifacts import Model, load
from control_plane.models.learn import learn
from control_plane.models.train import check_settings
from control_plane.profiles.interest import Interest, load_interest
from control_plane.profiles.people import resolve_people
from control_plane.profiles.sessions import session_table
from control_plane.rules.shapes import Items
from control_plane.settings import Project

Progress = Callable[[str], None]


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation is asked for.

    `since` (epoch seconds) is where the test begins, else the log's newest `days` are it, else
    the newest `share` of its sessions.
    `model` is the folder of a trained model to test, None to train one on what is older. At most
    `most_cases` next steps are tested, drawn by `seed` session by session.
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
    clock = _Clock(progress)
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
            edge = stack.enter_context(running_edge(scratch)) if choices.through_edge else None
            test = Test(interest, product, since, model, tables, shelves, choices)
            panels = test.panels(edge, clock)
    except duckdb.Error as error:
        raise WorkError(f"Reading the event log in {project.data} failed: {error}") from error
    return _evaluation(test, release, panels, clock)


class Test:
    """What a release is tested with: cases in views, baselines, shelves."""

    __test__ = False  # pytest takes the name for one of its own

    def __init__(
        self,
        interest: Interest,
        product: NDArray[np.int32],
        since: int,
        model: Model,
        tables: Tables,
        shelves: dict[str, Items],
        choices: Choices,
    ) -> None:
        self.interest, self.since, self.model = interest, since, model
        self.tables, self.shelves, self.choices = tables, shelves, choices
        self.product = product
        self.session = session_cases(interest, product, since, choices.most_cases, choices.seed)
        self.arrival = arrival_cases(interest, product, since, model.visitors.keys)
        if not len(self.session) and not len(self.arrival):
            raise InputError(
                f"since {iso(since)} nobody took a second step in a session, and no known "
                "visitor came back",
                remedy="Name an earlier time with --since, or wait for more events.",
            )
        self._number = {item: number for number, item in enumerate(interest.item_ids)}
        self._numbers = np.array([self._number[sku] for sku in tables.skus], dtype=np.int32)
        old = interest.seconds < since
        self._popularity = _popularity(interest, product, old)
        sessions = session_table(
            interest.session[old],
            interest.person[old],
            product[interest.item[old]],
            interest.event[old],
            interest.kind[old],
            interest.seconds[old],
        )
        self._baselines = Baselines(sessions, self._popularity)

    def panels(self, edge: Edge | None, clock: _Clock) -> list[Panel]:
        """Return every view's results."""
        views = make_views(
            self.session, self.arrival, past_of(self.interest, self.product, self.since)
        )
        panels = []
        for view in views:
            with clock.step(f"testing {view.situation}, {view.view}"):
                panels.append(self._panel(view, edge))
        return [panel for panel in panels if any(not one.baseline for one in panel.results)]

    def _panel(self, view: View, edge: Edge | None) -> Panel:
        scorer = Scorer(view, self.product, self._popularity, self.choices.seed)
        plain = {}
        for name, rank in self._baselines.of(view).items():
            started = time.perf_counter()
            items = rank(view.cases.met, view.excluded, self.choices.k)
            spent = (time.perf_counter() - started) / len(view.cases)
            plain[name] = Shown(items, [], [spent])
        scores = {name: scorer.scores(shown.items) for name, shown in plain.items()}
        return Panel(
            situation=view.situation,
            view=view.view,
            says=view.says,
            cases=len(view.cases),
            units=len(np.unique(view.cases.unit)),
            results=[
                *self._shelves(view, scorer, scores, edge),
                *(scorer.result(name, shown) for name, shown in plain.items()),
            ],
        )

    def _shelves(
        self, view: View, scorer: Scorer, scores: dict[str, NDArray[np.float64]], edge: Edge | None
    ) -> Iterator[Result]:
        asked, k = ask_for(view, self.model, self.tables, self.interest), self.choices.k
        groups = {
            "segment": asked.segment,
            "session so far": history_group(view),
            "country": [visit.country for visit in asked.visits],
        }
        for name, items in self.shelves.items():
            if not fits(items, view):
                continue
            content = self.tables.contents[name]
            answers = edge.ask(name, asked.bodies, k) if edge else None
            served = from_edge(answers, self._number, k) if answers else None
            if unlike(content) and served is None:
                continue
            here = (
                served
                if served and unlike(content)
                else show_offline(self.tables, content, asked, self._numbers, k)
            )
            yield scorer.result(
                name,
                here,
                baselines=scores,
                groups=groups,
                stages=[" + ".join(source for source, _ in stage) for stage in items.stages],
                edge=served,
            )


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


def _popularity(
    interest: Interest, product: NDArray[np.int32], rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return which share of people, or of sessions of nobody, met each product in `rows`."""
    person, items = interest.person[rows].astype(np.int64), len(interest.item_ids)
    unit = np.where(person >= 0, person, len(interest.people) + interest.session[rows])
    cells = np.unique(unit * max(items, 1) + product[interest.item[rows]])
    people = len(np.unique(unit))
    return np.bincount(cells % max(items, 1), minlength=items) / max(1, people)


def _evaluation(test: Test, release: Release, panels: list[Panel], clock: _Clock) -> Evaluation:
    interest, choices = test.interest, test.choices
    kinds = release.bytes_by_kind
    visitors = max(1, release.visitors)
    found = Evaluation(
        since=iso(test.since),
        until=iso(int(interest.seconds.max())),
        model_time=iso(int(datetime.fromisoformat(test.model.model_time).timestamp())),
        trained=choices.model is None,
        k=choices.k,
        events={
            "older": int((interest.seconds < test.since).sum()),
            "newer": int((interest.seconds >= test.since).sum()),
        },
        panels=panels,
        bytes=kinds,
        each={
            "item": round((kinds.get("items", 0) + kinds.get("cards", 0)) / release.items, 2),
            "visitor": round(kinds.get("visitors", 0) / visitors, 2),
        },
        seconds=clock.seconds,
        summary=[],
        warnings=[],
        disagreements=[],
    )
    return msgspec.structs.replace(
        found, summary=summary(found), warnings=warnings(found), disagreements=disagreements(found)
    )


class _Clock:
    """Tells each step as it starts, and keeps its seconds."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self._progress(name)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)
