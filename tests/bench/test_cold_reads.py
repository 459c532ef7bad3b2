"""What a worker with an empty memory reads for its first decision."""

from __future__ import annotations

from typing import Any

import pytest
from cold_reads import cold_reads
from toy_shop import compile_toy, make_project

BODIES: dict[str, dict[str, Any]] = {
    "a newcomer": {"slots": ["home.recommended"]},
    "a session whose rows fill the shelf": {
        "slots": [{"name": "home.recommended", "limit": 2}],
        "session": {"events": [{"event": "view", "item": "shoe-0"}]},
        "consent": {"personalization": True},
    },
    "a session whose rows do not": {
        "slots": [{"name": "home.recommended", "limit": 12}],
        "session": {"events": [{"event": "view", "item": "shoe-0"}]},
        "consent": {"personalization": True},
    },
    "no shelf": {"slots": ["home.hero"]},
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    project = make_project(tmp_path_factory.mktemp("cold"))
    compile_toy(project)
    return dict(zip(BODIES, cold_reads(project, list(BODIES.values())), strict=True))


@pytest.mark.parametrize(
    ("visitor", "reads", "trips"),
    [
        ("no shelf", 2, 2),
        ("a newcomer", 3, 3),
        ("a session whose rows fill the shelf", 3, 3),
        ("a session whose rows do not", 4, 4),
    ],
)
def test_a_cold_decision_reads_no_more_than_it_needs(
    answers: dict[str, dict[str, Any]], visitor: str, reads: int, trips: int
) -> None:
    answer = answers[visitor]
    assert (answer["reads"], answer["trips"]) == (reads, trips)
    assert answer["faults"] == {}
    assert answer["answer"]["decisions"]
