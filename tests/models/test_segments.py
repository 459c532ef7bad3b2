"""Segments: planted groups are found, keep their identity, and have readable names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from control_plane.models.artifacts import Model, Rows, Segment, Sets, Visitors
from control_plane.models.features import Features
from control_plane.models.identity import name_segments
from control_plane.models.naming import describe, slug
from control_plane.models.segments import fit_segments
from control_plane.models.stability import since_last_run
from control_plane.settings import Train

NAMES = ("taste:Running shoes", "taste:Hats", "basket", "recency")
PLANTED = np.array([[2, -1, 1.5, 0], [-1, 2, 0, -1], [-1, -1, -1, 2], [2, -1, -1, 0]], dtype=float)


def planted(count=400, noise=0.3, seed=1):
    """Return features of visitors around PLANTED centres, and who belongs where."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(PLANTED), count)
    scores = PLANTED[truth] + random.normal(0, noise, (count, PLANTED.shape[1]))
    return told_by(scores), truth


def told_by(scores, names=NAMES):
    """Return features that are also the space to group in."""
    return Features(names, scores, scores)


def model(keys, labels, segments, features=NAMES):
    """Return a model of which only visitors and segments matter."""
    empty = np.zeros(len(keys) + 1, dtype=np.int64)
    none = np.zeros(0, dtype=np.int32)
    rows, sets = Rows(empty, none, none.astype(np.float32)), Sets(empty, none)
    return Model(
        model_time="",
        item_ids=[],
        item_events=none.astype(np.int64),
        neighbours=rows,
        reminder_scale=0,
        popular={},
        segments=segments,
        visitors=Visitors(keys, labels, rows, sets, sets, rows, sets, keys.astype(np.float32)),
        key_id="k1",
        report={"features": list(features)},
    )


def learn(features, keys, previous=None):
    """Return the clustering, its segments and a model of them."""
    in_use = len(previous.segments) if previous else None
    clustering = fit_segments(features.space, Train(), in_use)
    segments = name_segments(clustering, features, keys, previous)
    return clustering, segments, model(keys, clustering.labels, segments, features.names)


def keys_of(count, first=1):
    return np.arange(first, first + count, dtype=np.uint64)


def test_planted_groups_are_found_with_their_number():
    features, truth = planted()
    clustering, segments, _ = learn(features, keys_of(400))
    assert len(segments) == len(PLANTED)
    assert adjusted_rand_score(truth, clustering.labels) >= 0.9
    assert [segment.size for segment in segments] == sorted(
        np.bincount(clustering.labels).tolist(), reverse=True
    )


def test_names_tell_what_sets_a_segment_apart():
    features, truth = planted()
    clustering, segments, _ = learn(features, keys_of(400))
    names = {truth[clustering.labels == number][0]: s.name for number, s in enumerate(segments)}
    assert names == {
        0: "Running shoes, big baskets",
        1: "Hats, seen lately",
        2: "Long unseen, small baskets",
        3: "Running shoes, small baskets",
    }
    assert {segment.key for segment in segments} >= {"running-shoes-big-baskets"}
    assert all(abs(score) >= 0.25 for s in segments for score in s.traits.values())


def test_the_same_input_and_seed_give_the_same_bytes():
    features, _ = planted(noise=1.5)
    first, second = (fit_segments(features.space, Train()) for _ in range(2))
    assert first.labels.tobytes() == second.labels.tobytes()
    assert first.tried == second.tried


def test_segments_keep_key_and_name_when_visitors_are_added():
    features, _ = planted(420)
    few = told_by(features.scores[:400])
    _, _, before = learn(few, keys_of(400))
    clustering, segments, _ = learn(features, keys_of(420), before)
    assert {s.key: s.name for s in segments} == {s.key: s.name for s in before.segments}
    same = [
        segments[clustering.labels[visitor]].key == before.segments[label].key
        for visitor, label in enumerate(before.visitors.segment)
    ]
    assert np.mean(same) >= 0.95


def test_with_no_visitor_in_common_the_nearest_centroid_lends_its_key():
    _, _, before = learn(planted()[0], keys_of(400))
    _, segments, _ = learn(planted(seed=2)[0], keys_of(400, first=10_000), before)
    assert {s.key for s in segments} == {s.key for s in before.segments}


def test_a_group_that_is_new_takes_no_former_key():
    features, _ = planted()
    former = Segment(
        key="running-shoes-big-baskets", name="X", size=9, traits={}, centroid=(9,) * 4
    )
    before = model(keys_of(9, first=5_000), np.zeros(9, dtype=np.int16), [former])
    _, segments, _ = learn(features, keys_of(400), before)
    assert "running-shoes-big-baskets" not in {s.key for s in segments}
    assert "running-shoes-big-baskets-2" in {s.key for s in segments}


def test_features_that_changed_between_models_do_not_matter():
    _, _, before = learn(planted()[0], keys_of(400))
    other = told_by(planted()[0].scores[:, :1], ("weekend",))
    _, segments, _ = learn(other, keys_of(400, first=10_000), before)
    assert not {s.key for s in segments} & {s.key for s in before.segments}


def test_the_number_in_use_is_kept_unless_another_is_clearly_better():
    noise = np.random.default_rng(1).normal(size=(300, 4))
    quality = {one.segments: one.silhouette for one in fit_segments(noise, Train()).tried}
    near = [k for k, score in quality.items() if score >= max(quality.values()) - 0.02]
    assert [fit_segments(noise, Train(), k).count for k in near] == near
    assert fit_segments(planted()[0].space, Train(), 8).count == len(PLANTED)


@pytest.mark.parametrize("count", [0, 1, 2, 19])
def test_too_few_visitors_make_no_segments_and_a_note(count):
    clustering = fit_segments(planted(count)[0].space, Train())
    assert clustering.labels.tolist() == [-1] * count
    assert "too few" in clustering.note
    assert name_segments(clustering, planted(count)[0], keys_of(count), None) == []


def test_visitors_all_alike_make_no_segments_and_a_note():
    clustering = fit_segments(np.zeros((100, 4)), Train())
    assert "alike" in clustering.note
    assert "alike" in fit_segments(np.zeros((100, 0)), Train()).note


def test_two_kinds_of_visitors_make_two_segments_though_three_were_wished():
    scores = np.repeat([[1.0], [-1.0]], 50, axis=0)
    assert fit_segments(scores, Train()).count == 2


def test_a_small_shop_has_few_segments_and_none_that_is_too_small():
    found = fit_segments(planted(35)[0].space, Train())
    assert (found.count, found.suppressed) == (2, (1, 4))
    assert fit_segments(planted(35)[0].space, Train(segments_smallest=4)).count == 4


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), st.floats(-3, 3)), max_size=8))
def test_names_and_keys_are_never_shared(many):
    names, keys = set(), set()
    for traits in many:
        name = describe(traits, names)
        key = slug(name, keys)
        assert name not in names
        assert key not in keys
        names.add(name)
        keys.add(key)


def test_keys_are_plain_whatever_the_language():
    assert slug("Été à Paris, big baskets", set()) == "ete-a-paris-big-baskets"
    assert slug("スニーカー", set()) == "segment"
    assert slug("スニーカー", {"segment"}) == "segment-2"
    assert len(slug("x" * 99, {"x" * 40})) <= 42


def test_stability_compares_visitors_of_both_models():
    features, _ = planted()
    clustering, segments, before = learn(features, keys_of(400))
    told = since_last_run(clustering, segments, keys_of(400), before)
    assert told == {"visitors": 400, "adjusted_rand": 1.0, "kept": 1.0, "ended": []}
    assert since_last_run(clustering, segments, keys_of(400), None) == {"visitors": 0}
    strangers = since_last_run(clustering, segments, keys_of(400, first=9_000), before)
    assert strangers == {"visitors": 0, "ended": []}


def test_a_segment_that_splits_leaves_its_key_to_the_greater_part():
    features, truth = planted()
    first, last = sorted(np.unique(truth).tolist())[0], 3
    whole = np.where(truth == last, first, truth).astype(np.int16)
    former = [Segment(key=f"s{n}", name=f"S{n}", size=9, traits={}) for n in range(3)]
    before = model(keys_of(400), whole, former)
    clustering, segments, _ = learn(features, keys_of(400), before)
    part = {int(truth[clustering.labels == n][0]): one.key for n, one in enumerate(segments)}
    heirs = [part[first], part[last]]
    assert heirs.count("s0") == 1
    assert part[1] == "s1"
    assert part[2] == "s2"
    told = since_last_run(clustering, segments, keys_of(400), before)
    assert told["ended"] == []
    assert 0.6 < told["kept"] < 0.95


def test_segments_that_merge_keep_the_greater_ones_key_and_the_other_ends():
    features, truth = planted()
    split = np.where((truth == 0) & (np.arange(400) % 3 == 0), 4, truth).astype(np.int16)
    former = [Segment(key=f"s{n}", name=f"S{n}", size=9, traits={}) for n in range(5)]
    before = model(keys_of(400), split, former)
    clustering, segments, _ = learn(features, keys_of(400), before)
    assert {one.key for one in segments} == {"s0", "s1", "s2", "s3"}
    assert {one.name for one in segments} == {"S0", "S1", "S2", "S3"}
    told = since_last_run(clustering, segments, keys_of(400), before)
    assert told["ended"] == ["s4"]
