"""The page that `train` writes: what was learned, told to marketers and to data people."""

from __future__ import annotations

import re
from html import unescape

import msgspec
import numpy as np
import pytest
from toy_log import event, item, open_log

from control_plane.models.learn import learn
from control_plane.models.naming import _MEASURES, _WORDS
from control_plane.models.page import page_html
from control_plane.models.report import segment_warnings
from control_plane.models.report_page import report_page
from control_plane.models.segments import Clustering, Tried
from control_plane.settings import Train

CATALOGUE = [item(f"{kind}-{n}", f"{kind}s", 1000) for kind in ("Shoe", "Hat") for n in range(6)]
TRIED = Tried(parameter=3.0, segments=2, silhouette=0.5, within=0.2, grouped=0.7)
OWN = {
    "hat-fans": {"session.categories": {"$in": ["Hats"]}},
    "readers": {"$or": [{"utm.campaign": "letter"}, {"country": "FR"}]},
}


def model_of(people, previous=None, **settings):
    """Return what is learned of people who like shoes or hats, and how many hats."""
    events = [
        event(f"{'Hat' if person % 3 else 'Shoe'}-{(person + n) % 6}", user=person, at=person + n)
        for person in range(1, people + 1)
        for n in range(4)
    ]
    with open_log(sorted(events, key=lambda row: row["timestamp"]), CATALOGUE) as log:
        return learn(log, Train(**settings), own_segments=OWN, previous=previous)


@pytest.fixture(scope="module")
def model():
    return model_of(240)


def texts(model):
    """Return the page's texts without tags."""
    told = page_html(report_page(model, "Hats & more"))
    return unescape(
        re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", told, flags=re.S))
    )


def test_the_page_names_every_segment_with_its_size_and_what_sets_it_apart(model):
    told = texts(model)
    assert "What Frontshelf learned: Hats & more" in told
    assert len(model.segments) > 1
    for segment in model.segments:
        assert segment.name in told
        assert f"{segment.size:,} ({segment.size / 240:.0%})" in told
    assert "More than others: Hats" in told
    assert "More than others: Shoes" in told


def test_the_page_tells_how_many_segments_were_tried_and_how_they_did(model):
    page = page_html(report_page(model, "shop"))
    assert {"Silhouette", "Elbow"} <= set(re.findall(r'aria-label="(\w+)"', page))
    for one in model.report["segmentation"]["tried"]:
        assert f"{one['silhouette']:.3f}" in page


def test_the_page_tells_how_sessions_place_visitors_and_how_groups_last(model):
    told = texts(model)
    live = model.report["live_segments"]
    assert f"Of {live['visitors']:,} known visitors" in told
    assert "None is doubtful." in told
    assert "adjusted Rand index" not in told
    again = texts(model_of(240, previous=model))
    assert "Of 240 visitors who were in a segment before, 100% are in the same one" in again


def test_segments_of_ones_own_are_counted_as_far_as_events_tell(model):
    sizes = model.report["own_segments"]
    assert sizes["hat-fans"] == {"visitors": 160, "of": 240, "unknown": []}
    assert sizes["readers"] == {"visitors": None, "of": 240, "unknown": ["country", "utm.campaign"]}
    told = texts(model)
    assert "160 of 240" in told
    assert "events say nothing of country, utm.campaign" in told


def test_a_learned_segment_takes_no_key_of_a_segment_of_ones_own():
    learned = {one.key for one in model_of(60).segments}
    assert not learned & set(OWN)


@pytest.mark.parametrize("people", [0, 1, 12])
def test_a_shop_without_segments_has_a_page_that_says_why(people):
    few = model_of(people) if people else model_of(1)
    told = texts(few)
    assert "There are none: the warnings above say why." in told
    assert "too few to group" in told


def test_a_segment_that_is_no_more_is_named(model):
    assert "Segments that are no more" in texts(model_of(12, previous=model))


def test_same_model_same_page(model):
    assert page_html(report_page(model, "s")) == page_html(report_page(model, "s"))


def test_every_habit_has_words():
    assert set(_MEASURES) == set(_WORDS)


def test_many_visitors_in_no_segment_are_warned_of():
    clustering = Clustering(np.array([0, 0, 1, 1, -1, -1], np.int16), 2, (TRIED,), 3.0)
    (warning,) = segment_warnings(clustering)
    assert warning.startswith("33% of the visitors are in no segment")


def test_small_groups_and_weak_ones_are_warned_of():
    weak = msgspec.structs.replace(TRIED, silhouette=0.01)
    clustering = Clustering(np.array([0, 0, 1, 1], np.int16), 2, (weak,), 3.0, (2, 9))
    first, second = segment_warnings(clustering)
    assert "hardly fall into groups" in first
    assert "(2, of 9 visitors in all)" in second
