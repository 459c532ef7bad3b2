"""Counts neighbours of nine million clicks from a log on disk, by each engine in turn.

    python tests/bench/engines.py DATA [--copies 13] [--memory 1GB] [--engines duckdb spark]

DATA holds RetailRocket's `train.parquet` (session_id, item_id, timestamp). Copies of it, each with
a catalogue of its own, make an event log in Parquet; each engine reads it in a process of its own,
DuckDB within `--memory`, Spark within that of its driver. Spark wants pyspark on PYTHONPATH (see
scripts/fetch_spark.py). Prints JSON: seconds of wall and step, what this process and Spark's had in
memory at most, what DuckDB had on disk at most, and whether the table is the embedded one: the same
items in the same places, scores to 6 digits.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from control_plane.collect.duck import open_duck
from control_plane.collect.engine.duck import DuckEngine
from control_plane.collect.engine.spark import open_spark
from control_plane.models.neighbours import Neighbours, fit_sessions
from control_plane.models.pairs import fit_log
from control_plane.models.recipe import DEFAULT
from control_plane.profiles.interest import load_interest
from control_plane.profiles.people import resolve_people
from control_plane.settings import Spark

NEIGHBOURS, GAP_SECONDS = 50, 1800
ENGINES = ("embedded", "duckdb", "spark")

_LOG = """
COPY (
    SELECT concat(copy, ':', number) AS message_id, 'Product Viewed' AS event,
           NULL::UBIGINT AS device_id, concat(copy, ':', session_id) AS session_id,
           hash(copy, session_id) AS "user", make_timestamp(timestamp * 1000000) AS timestamp,
           ['personalization'] AS consent, false AS is_bot, number AS sequence,
           MAP {{}}::MAP(VARCHAR, VARCHAR) AS context, NULL::VARCHAR AS order_id,
           [{{'item_id': concat(copy, ':', item_id), 'quantity': 1}}] AS lines
    FROM (SELECT *, row_number() OVER () AS number FROM '{clicks}'), range({copies}) t(copy)
) TO '{log}' (FORMAT parquet)
"""


def count(engine: str, log: Path, memory: str, spark: Spark) -> dict[str, Any]:
    """Count the log's neighbours by one engine; keep the rows beside the log, return figures."""
    with tempfile.TemporaryDirectory(dir=log.parent) as scratch:
        spill = Path(scratch, "spill")
        connection = open_duck(spill, memory)
        connection.execute(f"CREATE VIEW events AS SELECT * FROM '{log}'")
        connection.execute("CREATE TABLE items (item_id VARCHAR)")
        before, wall = _peak(), time.perf_counter()
        with _watching(spill) as spilled:
            if engine == "spark":
                with open_spark(spark, connection, [log], Path(scratch)) as opened:
                    steps, table = _by_engine(opened)
                    java = _java_peak()
            else:
                fit = _embedded if engine == "embedded" else _by_engine
                (steps, table), java = fit(DuckEngine(connection)), 0.0
        rows = {name: getattr(table.rows, name) for name in ("indptr", "items", "scores")}
        np.savez(log.with_name(f"{engine}.npz"), **rows)
        return {
            "seconds": round(time.perf_counter() - wall, 1),
            "steps": steps,
            "pairs": table.pairs,
            "more_mb": round(_peak() - before),
            "java_mb": round(java),
            "spilled_mb": round(max(spilled)),
        }


def _by_engine(engine: Any) -> tuple[dict[str, float], Neighbours]:
    connection, start = engine.connection, time.perf_counter()
    resolve_people(connection, engine=engine)
    people = time.perf_counter()
    query = "SELECT DISTINCT lines[1].item_id AS item FROM events ORDER BY item"
    ids = [row[0] for row in connection.execute(query).fetchall()]
    leader = np.arange(len(ids), dtype=np.int32)
    table = fit_log(engine, ids, leader, GAP_SECONDS, NEIGHBOURS, DEFAULT)
    return _seconds(start, people), table


def _embedded(engine: DuckEngine) -> tuple[dict[str, float], Neighbours]:
    connection, start = engine.connection, time.perf_counter()
    resolve_people(connection, engine=engine)
    people = time.perf_counter()
    interest = load_interest(connection, GAP_SECONDS)
    table = fit_sessions(interest.sessions(), len(interest.item_ids), NEIGHBOURS)
    return _seconds(start, people), table


def _seconds(start: float, people: float) -> dict[str, float]:
    now = time.perf_counter()
    return {"people": round(people - start, 1), "neighbours": round(now - people, 1)}


def alike(one: Path, other: Path) -> bool:
    """Say whether two tables are the same, scores to 6 digits."""
    a, b = np.load(one), np.load(other)
    same = all(np.array_equal(a[name], b[name]) for name in ("indptr", "items"))
    return same and bool(np.allclose(a["scores"], b["scores"], rtol=1e-6, atol=0))


@contextmanager
def _watching(spill: Path) -> Iterator[list[float]]:
    """Note how many megabytes a folder has, now and then, until the end."""
    seen, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            sizes = [file.stat().st_size for file in spill.glob("*") if file.exists()]
            seen.append(sum(sizes) / 2**20)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _java_peak() -> float:
    from pyspark import SparkContext

    return _peak(str(SparkContext._gateway.proc.pid))


def _peak(process: str = "self") -> float:
    # Not getrusage, whose figure a process has from the one that started it.
    status = Path("/proc", process, "status").read_text(encoding="ascii")
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Run the benchmark, or with --only one engine's turn, and print figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--copies", type=int, default=13)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--driver-memory", default="4g")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--only", choices=ENGINES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        spark = Spark(config={"spark.driver.memory": chosen.driver_memory})
        print(json.dumps(count(chosen.only, chosen.data, chosen.memory, spark)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "log.parquet")
        clicks = chosen.data / "train.parquet"
        duckdb.execute(_LOG.format(clicks=clicks, copies=chosen.copies, log=log))
        told: dict[str, Any] = {"log_mb": round(log.stat().st_size / 2**20)}
        for engine in chosen.engines:
            command = [sys.executable, __file__, str(log), "--only", engine]
            command += ["--memory", chosen.memory, "--driver-memory", chosen.driver_memory]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            told[engine] = json.loads(done.stdout)
            if engine != "embedded" and "embedded" in told:
                same = alike(log.with_name(f"{engine}.npz"), log.with_name("embedded.npz"))
                told[engine]["as_embedded"] = same
        print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
