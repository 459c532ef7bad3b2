"""Segments at the edge: a visitor's row, else what their session tells, and the marketer's own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from toy_shop import RULES, World, make_project, start_worker, toy_catalogue, toy_model, views

from control_plane.compiler.build import compile_release
from control_plane.deploy.publish import publish
from control_plane.errors import InputError
from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key
from control_plane.models.artifacts import Model, Segment

OWN = """
  by.segment: {default: segment-shelf}
segments:
  big-spenders: {when: {cart.value: {$gte: 100}}}
  hat-page: {when: {page.category: hats}}
"""


def with_conditions(model: Model) -> Model:
    """Let sessions tell the toy segments; the first of the two conditions that fits counts."""
    shoes = {"session.categories": {"$in": ["shoes"]}, "session.views": {"$gte": 2}}
    hats = {"session.categories": {"$in": ["hats", "shoes"]}, "session.views": {"$gte": 1}}
    fans = msgspec.structs.replace(model.segments[0], when=shoes)
    others = [
        Segment(key="unlearned", name="No condition", size=1, traits={}),
        Segment(key="hatters", name="Hatters", size=1, traits={}, when=hats),
    ]
    return msgspec.structs.replace(model, segments=[fans, *others])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    shelf = "content:\n  segment-shelf: {items: {from: [segment], limit: 2}}"
    project = make_project(
        tmp_path_factory.mktemp("segments"), RULES.replace("content:", shelf) + OWN
    )
    with start_worker(project) as worker, toy_catalogue() as log:
        world = World(project, worker)
        compile_release(project, with_conditions(toy_model(project)), log)
        publish(world.target, project.build / "current", project)
        yield world


def segments(world: World, slot: str = "home.hero", **body: object) -> list[str]:
    return world.decide(slot, **body)["segments"]


def test_a_session_places_a_visitor_without_a_row(world: World) -> None:
    assert segments(world, session=views("shoe-1", "shoe-2")) == ["shoe-fans"]
    assert segments(world, session=views("hat-1")) == ["hatters"]
    assert segments(world) == []


def test_the_first_learned_condition_that_fits_counts(world: World) -> None:
    assert segments(world, session=views("hat-1", "shoe-1")) == ["shoe-fans"]


def test_a_row_goes_before_the_session(world: World) -> None:
    secrets = load_visitor_secrets(world.project.keys)
    anna = format_visitor_key(visitor_key(secrets.secrets["k1"], "u", "anna"))
    assert segments(world, visitor=anna, session=views("hat-1")) == ["shoe-fans"]


def test_rules_and_the_segment_stage_see_live_segments(world: World) -> None:
    session = views("shoe-1", "shoe-2")
    hero = world.decide("home.hero", session=session)["decisions"]["home.hero"]
    assert hero["reason"] == "rule:fan"
    assert world.decide("home.recommended", session=session)["segments"] == ["shoe-fans"]
    few = {"events": [{"event": "view", "item": "unknown"}] * 2}
    shelf = world.decide("by.segment", session={"events": few["events"] + session["events"]})
    assert shelf["decisions"]["by.segment"]["items"] == ["shoe-4", "shoe-3"]
    assert shelf["decisions"]["by.segment"]["reason"] == "segment"


def test_the_marketers_segments_stand_beside_the_learned_one(world: World) -> None:
    found = segments(
        world,
        session=views("hat-1"),
        page={"category": "hats"},
        attributes={"cart": {"value": 120}},
    )
    assert found == ["hatters", "big-spenders", "hat-page"]


def test_without_consent_there_are_no_segments(world: World) -> None:
    found = segments(
        world, session=views("hat-1"), page={"category": "hats"}, consent={"personalization": False}
    )
    assert found == []


def test_segments_that_a_trusted_caller_names_are_those(world: World) -> None:
    named = segments(world, session=views("hat-1"), attributes={"segments": ["x"]})
    assert named == ["x"]


def test_a_page_places_its_visitor_by_the_session_cookie(world: World) -> None:
    now = np.base_repr(int(time.time()), 36).lower()
    cookies = {
        "fs_c": f"1.personalization.{int(time.time())}",
        "fs_id": "E" * 22,
        "fs_s": f"1.{now}.{now}.2.0.0.vshoe-1~vshoe-2",
    }
    assert "<b>fan</b>" in world.get("/", cookies).text
    assert "<b>fan</b>" not in world.get("/").text


@pytest.mark.parametrize(
    ("segments", "said", "remedy"),
    [
        ("{shoe-fans: {when: {country: FR}}}", "has a segment of this name", "another name"),
        ("{a: {when: {segments: {$in: [b]}}}}", "asks about segments", "what they do"),
        ("{a: {when: {}}}", "everyone would be in it", "attribute"),
        ("{a: {wen: {country: FR}}}", "unknown key 'wen'", "'when'"),
        ("{a: {when: {contry: FR}}}", "unknown attribute", "'country'"),
        ("{a b: {when: {country: FR}}}", "not fit as a segment's name", "letters"),
    ],
)
def test_a_segment_that_cannot_be_is_refused(
    tmp_path: Path, segments: str, said: str, remedy: str
) -> None:
    project = make_project(tmp_path, f"slots: {{}}\nsegments: {segments}\n")
    with toy_catalogue() as log, pytest.raises(InputError) as caught:
        compile_release(project, toy_model(project), log)
    assert "rules.yaml:2" in str(caught.value)
    assert said in str(caught.value)
    assert remedy in str(caught.value)
