"""All that is learned from one event log, step by step; files and keys are the caller's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.collect.engine.duck import DuckEngine, Engine
from control_plane.errors import WorkError
from control_plane.models import neighbours, pairs, variants
from control_plane.models.artifacts import Model, Segment, Visitors
from control_plane.models.blend import blend_rows, new_item_counts
from control_plane.models.budget import most_events
from control_plane.models.catalogue import read_catalogue
from control_plane.models.category_list import Condition
from control_plane.models.content import SIMILAR_ITEMS, similar_rows
from control_plane.models.popular import popular_lists
from control_plane.models.ranking import best_of_rows, reminder_scale
from control_plane.models.report import (
    count,
    make_report,
    newest_warning,
    shelf_counts,
    table_facts,
)
from control_plane.models.segmentation import segment_visitors
from control_plane.models.segments import Clustering
from control_plane.models.shelves import learn_shelves
from control_plane.models.tune import tune
from control_plane.models.visitors.fit import fit_visitors
from control_plane.models.visitors.histories import (
    Histories,
    activity,
    bought_sets,
    gather_histories,
    seen_sets,
)
from control_plane.models.visitors.refused import refused_sets
from control_plane.models.visitors.repurchase import rebuy_rows, report_of
from control_plane.profiles.interest import load_interest, newest_time
from control_plane.profiles.people import keep_newest, resolve_people, scripted_days
from control_plane.settings import Train

#: Told what is being done, as each step starts.
Progress = Callable[[str], None]


def learn(
    connection: duckdb.DuckDBPyConnection,
    train: Train,
    *,
    key_id: str = "",
    timezone: str = "UTC",
    previous: Model | None = None,
    own_segments: Mapping[str, Condition] | None = None,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Model:
    """Return the model of the views `events` and `items`; raise WorkError when there is no event.

    Same views, settings and `previous`: same arrays, to the byte; only the report's seconds
    differ. `previous` lends its segments' keys and names. `timezone` is the one that the edge's
    hours and weekdays are in. `own_segments` are a marketer's, by name. `engine` works out what
    grows with the log, the connection itself unless one is given.
    """
    engine = engine or DuckEngine(connection)
    steps = _Steps(progress)
    model_time = newest_time(connection)
    if model_time is None:
        raise WorkError("There are no events to learn from. Run 'frontshelf ingest' first.")
    with steps.step("reading events"):
        event_count = resolve_people(connection, train.daily_sessions, engine)
        kept = keep_newest(connection, engine, most_events(train))
        gap_seconds = train.session_gap_minutes * 60
        interest = load_interest(connection, gap_seconds)
    items = len(interest.item_ids)
    with steps.step("likening items"):
        catalogue = read_catalogue(connection, interest.item_ids)
        events = np.bincount(interest.item, minlength=items).astype(np.int64)
        leader = variants.product_leaders(catalogue, events)
        twin = variants.twin_leaders(catalogue, leader, events)
        similar = similar_rows(catalogue, twin, train.neighbours)
    as_sold = interest
    interest = variants.pool(interest, leader)
    histories = gather_histories(interest)
    sessions = interest.sessions()
    with steps.step("choosing parameters"):
        tuned = tune(sessions, items, train.neighbours, train.tune_events)
    with steps.step("counting neighbours"):
        if train.engine == "embedded":
            counted = neighbours.fit_sessions(sessions, items, train.neighbours, tuned.recipe)
        else:
            counted = pairs.fit_log(
                engine, interest.item_ids, leader, gap_seconds, train.neighbours, tuned.recipe
            )
        scale = reminder_scale(counted.rows)
        met = counted.people
        table = blend_rows(counted.rows, similar, met, catalogue.available, train.neighbours)
        table = variants.spread(table, leader)
    found = segment_visitors(
        engine,
        interest,
        histories,
        train,
        timezone=timezone,
        previous=previous,
        own=own_segments or {},
        step=steps.step,
    )
    clustering, segments = found.clustering, found.segments
    with steps.step("ranking popular items"):
        members = _members(clustering, segments, histories)
        popular = popular_lists(interest, train.popular_items, members)
    with steps.step("filling other shelves"):
        shelves = learn_shelves(interest, catalogue.added, leader, train.popular_items)
    with steps.step("choosing for visitors"):
        hidden = refused_sets(connection, interest, histories, leader)
        fitted = fit_visitors(
            histories, items, train.visitor_items, train.visitor_seconds, train.seed, hidden
        )
        rebought = rebuy_rows(as_sold, histories, train.visitor_items, hidden)
    related = shelves.related
    if len(similar.items):
        related = {**related, "similar": best_of_rows(similar, SIMILAR_ITEMS)}
    model = Model(
        model_time=model_time,
        item_ids=interest.item_ids,
        item_events=events,
        neighbours=table,
        reminder_scale=scale,
        serving=tuned.serving,
        popular=popular,
        latest=shelves.latest,
        related=related,
        segments=segments,
        visitors=Visitors(
            keys=histories.keys,
            segment=clustering.labels,
            rows=fitted.rows,
            bought=bought_sets(histories),
            seen=seen_sets(histories),
            rebuy=rebought.rows,
            hidden=hidden,
            activity=activity(interest, histories),
        ),
        key_id=key_id,
        report={},
    )
    counts = count(interest, model, event_count, scripted_days(connection))
    report = make_report(model, counts, clustering, found.features, train)
    report |= found.report | {
        "session_table": tuned.report | table_facts(counted),
        "shelves": shelf_counts(model, interest) | shelves.told,
        "content": new_item_counts(table, similar, met, leader),
        "visitor_models": fitted.report,
        "repurchase": report_of(rebought),
        "seconds": steps.seconds,
    }
    report["warnings"] += variants.suspicious_groups(catalogue, leader)
    if kept:
        report["warnings"].append(newest_warning(kept, event_count, train))
    return msgspec.structs.replace(model, report=report)


class _Steps:
    """Tells each step to `progress` as it starts, and keeps its seconds."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        if self._progress:
            self._progress(name)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)


def _members(
    clustering: Clustering, segments: list[Segment], histories: Histories
) -> dict[str, NDArray[np.int32]]:
    return {
        segment.key: histories.people[clustering.labels == number]
        for number, segment in enumerate(segments)
    }
