"""Whether models find what the sample shop hides: tastes, from a few views a visitor."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

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
    # The same visitor keys on every run: they say who is held out.
    with mock.patch("secrets.token_bytes", random.Random(7).randbytes):
        make_keys(root / "keys")
    project = load_project(root, {})
    shop = generate(root / "sample", visitors=4000, products=500)
    _hide(shop.folder / "events.jsonl", new_items(shop.folder / "items.jsonl"))
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


def new_items(file: Path) -> list[str]:
    """Return all variants of every fifteenth product: nobody will have met them."""
    items = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    groups = sorted({item["group_id"] for item in items})[::15]
    return [item["item_id"] for item in items if item["group_id"] in groups]


def _hide(events: Path, items: list[str]) -> None:
    """Take out of a file the lines that name one of `items`."""
    names = [f'"{item}"' for item in items]
    lines = events.read_text(encoding="utf-8", errors="surrogateescape").splitlines(keepends=True)
    kept = [line for line in lines if not any(name in line for name in names)]
    events.write_text("".join(kept), encoding="utf-8", errors="surrogateescape")


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
    assert adjusted_rand_score(tastes, model.visitors.segment) >= 0.7
    purest = [
        Counter(tastes[model.visitors.segment == number]).most_common(1)[0]
        for number in range(len(model.segments))
    ]
    assert len({taste for taste, _ in purest}) >= len(model.segments) - 1


def test_sessions_alone_place_most_visitors_as_their_history_does(learned):
    live = learned[0].report["live_segments"]
    assert live["visitors"] > 500
    assert live["placed_alike"] >= 0.85
    assert live["by_sessions"]["1"]["placed_alike"] >= 0.9


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


def test_new_products_stand_beside_others_of_their_kind_and_are_shown(learned):
    model, _, truth = learned
    owner = [truth["items"].get(item, "") for item in model.item_ids]
    table = model.neighbours
    rows = [table.items[at : min(at + 12, stop)].tolist() for at, stop in _spans(table)]
    new = [n for n in range(len(owner)) if not model.item_events[n] and owner[n]]
    assert len(new) > 15
    assert np.mean([owner[other] == owner[item] for item in new for other in rows[item][:8]]) > 0.8
    products = [item.split("-")[0] for item in model.item_ids]
    shown = {products[other] for row in rows for other in row}
    assert len({products[item] for item in new} - shown) <= 0.2 * len({products[n] for n in new})


def _spans(table):
    return zip(table.indptr[:-1], table.indptr[1:], strict=True)
