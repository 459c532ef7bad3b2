"""Segments from first to last: grouped, named, held against other draws, told from sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.collect.engine.duck import Engine
from control_plane.models.artifacts import Model, Segment
from control_plane.models.category_list import Condition
from control_plane.models.features import Features, visitor_features
from control_plane.models.identity import name_segments
from control_plane.models.live import States, session_states
from control_plane.models.own_segments import count_own
from control_plane.models.segments import Clustering, fit_segments
from control_plane.models.stability import resampled_overlaps, since_last_run
from control_plane.models.surrogate import fit_surrogate
from control_plane.models.visitors.histories import Histories
from control_plane.profiles.interest import Interest
from control_plane.profiles.keys import distinct
from control_plane.settings import Train

#: Events of the visitors from whom segments are told live: memory grows with them.
MOST_LIVE_EVENTS = 300_000

#: Opens a step of the training under a name.
Step = Callable[[str], AbstractContextManager[None]]


class Segmentation(msgspec.Struct, frozen=True):
    """What was learned of the visitors of `histories`; `report` is JSON-able."""

    features: Features
    clustering: Clustering
    segments: list[Segment]
    report: dict[str, Any]


def segment_visitors(
    engine: Engine,
    interest: Interest,
    histories: Histories,
    train: Train,
    *,
    timezone: str,
    previous: Model | None,
    own: Mapping[str, Condition],
    step: Step,
) -> Segmentation:
    """Return the visitors' segments; `own` are a marketer's, by name, whose keys none takes."""
    with step("grouping visitors"):
        visits = sessions_per_visitor(interest, histories)
        features = visitor_features(
            engine.connection, histories.keys, visits, train.segments_scaling, timezone, engine
        )
        in_use = len(previous.segments) if previous else None
        clustering = fit_segments(features.space, train, in_use)
        segments = name_segments(clustering, features, histories.keys, previous, own)
    with step("grouping other draws of visitors"):
        overlaps = resampled_overlaps(features.space, clustering, train)
    with step("telling segments from sessions"):
        label = np.full(len(interest.people), -1, dtype=np.int64)
        label[histories.people] = clustering.labels
        mixed = _mixed(interest.people)
        states = _known_states(engine.connection, interest, mixed, timezone)
        keys = [one.key for one in segments]
        inside = _select(states, label[states.person] >= 0)
        live = fit_surrogate(inside, label[inside.person], mixed[inside.person], keys, train.seed)
        sizes = count_own(states, own)
    placed = zip(segments, live.conditions, strict=True)
    return Segmentation(
        features=features,
        clustering=clustering,
        segments=[msgspec.structs.replace(one, when=when) for one, when in placed],
        report={
            "live_segments": live.report,
            "own_segments": sizes,
            "stability": {
                "resampled": dict(zip(keys, overlaps, strict=True)),
                "since_last_run": since_last_run(clustering, segments, histories.keys, previous),
            },
        },
    )


def sessions_per_visitor(interest: Interest, histories: Histories) -> NDArray[np.int64]:
    """Return in how many sessions each visitor took an interest in something."""
    person = interest.person[interest.personal].astype(np.int64)
    session = interest.session[interest.personal]
    width = int(session.max(initial=0)) + 1
    pairs = distinct(person * width + session)
    return np.bincount(pairs // width, minlength=len(interest.people))[histories.people]


def _mixed(people: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers to draw people by: keys are random, but need not be in a test or an import."""
    return people * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)


def _known_states(
    connection: duckdb.DuckDBPyConnection,
    interest: Interest,
    mixed: NDArray[np.uint64],
    timezone: str,
) -> States:
    """Return the states of known visitors' sessions, of some of them where there are very many."""
    rows = interest.personal.copy()
    share = min(1.0, MOST_LIVE_EVENTS / max(1, int(rows.sum())))
    # Not by the digit that says who is learned from.
    drawn = mixed // np.uint64(10) % np.uint64(10_000) < share * 10_000
    rows[rows] = drawn[interest.person[rows]]
    return session_states(connection, interest, timezone, rows)


def _select(states: States, which: NDArray[np.bool_]) -> States:
    arrays = ("values", "person", "weight", "last", "events", "sessions")
    kept = {name: getattr(states, name)[which] for name in arrays}
    return msgspec.structs.replace(states, **kept)
