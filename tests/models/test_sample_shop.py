"""Whether models find what the sample shop hides: tastes, from a few views a visitor."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from control_plane.collect.ingest import ingest
from control_plane.demo.sample import generate
from control_plane.keyring import load_visitor_secrets, make_keys, visitor_key
from control_plane.models.artifacts import Model
from control_plane.models.train import train
from control_plane.settings import load_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, dict[int, Any], dict]:
    """The model of a small sample shop, its consenting visitors' truth by key, and its items'."""
    root: Path = tmp_path_factory.mktemp("sample")
    (root / "frontshelf.toml").write_text("", encoding="utf-8")
    make_keys(root / "keys")
    project = load_project(root, {})
    shop = generate(root / "sample", visitors=4000, products=500)
    for name in ("items.jsonl", "events.jsonl"):
        ingest(project, shop.folder / name)
    secret = load_visitor_secrets(project.keys).secrets["k1"]
    truth = json.loads((shop.folder / "truth.json").read_bytes())
    people = {}
    for visitor in truth["visitors"]:
        for device in visitor["anonymous_ids"]:
            people[visitor_key(secret, "a", device)] = visitor
        if visitor["user_id"]:
            people[visitor_key(secret, "u", visitor["user_id"])] = visitor
    return train(project), people, truth


def test_only_those_who_consented_have_rows(learned):
    model, people, _ = learned
    assert all(people[key]["personalization"] for key in model.visitors.keys.tolist())
    assert len(model.visitors.keys) > 2000


def test_bots_have_no_rows_and_are_not_counted(learned):
    model, _, truth = learned
    assert model.report["counts"]["events"] < sum(truth["events"].values())


def test_segments_are_the_hidden_tastes(learned):
    model, people, _ = learned
    tastes = np.array([people[key]["taste"] for key in model.visitors.keys.tolist()])
    assert adjusted_rand_score(tastes, model.visitors.segment) > 0.5
    purest = [
        Counter(tastes[model.visitors.segment == number]).most_common(1)[0]
        for number in range(len(model.segments))
    ]
    assert len({taste for taste, _ in purest}) >= len(model.segments) - 1


def test_most_of_what_a_visitor_is_offered_is_to_their_taste(learned):
    model, people, truth = learned
    rows, hits, chance = model.visitors.rows, [], []
    owners = np.array([truth["items"].get(item, "") for item in model.item_ids])
    for number, key in enumerate(model.visitors.keys.tolist()):
        offered = owners[rows.items[rows.indptr[number] : rows.indptr[number + 1]][:8]]
        hits += (offered == people[key]["taste"]).tolist()
        chance.append(np.mean(owners == people[key]["taste"]))
    assert np.mean(hits) > 3 * np.mean(chance)


def test_neighbours_are_mostly_of_the_items_own_taste(learned):
    model, _, truth = learned
    owners = np.array([truth["items"].get(item, "") for item in model.item_ids])
    table = model.neighbours
    best = [n for n in range(len(owners)) if table.indptr[n + 1] > table.indptr[n]]
    same = [owners[table.items[table.indptr[n]]] == owners[n] for n in best]
    assert np.mean(same) > 0.6
