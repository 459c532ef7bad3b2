"""Small random logs, and the neighbour table of each by an engine and by the compiled loops."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np
from toy_log import event

from control_plane.collect.engine.duck import Engine
from control_plane.models.artifacts import FILE
from control_plane.models.neighbours import Neighbours, fit_sessions
from control_plane.models.pairs import fit_log
from control_plane.models.recipe import Recipe
from control_plane.models.train import train
from control_plane.models.variants import pool
from control_plane.profiles.interest import load_interest
from control_plane.profiles.people import resolve_people
from control_plane.schema import INTEREST
from control_plane.settings import Project, Settings, Spark, Train

GAP_SECONDS = 1800
RECIPES = (
    Recipe(),
    Recipe(window=2, crowd=2, large_crowd=3),
    Recipe(length_power=0, age_share=0.1),
)
ITEMS = "abcdefg"


def world(seed: int, events: int = 70) -> list[dict[str, Any]]:
    """Return a log of few items, whose people come and go, log in, and are sometimes nobody."""
    draw = random.Random(seed)
    at = 0.0
    told = []
    for _ in range(events):
        at += draw.choice([0, 0.001, 1, 5, 31, 4000])
        told.append(
            event(
                *draw.choices(ITEMS, k=draw.choice([1, 1, 1, 3, 25])),
                at=at,
                name=draw.choice(list(INTEREST)),
                user=draw.choice([None, 1, 2, 2**63 + 5]),
                device=draw.choice([None, 8, 2**64 - 1]),
                session=draw.choice([None, None, "x", "y"]),
                bot=draw.random() < 0.05,
                consent=draw.choice([(), ("personalization",)]),
            )
        )
    return told


def both_ways(engine: Engine, recipe: Recipe, limit: int) -> tuple[Neighbours, Neighbours]:
    """Return the table as an engine counts it, and as the compiled loops do; b counts as a."""
    resolve_people(engine.connection, engine=engine)
    interest = load_interest(engine.connection, GAP_SECONDS)
    leader = np.arange(len(interest.item_ids), dtype=np.int32)
    leader[1:2] = 0
    by_engine = fit_log(engine, interest.item_ids, leader, GAP_SECONDS, limit, recipe)
    sessions = pool(interest, leader).sessions()
    return by_engine, fit_sessions(sessions, len(leader), limit, recipe)


def assert_alike(one: Neighbours, other: Neighbours) -> None:
    """Assert the same items in the same order, and the same scores to six digits."""
    assert one.rows.indptr.tolist() == other.rows.indptr.tolist()
    assert one.rows.items.tolist() == other.rows.items.tolist()
    np.testing.assert_allclose(one.rows.scores, other.rows.scores, rtol=1e-6)
    assert one.people.tolist() == other.people.tolist()
    assert (one.pairs, one.lone_pairs) == (other.pairs, other.lone_pairs)


def arrays_after(project: Project, engine: str, **spark: Any) -> dict[str, np.ndarray]:
    """Train on an engine; return the model's arrays, without the facts, which tell of seconds."""
    train(with_engine(project, engine, **spark))
    arrays = dict(np.load(project.models / FILE))
    del arrays["facts"]
    return arrays


def with_engine(project: Project, engine: str, **spark: Any) -> Project:
    """Return the project with another engine set."""
    chosen = Settings(train=Train(engine=engine), spark=Spark(**spark))
    return msgspec.structs.replace(project, settings=chosen)


def assert_same_arrays(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """Assert the same arrays, to six digits where they are no whole numbers."""
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-6, err_msg=name)
