"""A log larger than memory: learned from its newest events, and said so."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from toy_log import event, item, open_log

from control_plane.collect.engine.duck import DuckEngine
from control_plane.models import budget
from control_plane.models.artifacts import Model
from control_plane.models.learn import learn
from control_plane.profiles.people import keep_newest, resolve_people
from control_plane.settings import Train

PEOPLE = 130
#: Room for a thousand events, the least that there is.
LITTLE = 0.001


@pytest.fixture(scope="module")
def events():
    """Two months, in the first of which nobody looked at anything but hats."""
    random = np.random.default_rng(3)
    made = []
    for minute in range(2400):
        old = minute < 1200
        kind = "hat" if old else random.choice(["shoe", "bag"])
        person = int(random.integers(1, PEOPLE if not old else 40))
        made.append(event(f"{kind}-{random.integers(6)}", user=person, at=float(minute * 30)))
    return made


def learned(events, items=(), **settings) -> Model:
    with open_log(events, list(items)) as log:
        return learn(log, Train(visitor_seconds=0, **settings), key_id="k1")


def since(model: Model) -> str:
    (said,) = [text for text in model.report["warnings"] if "memory_gb" in text]
    return said


def test_a_log_that_fits_is_learned_whole(events):
    model = learned(events)
    assert not [text for text in model.report["warnings"] if "memory_gb" in text]
    assert any(name.startswith("hat") for name in model.item_ids)


def test_a_log_that_does_not_is_learned_as_if_it_began_later(events):
    model = learned(events, memory_gb=LITTLE)
    assert "the newest 1,000 of 2,400 events" in since(model)
    alone = learned(events[-1000:])
    for name in ("keys", "segment", "activity"):
        assert np.array_equal(getattr(model.visitors, name), getattr(alone.visitors, name))
    assert model.item_ids == alone.item_ids
    for name, found in alone.popular.items():
        assert model.popular[name].tolist() == found.tolist()
    assert model.neighbours.items.tolist() == alone.neighbours.items.tolist()
    assert model.report["counts"]["interest_events"] == 1000


def test_an_engine_counts_the_session_table_of_all_events_even_so(events):
    both = [
        event(name, user=500 + person, at=float(person) + step / 10)
        for person in range(30)
        for step, name in enumerate(["cap-1", "cap-2"])
    ]
    catalogue = [item("cap-1", "Caps", 100), item("cap-2", "Caps", 100)]

    def caps(engine: str) -> float:
        model = learned([*both, *events], catalogue, engine=engine, memory_gb=LITTLE)
        words = "is counted of all" if engine == "duckdb" else 'train.engine = "duckdb"'
        assert words in since(model)
        number = model.item_ids.index("cap-1")
        scores = model.neighbours.scores[slice(*model.neighbours.indptr[number : number + 2])]
        return float(max(scores, default=0))

    # What two caps have from their category alone is little.
    assert caps("duckdb") > 3 * caps("embedded") > 0


def test_all_events_of_the_second_that_is_cut_stay(events):
    at_once = [event(f"hat-{n % 6}", user=n + 1, at=5.0) for n in range(20)]
    later = [event("hat-1", user=n + 1, at=60.0 + n) for n in range(5)]
    with open_log([*at_once, *later], []) as log:
        assert resolve_people(log) == 25
        assert keep_newest(log, DuckEngine(log), 25) is None
        count, second = keep_newest(log, DuckEngine(log), 10)
        assert count == 25
        assert datetime.fromtimestamp(second, UTC).second == 0
        count, _ = keep_newest(log, DuckEngine(log), 4)
        places = log.execute("SELECT place FROM visits ORDER BY place").fetchall()
        assert (count, places) == (4, [(0,), (1,), (2,), (3,)])


def test_the_memory_of_a_container_counts(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(budget, "_LIMITS", (str(limit), str(tmp_path / "none")))
    limit.write_text("max\n")
    whole = budget.machine_bytes()
    limit.write_text("2000000000\n")
    assert budget.machine_bytes() == min(whole, 2_000_000_000)
    assert budget.most_events(Train()) == int((0.6 * budget.machine_bytes() - 1.05e9) / 1230)
    assert budget.most_events(Train(memory_gb=8)) == int((8e9 - 1.05e9) / 1230)
