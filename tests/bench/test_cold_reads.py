"""What a worker with an empty memory reads for its first decision."""

from __future__ import annotations

from typing import Any

import pytest
from cold_reads import cold_reads
from toy_shop import compile_toy, make_project

from control_plane.compiler import manifest
from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key
from control_plane.settings import Project

SESSION = {
    "session": {"events": [{"event": "view", "item": "shoe-0"}]},
    "consent": {"personalization": True},
}


def bodies(project: Project) -> dict[str, dict[str, Any]]:
    secrets = load_visitor_secrets(project.keys)
    anna = format_visitor_key(visitor_key(secrets.secrets[secrets.current], "u", "anna"))
    strip = "home.recommended"
    return {
        "no shelf": {"slots": ["home.hero"]},
        "a newcomer": {"slots": [strip]},
        "rows that fill the shelf": {"slots": [{"name": strip, "limit": 2}], **SESSION},
        "rows that do not": {"slots": [{"name": strip, "limit": 12}], **SESSION},
        "a known visitor": {"slots": [{"name": strip, "limit": 2}], **SESSION, "visitor": anna},
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("cold"))
    compile_toy(project)
    return project


@pytest.fixture(scope="module")
def answers(project: Project) -> dict[str, dict[str, Any]]:
    return asked(project)


def asked(project: Project) -> dict[str, dict[str, Any]]:
    wanted = bodies(project)
    return dict(zip(wanted, cold_reads(project, list(wanted.values())), strict=True))


@pytest.mark.parametrize(
    ("visitor", "reads", "trips"),
    [
        ("no shelf", 2, 2),
        ("a newcomer", 3, 3),
        ("rows that fill the shelf", 3, 3),
        ("rows that do not", 4, 4),
        ("a known visitor", 4, 3),
    ],
)
def test_a_cold_decision_reads_no_more_than_it_needs(
    answers: dict[str, dict[str, Any]], visitor: str, reads: int, trips: int
) -> None:
    answer = answers[visitor]
    assert (answer["reads"], answer["trips"]) == (reads, trips)
    assert answer["faults"] == {}
    assert answer["answer"]["decisions"]


@pytest.mark.parametrize("moved", [("locator",), ("visitors", "locator", "items")], ids=str)
def test_a_manifest_of_two_levels_decides_the_same_in_one_trip_more(
    answers: dict[str, dict[str, Any]],
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    moved: tuple[str, ...],
) -> None:
    monkeypatch.setattr(manifest, "MOVES", (moved,))
    compile_toy(project)
    for visitor, answer in asked(project).items():
        assert answer["faults"] == {}
        assert answer["trips"] <= answers[visitor]["trips"] + 1
        assert answer["reads"] <= answers[visitor]["reads"] + 3
        assert shown(answer) == shown(answers[visitor])


def shown(answer: dict[str, Any]) -> list[Any]:
    decisions = answer["answer"]["decisions"].values()
    return [(one["content"], one["items"], one["reason"]) for one in decisions]
