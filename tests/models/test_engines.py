"""What grows with the log gives the same on DuckDB, within its memory, as in memory."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from engine_worlds import (
    RECIPES,
    arrays_after,
    assert_alike,
    assert_same_arrays,
    both_ways,
    with_engine,
    world,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_log import event, open_log
from toy_walkers import make_shop

from control_plane.collect.duck import open_duck
from control_plane.collect.engine.duck import DuckEngine
from control_plane.errors import InputError, WorkError
from control_plane.models.habits import clock_changes
from control_plane.models.pairs import fit_log
from control_plane.models.recipe import DEFAULT
from control_plane.models.train import train
from control_plane.settings import load_project


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from(RECIPES), st.integers(1, 8))
def test_duckdb_counts_the_neighbours_that_the_compiled_loops_count(seed, recipe, limit):
    with open_log(world(seed)) as log:
        assert_alike(*both_ways(DuckEngine(log), recipe, limit))


def test_a_log_of_nothing_to_recommend_makes_an_empty_table():
    with open_log([event("a", user=1)]) as log:
        table, same = both_ways(DuckEngine(log), DEFAULT, 5)
        assert_alike(table, same)
        assert table.rows.indptr.tolist() == [0, 0]


def test_training_on_duckdb_gives_the_same_arrays(shop):
    assert_same_arrays(arrays_after(shop, "duckdb"), arrays_after(shop, "embedded"))


@pytest.mark.slow
def test_a_table_larger_than_memory_spills_and_is_the_same(tmp_path):
    counted = {}
    for limit in ("60MB", "4GB"):
        spill = tmp_path / limit
        with open_duck(spill, limit) as log:
            log.execute(
                """
                CREATE VIEW acts AS
                SELECT (i // 20 + 1)::UBIGINT AS person, NULL::VARCHAR AS session_id,
                       i::VARCHAR AS message_id, make_timestamp(i * 1000000) AS timestamp,
                       i AS sequence, i AS seconds, 'Product Viewed' AS event,
                       [{'item_id': ((i * i * 7919 + i // 20) % 3001)::VARCHAR}] AS lines
                FROM range(150_000) t(i)
                """
            )
            leader = np.arange(3001, dtype=np.int32)
            ids = [str(number) for number in range(3001)]
            counted[limit] = fit_log(DuckEngine(log), ids, leader, 1800, 20, DEFAULT)
            spilled = sum(file.stat().st_size for file in spill.glob("*"))
            assert (spilled > 0) == (limit == "60MB")
    assert_alike(counted["60MB"], counted["4GB"])
    assert counted["60MB"].pairs > 500_000


@pytest.mark.parametrize(
    ("zone", "changes"),
    [
        ("UTC", [(0, 0)]),
        ("Asia/Kolkata", [(0, 19_800)]),
        ("Europe/Paris", [(0, 3600), (1774746000, 7200), (1792890000, 3600)]),
    ],
)
def test_the_changes_of_a_zones_clock_are_found_to_the_second(zone, changes):
    oldest, newest = 1767225600, 1798761600  # the year 2026
    found = clock_changes(oldest, newest, zone)
    assert [(max(since, oldest), ahead) for since, ahead in found] == [
        (max(since, oldest), ahead) for since, ahead in changes
    ]


@pytest.mark.parametrize(
    ("setting", "choices"),
    [
        ('engine = "sparc"', "'embedded', 'duckdb', 'spark'"),
        ('segments_algorithm = "kmens"', "'kmeans', 'hierarchical', 'hdbscan', 'dbscan'"),
    ],
)
def test_of_a_setting_with_few_choices_they_are_named(tmp_path, setting, choices):
    (tmp_path / "frontshelf.toml").write_text(f"[train]\n{setting}\n", encoding="utf-8")
    field = setting.split()[0]
    with pytest.raises(InputError, match=rf"train\.{field}: .*\n  Give one of {choices}\."):
        load_project(tmp_path, {})


def test_without_pyspark_it_is_said_how_to_get_it(shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(InputError, match=r"train\.engine: .*\n  Install it \(pip install"):
        train(with_engine(shop, "spark"))
    assert not shop.models.exists()


def test_without_events_no_spark_is_started(tmp_path):
    with pytest.raises(WorkError, match="frontshelf ingest"):
        train(with_engine(make_shop(tmp_path), "spark"))
