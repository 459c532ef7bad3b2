"""What a worker with an empty memory reads for its first decision."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from cold_reads import cold_reads
from toy_shop import HATS, ITEMS, SHOES, compile_toy, make_project, rows, toy_catalogue, toy_model

from control_plane.collect.stock import StockLine
from control_plane.compiler import manifest
from control_plane.compiler.build import compile_release
from control_plane.deploy.folder import Folder
from control_plane.deploy.overlays import changes as overlay_changes
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.overlays.stock import change_stock
from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key
from control_plane.models.artifacts import Model
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


OTHER_SHELVES = """
content:
  together: {items: {from: [also_bought, popular], limit: 2}}
  alike: {items: {from: [item, also_bought], limit: 6}}
  trends: {items: {from: [trending], limit: 2}}
slots:
  page.together: {default: together}
  page.alike: {default: alike}
  page.trends: {default: trends}
"""


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The toy shop, in which every shoe is bought with every hat, and a hat trends."""
    project = make_project(tmp_path_factory.mktemp("shelves"), OTHER_SHELVES)
    with toy_catalogue() as log:
        compile_release(project, with_shelves(toy_model(project)), log)
    return project


def with_shelves(model: Model) -> Model:
    hats, shoes = ([n for n, i in enumerate(ITEMS) if i in kind] for kind in (HATS, SHOES))
    bought = rows([[(n, 1.0) for n in (hats if item in SHOES else shoes)] for item in ITEMS])
    return msgspec.structs.replace(
        model,
        related={"also_bought": bought},
        latest={"trending": np.array(hats[:3], dtype=np.int32)},
    )


@pytest.mark.parametrize(
    ("slot", "limit", "body", "reads", "trips"),
    [
        # Head; manifest; the item's own value and its other rows at once, cards among them.
        ("page.together", 2, {"page": {"item": "shoe-0"}}, 4, 3),
        ("page.together", 2, {"session": {"events": [{"event": "cart", "item": "hat-0"}]}}, 4, 3),
        ("page.trends", 2, {}, 3, 3),
        # Rows of a later stage only when the first leaves room, along with its cards.
        ("page.alike", 2, {"page": {"item": "shoe-0"}}, 3, 3),
        ("page.alike", 6, {"page": {"item": "shoe-0"}}, 4, 4),
    ],
)
def test_other_rows_are_read_along_with_the_items_own_and_only_when_asked_for(
    shelves: Project, slot: str, limit: int, body: dict[str, Any], reads: int, trips: int
) -> None:
    asked = {"slots": [{"name": slot, "limit": limit}], "consent": {"personalization": True}}
    (answer,) = cold_reads(shelves, [asked | body])
    assert len(answer["answer"]["decisions"][slot]["items"]) == limit
    assert (answer["reads"], answer["trips"]) == (reads, trips)
    assert answer["faults"] == {}


def test_other_rows_of_a_manifest_of_two_levels_are_found(
    shelves: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"slots": ["page.together"], "page": {"item": "shoe-0"}}
    (whole,) = cold_reads(shelves, [asked])
    monkeypatch.setattr(manifest, "MOVES", (("locator", "items"),))
    with toy_catalogue() as log:
        compile_release(shelves, with_shelves(toy_model(shelves)), log)
    (moved,) = cold_reads(shelves, [asked])
    assert shown(moved) == shown(whole)
    assert shown(whole)[0][2] == "also_bought"
    assert moved["trips"] <= whole["trips"] + 1
    assert moved["faults"] == {}
