"""Python and the edge decide every case alike, and as the case says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from control_plane.bucket import bucket_ranges, choose_variation, hash_to_unit, in_namespace
from control_plane.conditions import evaluate

GOLDEN = Path(__file__).parents[1] / "golden"
CONDITIONS = json.loads((GOLDEN / "conditions.json").read_text(encoding="utf-8"))
BUCKET = json.loads((GOLDEN / "bucket.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CONDITIONS, ids=lambda case: case["name"])
def test_python_decides_a_condition_as_the_case_says(case: dict[str, Any]) -> None:
    decided = evaluate(case["condition"], case["attributes"], case.get("groups"))
    assert decided is case["expected"]


def test_the_edge_decides_every_condition_as_its_case_says(edge: Any) -> None:
    decided = edge("evaluate", CONDITIONS)
    wrong = [c["name"] for c, d in zip(CONDITIONS, decided, strict=True) if d is not c["expected"]]
    assert wrong == []


@pytest.mark.parametrize("case", BUCKET["hash"], ids=str)
def test_python_hashes_as_the_case_says(case: dict[str, Any]) -> None:
    assert hash_to_unit(case["seed"], case["value"], case["version"]) == case["expected"]


@pytest.mark.parametrize("case", BUCKET["ranges"], ids=lambda case: case["name"])
def test_python_cuts_ranges_as_the_case_says(case: dict[str, Any]) -> None:
    ranges = bucket_ranges(case["count"], case["coverage"], case["weights"])
    assert [list(one) for one in ranges] == [pytest.approx(one) for one in case["expected"]]


@pytest.mark.parametrize("case", BUCKET["choose"], ids=str)
def test_python_chooses_as_the_case_says(case: dict[str, Any]) -> None:
    assert choose_variation(case["n"], case["ranges"]) == case["expected"]


@pytest.mark.parametrize("case", BUCKET["namespace"], ids=str)
def test_python_knows_a_namespaces_people(case: dict[str, Any]) -> None:
    assert in_namespace(case["id"], tuple(case["namespace"])) is case["expected"]


@pytest.mark.parametrize("probe", ["hash", "choose", "namespace"])
def test_the_edge_buckets_as_the_cases_say(edge: Any, probe: str) -> None:
    assert edge(probe, BUCKET[probe]) == [case["expected"] for case in BUCKET[probe]]


def test_the_edge_cuts_ranges_as_the_cases_say(edge: Any) -> None:
    cases = BUCKET["ranges"]
    for case, ranges in zip(cases, edge("ranges", cases), strict=True):
        assert ranges == [pytest.approx(one) for one in case["expected"]], case["name"]
