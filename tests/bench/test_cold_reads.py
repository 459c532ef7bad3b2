"""What a worker with an empty memory reads for its first decision."""

from __future__ import annotations

from typing import Any

import pytest
from cold_reads import cold_reads
from toy_shop import compile_toy, make_project

from control_plane.collect.stock import StockLine
from control_plane.compiler import manifest
from control_plane.deploy import overlay_changes
from control_plane.deploy.folder import Folder
from control_plane.deploy.overlay import change_overlays
from control_plane.deploy.stock import change_stock
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


def overlaid(project: Project, lines: dict[str, StockLine]) -> dict[str, dict[str, Any]]:
    """Return the answers where stock has changed and somebody was erased."""

    def change(store: Folder) -> None:
        for make in (
            lambda target, head: change_stock(target, project, head, lines, {}),
            lambda target, head: overlay_changes.erase(target, head, "k1", [1 << 60]),
        ):
            change_overlays(store, project, make, sleep=lambda seconds: None)

    wanted = bodies(project)
    return dict(zip(wanted, cold_reads(project, list(wanted.values()), change), strict=True))


def test_small_overlays_are_read_beside_the_rows(
    answers: dict[str, dict[str, Any]], project: Project
) -> None:
    compile_toy(project)
    for visitor, answer in overlaid(project, {"hat-3": StockLine(True, 500)}).items():
        assert answer["trips"] == answers[visitor]["trips"]
        assert answer["reads"] <= answers[visitor]["reads"] + 2
        assert shown(answer) == shown(answers[visitor])


def test_of_large_overlays_only_what_candidates_need_is_read(
    answers: dict[str, dict[str, Any]], project: Project
) -> None:
    compile_toy(project)
    many = {f"sku-{number}": StockLine(True, number) for number in range(40_000)}
    for visitor, answer in overlaid(project, many).items():
        assert answer["trips"] <= answers[visitor]["trips"] + 1
        assert shown(answer) == shown(answers[visitor])


def shown(answer: dict[str, Any]) -> list[Any]:
    decisions = answer["answer"]["decisions"].values()
    return [(one["content"], one["items"], one["reason"]) for one in decisions]
