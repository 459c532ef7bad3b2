"""The benchmark runs, measures what it says it measures, and refuses what it does not know."""

import json
import os
import subprocess

import numpy as np
import pytest
from command_line import COMMAND

from control_plane.bench.client import Client, get
from control_plane.bench.measure import Contender, Round, alternate, cpu_seconds, ratios
from control_plane.bench.processors import apart
from control_plane.bench.shop import NEIGHBOURS, Size, catalogue, make_model, make_shelf
from control_plane.emulator.miniflare import Miniflare, Options
from control_plane.errors import PlatformError

SPIN = """export default { fetch(request) {
  const until = Date.now() + 20;
  while (Date.now() < until);
  return new Response("spun");
} };"""
CHUNKS = """export default { fetch(request) {
  if (new URL(request.url).pathname !== "/chunks") return new Response("plain");
  const parts = ["one ", "two ", "three"], bytes = new TextEncoder();
  return new Response(new ReadableStream({ pull(stream) {
    const part = parts.shift();
    if (part) stream.enqueue(bytes.encode(part)); else stream.close();
  } }));
} };"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory, workerd):
    """Run `frontshelf bench edge` with a cache of its own."""
    cache = tmp_path_factory.mktemp("cache")

    def run(*arguments):
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "WORKERD_BIN": str(workerd)}
        return subprocess.run(
            [*COMMAND, "bench", "edge", "--items", "2000", *arguments],
            capture_output=True, text=True, timeout=240, env=environment, check=False,
        )  # fmt: skip

    return run


def test_ratios_of_one_run_are_reported(bench):
    run = bench("--rounds", "2", "--requests", "40", "--only", "slot", "--only", "decide", "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert [one["name"] for one in report["ratios"]] == ["slot", "decide"]
    assert set(report["micros"]) == {"slot", "constant", "decide", "parse"}
    for one in report["ratios"]:
        assert 0 < one["ratio"]["min"] <= one["ratio"]["median"] <= one["ratio"]["max"]


def test_a_second_run_keeps_the_shop_and_speaks_to_people(bench):
    run = bench("--rounds", "1", "--requests", "20", "--only", "slot-html")
    assert run.returncode == 0, run.stderr
    assert "once" not in run.stderr
    assert "a slot of fixed markup / a 1 KB constant" in run.stdout


@pytest.mark.slow
def test_pages_flags_and_growthbook_are_compared(bench):
    names = ["page", "page-floor", "ofrep", "growthbook", "growthbook-fresh"]
    only = [word for name in names for word in ("--only", name)]
    run = bench("--rounds", "1", "--requests", "20", "--json", *only)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert [one["name"] for one in report["ratios"]] == names
    assert {one["bar"] for one in report["ratios"]} == {1.3, 1.6, None}


@pytest.mark.slow
def test_what_is_no_ratio_is_told_too(bench):
    names = ["first-byte", "compute", "cold", "zipf", "memory"]
    only = [word for name in names for word in ("--only", name)]
    run = bench("--requests", "50", "--json", *only)
    assert run.returncode == 0, run.stderr
    others = json.loads(run.stdout)["others"]
    assert list(others) == names
    first, held = others["first-byte"], others["first-byte"]["origin_holds_ms"]
    assert first["filled_ms"]["min"] < held, "the first half's slot waits for nothing below it"
    assert others["compute"]["p50_ms"] <= others["compute"]["p99_ms"]
    assert others["cold"]["values_median"] >= others["cold"]["steps_median"] >= 3
    cold = others["cold"]
    assert (cold["manifest_levels"], cold["bar_steps"]) == (1, 4), "a small shop's lists fit it"
    assert len(others["zipf"]["hit_rate"]) == 10
    assert others["memory"]["visitors"] == others["memory"]["items"] == 2000
    assert others["memory"]["served"] == 20 * 50
    assert others["memory"]["rss_end_mb"] > others["memory"]["cache_max_mb"] > 0


def test_an_unknown_scenario_is_refused(bench):
    run = bench("--only", "slto")
    assert run.returncode == 2
    assert "Did you mean 'slot'?" in run.stderr


def test_the_cpu_is_the_servers_own():
    with Miniflare(Options(script=SPIN)) as worker:
        spun = Contender("spun", worker, [get("/")], b"spun")
        (one,) = alternate([spun], rounds=1, requests=20)
    assert one.micros["spun"] > 5_000, "a request that spins for 20 ms costs CPU"


def test_a_failing_answer_is_never_measured():
    with Miniflare(Options(script=CHUNKS)) as worker:
        wrong = Contender("wrong", worker, [get("/")], b"fs-card", 12)
        with pytest.raises(PlatformError, match="is not measured"):
            next(alternate([wrong], 1, 1))


def test_answers_of_known_and_unknown_length_are_read():
    with Miniflare(Options(script=CHUNKS)) as worker, Client(worker.ready) as client:
        for _ in range(3):
            assert client.ask(get("/")) == b"plain"
            assert client.ask(get("/chunks")) == b"one two three"
        assert worker.pid
        assert cpu_seconds(worker.pid) > 0


def processors(pid):
    tasks = os.listdir(f"/proc/{pid}/task")
    return {processor for task in tasks for processor in os.sched_getaffinity(int(task))}


def test_measuring_and_measured_have_processors_of_their_own():
    allowed = os.sched_getaffinity(0)
    with Miniflare(Options(script=CHUNKS)) as worker:
        assert worker.pid
        with apart([worker.pid]):
            ours, theirs = processors(os.getpid()), processors(worker.pid)
            if len(allowed) > 1:
                assert len(ours) == 1
                assert theirs == allowed - ours
        assert processors(worker.pid) == os.sched_getaffinity(0) == allowed


def test_ratios_are_taken_pair_by_pair():
    rounds = [Round({"a": 3.0, "b": 2.0}), Round({"a": 10.0, "b": 10.0}), Round({"a": 4, "b": 2})]
    spread = ratios(rounds, "a", "b")
    assert (spread.min, spread.median, spread.max) == (1.0, 1.5, 2.0)


def test_the_made_up_shop_is_clustered_and_the_same_each_time():
    size = Size(3000, 50)
    keys = np.arange(50, dtype=np.uint64)
    model, again = make_model(size, keys, "k1"), make_model(size, keys, "k1")
    rows = model.neighbours.items.reshape(-1, NEIGHBOURS)
    assert (rows == again.neighbours.items.reshape(-1, NEIGHBOURS)).all()
    assert all(len(set(row)) == NEIGHBOURS for row in rows.tolist())
    assert not (rows == np.arange(3000)[:, None]).any()
    assert (np.diff(make_shelf(3000).firsts) >= 60).all()
    with catalogue(size) as log:
        count, titles = log.execute("SELECT count(*), count(DISTINCT title) FROM items").fetchone()
    assert count == 3000
    assert titles > 1000
