"""What values read and written cost, in cases whose answers are obvious."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from toy_shop import RULES, compile_toy, make_project, toy_model

from control_plane.cli import main
from control_plane.deploy.forecast import SECONDS_A_YEAR, Load, forecast, misses
from control_plane.deploy.sizing import Shop
from control_plane.models.artifacts import save

LARGE = Shop(visitors=1_000_000, items=200_000)


def told(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["plan", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(("lookups", "room"), [(200, 1000), (2000, 1000), (5000, 300)])
def test_misses_are_those_of_a_cache_that_forgets_the_oldest(lookups: int, room: int) -> None:
    values, draw = 500, np.random.default_rng(3)
    cache: dict[int, None] = {}
    missed = 0
    for value in draw.integers(0, values, lookups).tolist():
        missed += value not in cache
        cache.pop(value, None)
        cache[value] = None
        if len(cache) > room:
            del cache[next(iter(cache))]
    assert misses(lookups, values, room) == pytest.approx(missed, rel=0.06)


def test_nothing_is_missed_where_there_is_nothing() -> None:
    assert misses(1000, 0, 10) == 0


def test_a_location_of_three_requests_a_second_is_cold_for_long() -> None:
    found = forecast(LARGE, Load(events=0, requests=1000))
    assert found.requests_a_location == pytest.approx(3.33, rel=0.01)
    visitors = next(table.values for table in found.tables if table.kind == "visitors")
    long, short = found.reads
    assert short.met == pytest.approx(1 - math.exp(-1000 / visitors))
    assert short.met < long.met
    assert short.a_year > long.a_year


def test_a_key_per_visitor_costs_a_write_each_and_a_read_a_request() -> None:
    load = Load(events=0, requests=1000, releases_per_day=1)
    paid = forecast(LARGE, load).outlay
    assert paid.keyed_writes == pytest.approx(1_000_000 * 365 * 5e-6)
    assert paid.keyed_reads == pytest.approx(1000 * SECONDS_A_YEAR * 0.5e-6)
    assert paid.visitor_writes < paid.keyed_writes / 100
    assert paid.visitor_reads_high < paid.keyed_reads


def test_without_releases_nothing_is_written() -> None:
    assert forecast(LARGE, Load(events=0, requests=1, releases_per_day=0)).outlay.writes == 0


def test_an_empty_shop_costs_little_and_divides_by_nothing() -> None:
    found = forecast(Shop(visitors=0, items=0), Load(events=0, requests=0.001))
    assert found.outlay.visitor_reads_high == 0
    assert found.machine.fits


def test_one_machine_ends_where_it_says_it_ends() -> None:
    most = forecast(LARGE, Load(events=0, requests=1)).machine.most_events
    assert forecast(LARGE, Load(events=most, requests=1)).machine.fits
    assert not forecast(LARGE, Load(events=most + 1000, requests=1)).machine.fits


def test_numbers_of_the_project_hold_unless_others_are_given(tmp_path: Path) -> None:
    project = make_project(tmp_path, RULES)
    (tmp_path / "frontshelf.toml").write_text('[shop]\nname = "toy"\nenvironment = "test"\n')
    model = msgspec.structs.replace(toy_model(project), report={"counts": {"events": 77}})
    save(model, project.models)
    release = compile_toy(project)
    found = told("--project", str(tmp_path), "--visitors", "5000")
    shop = found["shop"]
    assert (shop["items"], shop["visitors"]) == (release.items, 5000)
    assert shop["neighbours"] == len(model.neighbours.items) / release.items
    assert found["load"]["events"] == 77


def test_text_names_every_table_and_both_ways_to_store_visitors() -> None:
    result = CliRunner().invoke(main, ["plan", "--requests", "1000"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    words = ("neighbours", "cards", "related", "visitors", "popular", "manifest", "US dollars")
    for word in (*words, "a key per visitor", "One machine"):
        assert word in result.stdout, word


def test_no_requests_are_no_plan() -> None:
    assert CliRunner().invoke(main, ["plan", "--requests", "0"]).exit_code == 2
