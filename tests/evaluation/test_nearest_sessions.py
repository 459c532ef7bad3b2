"""Nearest-session methods in a world of five sessions."""

from __future__ import annotations

import numpy as np
import pytest
from toy_log import made_sessions
from toy_shop import sets

from control_plane.evaluation.nearest_sessions import (
    VMIS_RECIPE,
    VSTAN_RECIPE,
    NearestSessions,
    Recipe,
)
from control_plane.models.artifacts import Sets

BREAD, BUTTER, JAM, SOAP, TOWEL, BRUSH = range(6)

LISTS = [[BREAD, BUTTER], [BREAD, JAM, BUTTER], [SOAP, TOWEL], [SOAP, BRUSH], [SOAP, BRUSH]]
SESSIONS = made_sessions(LISTS, 86_400)


def ask(recipe: Recipe, *items: int, excluded: Sets | None = None) -> list[int]:
    history = Sets(np.array([0, len(items)]), np.array(items, dtype=np.int32))
    return NearestSessions(recipe, SESSIONS, 6)(history, excluded, 4)[0].tolist()


@pytest.mark.parametrize("recipe", [VMIS_RECIPE, VSTAN_RECIPE])
def test_sessions_of_the_same_taste_say_what_comes_next(recipe: Recipe) -> None:
    assert set(ask(recipe, BREAD)) == {BREAD, BUTTER, JAM, -1}
    assert set(ask(recipe, SOAP)) == {SOAP, TOWEL, BRUSH, -1}


@pytest.mark.parametrize("recipe", [VMIS_RECIPE, VSTAN_RECIPE])
def test_what_is_excluded_is_not_shown(recipe: Recipe) -> None:
    assert ask(recipe, SOAP, excluded=sets([[SOAP, BRUSH]])) == [TOWEL, -1, -1, -1]


@pytest.mark.parametrize("recipe", [VMIS_RECIPE, VSTAN_RECIPE])
def test_the_newest_item_counts_most(recipe: Recipe) -> None:
    assert ask(recipe, BREAD, BREAD, SOAP)[0] in (SOAP, BRUSH, TOWEL)


def test_vmis_scores_are_those_of_the_paper() -> None:
    # At hand: bread, then jam, the newest: positions weigh 1/2 and 2/2. Session 0 shares bread
    # (r = .5, matched one step ago: .9), session 1 both (r = 1.5, matched at the last step: 1).
    idf = {item: np.log(5 / n) for item, n in {BREAD: 2, BUTTER: 2, JAM: 1}.items()}
    scores = {
        BREAD: (0.5 * 0.9 + 1.5) * idf[BREAD],
        BUTTER: (0.5 * 0.9 + 1.5) * idf[BUTTER],
        JAM: 1.5 * idf[JAM],
    }
    ranked = sorted(scores, key=lambda item: (-scores[item], item))
    assert ask(VMIS_RECIPE, BREAD, JAM) == [*ranked, -1]
    assert ranked == [JAM, BREAD, BUTTER]


def test_an_item_nobody_knows_has_no_neighbours() -> None:
    recipe = VMIS_RECIPE
    world = made_sessions([[BREAD]])
    history = Sets(np.array([0, 1]), np.array([1], dtype=np.int32))
    assert NearestSessions(recipe, world, 2)(history, None, 3).tolist() == [[-1, -1, -1]]
