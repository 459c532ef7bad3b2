"""A real Spark on this machine gives what the compiled loops give."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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
from toy_log import open_log

from control_plane.collect.engine.spark import open_spark
from control_plane.errors import WorkError
from control_plane.models.train import train
from control_plane.profiles.people import keep_newest
from control_plane.settings import Spark

pytestmark = [pytest.mark.slow, pytest.mark.spark]

ROOT = Path(__file__).resolve().parents[2]

#: A toy log takes no more; every part costs a task, and compiling twice costs more than it saves.
HERE = {
    "master": "local[2]",
    "config": {
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    },
}


@pytest.fixture(autouse=True, scope="module")
def _pyspark() -> Iterator[None]:
    """Let pyspark be imported from where the locked one is installed, now if need be."""
    command = [sys.executable, ROOT / "scripts" / "fetch_spark.py"]
    folder = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    sys.path.append(folder)
    yield
    sys.path.remove(folder)


def test_spark_counts_the_neighbours_that_the_compiled_loops_count(tmp_path):
    events = tmp_path / "events.parquet"
    with open_log(world(1, events=200)) as log:
        log.execute(f"COPY events TO '{events}' (FORMAT parquet)")
        with open_spark(Spark(**HERE), log, [events], tmp_path) as engine:
            assert_alike(*both_ways(engine, RECIPES[1], 4))
            kept = keep_newest(log, engine, 50)
            newest = engine.table(engine.visits)
            engine.keep("ends", newest.agg(events=newest.count(), since=newest.seconds.min()))
            assert log.execute("SELECT events, since FROM ends").fetchone() == kept
    assert list(tmp_path.iterdir()) == [events]


def test_training_on_spark_gives_the_same_arrays(shop):
    assert_same_arrays(arrays_after(shop, "spark", **HERE), arrays_after(shop, "embedded"))


def test_a_master_that_nobody_answers_for_is_named(shop):
    with pytest.raises(WorkError, match=r"spark://127\.0\.0\.1:9 \(spark\.master\).*'local\[\*\]'"):
        train(with_engine(shop, "spark", master="spark://127.0.0.1:9"))
    assert not shop.models.exists()


def test_what_spark_refuses_is_told_in_its_words(shop):
    with pytest.raises(WorkError, match=r"Starting Spark at 'nowhere' failed: .*Could not parse"):
        train(with_engine(shop, "spark", master="nowhere"))


def test_a_log_file_that_cannot_be_read_is_named(shop):
    next((shop.data / "events").glob("day=*/*.parquet")).write_bytes(b"no parquet")
    with pytest.raises(WorkError, match=r"failed: .*events/day="):
        train(with_engine(shop, "spark", **HERE))
    assert not list(shop.data.glob("spark-*"))
