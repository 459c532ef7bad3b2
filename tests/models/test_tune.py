"""Choosing the session table's numbers on what the newest sessions did next."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.models.artifacts import Rows
from control_plane.models.neighbours import fit_sessions
from control_plane.models.ranking import reminder_scale
from control_plane.models.recipe import DEFAULT, Serving
from control_plane.models.replay import clicks_of, replay
from control_plane.models.tune import MOST_TRIALS, tune
from control_plane.profiles.interest import ORDER
from control_plane.profiles.sessions import Sessions

TASTES, KIND = 20, 30


def log_of(lists, kinds=None):
    """Return sessions of item numbers, an hour apart, each of another person."""
    indptr = np.append(0, np.cumsum([len(items) for items in lists])).astype(np.int64)
    items = np.array([item for items in lists for item in items], dtype=np.int32)
    kinds = np.zeros(len(items), np.int8) if kinds is None else np.full(len(items), kinds, np.int8)
    people = np.arange(len(lists))
    return Sessions(indptr, items, kinds, people * 3600, people)


def explorers(count, seed=1):
    """Return sessions within one taste each that never meet an item twice."""
    random = np.random.default_rng(seed)
    return [
        (random.permutation(KIND)[:8] + KIND * random.integers(TASTES)).tolist()
        for _ in range(count)
    ]


def collectors(count, seed=1):
    """Return sessions that come back to each item after four others."""
    return [session[:4] + session[:4] + session[:4] for session in explorers(count, seed)]


def test_a_shop_that_nobody_comes_back_in_is_not_reminded():
    tuned = tune(log_of(explorers(2000)), TASTES * KIND, 50, 300_000)
    before, after = (tuned.report["held_out"][which] for which in ("default", "chosen"))
    assert tuned.serving.reminder == 0
    assert after["hr"] > before["hr"] + 5
    assert tuned.report["changed"]["reminder"] == [1.2, 0.0]


def test_a_shop_that_everyone_comes_back_in_keeps_its_reminders():
    tuned = tune(log_of(collectors(1500)), TASTES * KIND, 50, 300_000)
    before, after = (tuned.report["held_out"][which] for which in ("default", "chosen"))
    assert tuned.serving.reminder > 0
    assert after["hr"] + after["mrr"] >= before["hr"] + before["mrr"]


def test_chance_moves_nothing():
    random = np.random.default_rng(2)
    lists = [random.integers(0, 400, 6).tolist() for _ in range(3000)]
    tuned = tune(log_of(lists), 400, 50, 300_000)
    assert tuned.recipe == DEFAULT
    assert tuned.report["trials"] <= MOST_TRIALS


def test_little_data_keeps_the_defaults_and_says_so():
    tuned = tune(log_of(explorers(50)), TASTES * KIND, 50, 300_000)
    assert (tuned.recipe, tuned.serving) == (DEFAULT, Serving())
    assert "too few" in tuned.report["note"]
    assert "too few" in tune(log_of(explorers(3000)), TASTES * KIND, 50, 0).report["note"]
    assert "too few" in tune(log_of([]), 0, 50, 300_000).report["note"]


def test_the_same_log_chooses_alike_and_only_the_newest_events_count():
    lists = explorers(1500)
    tuned = tune(log_of(lists), TASTES * KIND, 50, 300_000)
    assert tune(log_of(lists), TASTES * KIND, 50, 300_000) == tuned
    assert tune(log_of(collectors(300) + lists), TASTES * KIND, 50, 8 * 1500) == tuned
    assert msgspec.json.encode(tuned.report)


def test_orders_are_foretold_only_where_there_is_nothing_else():
    lists = explorers(20)
    views, orders = log_of(lists), log_of(lists, ORDER)
    assert len(clicks_of(views, 600, 1000, orders=False).target) == 140
    assert len(clicks_of(orders, 600, 1000, orders=False).target) == 0
    assert len(clicks_of(orders, 600, 1000, orders=True).target) == 140


def test_few_clicks_come_from_sessions_of_all_times():
    clicks = clicks_of(log_of(explorers(100)), 600, 70, orders=False)
    assert len(clicks.target) == 70
    assert clicks.session.max() == 9


def slow_rank(scores, target):
    """Return where a target stands, the middle of its equals."""
    mine = scores.get(target, 0)
    if mine <= 0:
        return math.inf
    others = [score for item, score in scores.items() if item != target]
    higher = sum(score > mine * (1 + 1e-9) for score in others)
    return 1 + higher + sum(abs(score - mine) <= 1e-9 * mine for score in others) / 2


sessions = st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=14), min_size=1, max_size=8)


@given(sessions, st.sampled_from([Serving(), Serving(items=2, decay=3.0, reminder=0.3)]))
def test_ranks_are_as_a_slow_worker_finds_them(lists, serving):
    log = log_of(lists)
    rows = fit_sessions(log, 7, 4).rows
    # Powers of two add up to the same sum in any order: no tie is lost to rounding.
    rows = Rows(rows.indptr, rows.items, np.exp2(np.round(np.log2(rows.scores))))
    table = [
        dict(zip(rows.items[a:b].tolist(), rows.scores[a:b].tolist(), strict=True))
        for a, b in zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
    ]
    found = replay(clicks_of(log, 7, 10_000, orders=False), rows, serving)
    wanted = []
    for session in lists:
        for place in range(1, len(session)):
            past, scores, again = session[:place], {}, {}
            for age, item in enumerate(past[::-1][: serving.items]):
                for near, score in table[item].items():
                    scores[near] = scores.get(near, 0) + score * math.exp(-age / serving.decay)
                reminder = math.exp(-age / serving.reminder_decay)
                most = serving.reminder * reminder_scale(rows)
                again[item] = again.get(item, 0) + most * reminder
            new = {item: score for item, score in scores.items() if item not in past}
            both = {k: scores.get(k, 0) + again.get(k, 0) for k in {*scores, *again}}
            target = session[place]
            wanted.append((slow_rank(both, target), slow_rank(new, target)))
    assert found.repeats == pytest.approx([one for one, _ in wanted])
    assert found.discover == pytest.approx([other for _, other in wanted])
