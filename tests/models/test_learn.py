"""The whole model of toy shops: ordinary, odd and degenerate ones."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from toy_log import event, item, open_log

from control_plane.errors import WorkError
from control_plane.models import artifacts
from control_plane.models.learn import learn
from control_plane.schema import ADDED, ORDERED
from control_plane.settings import Train

DAY = 24 * 60
TASTES = ("Shoes", "Hats", "Bags")
CATALOGUE = [item(f"{t}-{n}", f"{t} > Kind {n % 3}", 1000 + n) for t in TASTES for n in range(10)]


def visits(people, seed=5):
    """Return two months of visits, oldest first; person p likes taste p % 3 and nothing else."""
    random = np.random.default_rng(seed)
    events = []
    for person in people:
        taste = TASTES[person % 3]
        for day in random.integers(0, 60, 4):
            liked = [f"{taste}-{n}" for n in random.permutation(10)[:4]]
            at = float(day * DAY + random.integers(0, 600))
            events += [event(name, user=person, at=at + n) for n, name in enumerate(liked)]
            if taste == "Hats":
                events.append(event(liked[0], user=person, at=at + 9, name=ORDERED, price=1000))
    return sorted(events, key=lambda row: row["timestamp"])


def learned(events, items=CATALOGUE, previous=None, **settings):
    with open_log(events, items) as log:
        return learn(log, Train(**settings), key_id="k1", previous=previous)


def ids(model, numbers):
    return [model.item_ids[number] for number in numbers]


def same_arrays(one, other):
    """Say whether two models are alike but for what their reports say of time."""
    bare = [msgspec.structs.replace(model, report={}) for model in (one, other)]
    encode = msgspec.msgpack.Encoder(enc_hook=lambda array: array.tobytes()).encode
    return encode(bare[0]) == encode(bare[1])


def test_a_shop_of_three_tastes_is_understood():
    model = learned(visits(range(1, 301)))
    truth = model.visitors.keys.astype(int) % 3
    assert adjusted_rand_score(truth, model.visitors.segment) >= 0.9
    assert {segment.name.split(",")[0] for segment in model.segments} == set(TASTES)
    for number, taste in enumerate(truth):
        row = model.visitors.rows
        mine = ids(model, row.items[row.indptr[number] : row.indptr[number + 1]])
        assert all(name.startswith(TASTES[taste]) for name in mine)
    for key in (segment.key for segment in model.segments):
        kinds = {name.split("-")[0].lower() for name in ids(model, model.popular[f"segment:{key}"])}
        assert len(kinds) == 1
        assert key.startswith(kinds.pop())


def test_the_model_is_told_in_the_logs_own_time():
    assert learned([event("a", user=1, at=61)]).model_time == "2026-03-02T11:01:00Z"


def test_a_then_b_puts_b_in_as_row():
    model = learned([event(name, session=str(n)) for n in range(9) for name in "ab"], items=[])
    start, stop = model.neighbours.indptr[:2]
    assert ids(model, model.neighbours.items[start:stop]) == ["b"]


def test_a_new_red_shoe_stands_beside_red_shoes_before_anybody_met_it():
    titles = ["Red shoe Fen", "Red shoe Kip", "Blue hat Mo", "Blue hat Ula", "Red shoe Ska"]
    goods = [item(str(n), title.split()[1], 5000, title=title) for n, title in enumerate(titles)]
    events = [event(a, b, session=f"{n}{a}") for n in range(20) for a, b in ["01", "23"]]
    model = learned(events, items=goods)
    near = {
        name: ids(model, model.neighbours.items[slice(*model.neighbours.indptr[n : n + 2])])
        for n, name in enumerate(model.item_ids)
    }
    assert set(near["4"]) == {"0", "1"}
    assert near["0"] == ["1", "4"]
    assert near["2"] == ["3"]
    similar = model.related["similar"]
    assert set(ids(model, similar.items[slice(*similar.indptr[4:6])])) == {"0", "1"}


def test_a_shop_without_a_catalogue_has_no_similar_rows():
    assert learned([event("a", "b", session="s")], items=[]).related == {}


def test_a_bot_changes_nothing():
    events = visits(range(1, 31))
    bot = [event(f"Bags-{n}", device=99, session="bot", bot=True) for n in range(10)] * 50
    assert same_arrays(learned(events), learned(events + bot))


def test_refused_consent_leaves_no_row_but_feeds_neighbours_and_popularity():
    refused = [event(name, user=1, consent=()) for name in ("Hats-1", "Hats-2")]
    model = learned(refused, items=[])
    assert len(model.visitors.keys) == 0
    assert len(model.neighbours.items) == 2
    assert ids(model, model.popular["all"]) == ["Hats-1", "Hats-2"]


def test_training_twice_gives_the_same_bytes_with_and_without_the_former_model():
    events = visits(range(1, 121))
    first = learned(events)
    assert same_arrays(first, learned(events))
    assert not same_arrays(first, learned(events[1:]))
    assert same_arrays(first, learned(events, previous=first))


def test_the_order_of_rows_in_the_log_changes_nothing():
    events = [row | {"message_id": f"m{n}"} for n, row in enumerate(visits(range(1, 61)))]
    first = learned(events)
    with open_log(events, CATALOGUE[::-1]) as log:
        log.execute("CREATE TABLE mixed AS SELECT * FROM events ORDER BY hash(message_id)")
        log.execute("DROP TABLE events")
        log.execute("ALTER TABLE mixed RENAME TO events")
        assert same_arrays(first, learn(log, Train(), key_id="k1"))


def test_segments_keep_their_keys_with_five_per_cent_of_new_events():
    events = visits(range(1, 301))
    before = learned(events)
    newer = visits(range(301, 316), seed=6)
    after = learned(sorted(events + newer, key=lambda row: row["timestamp"]), previous=before)
    assert {s.key: s.name for s in after.segments} == {s.key: s.name for s in before.segments}


def test_what_is_learned_survives_the_disk(tmp_path):
    model = learned(visits(range(1, 31)))
    artifacts.save(model, tmp_path)
    assert same_arrays(artifacts.load(tmp_path), model)
    assert artifacts.load(tmp_path).report == model.report


def test_the_steps_are_told_as_they_start():
    told = []
    with open_log([event("a", user=1)]) as log:
        model = learn(log, Train(), progress=told.append)
    assert told == list(model.report["seconds"])
    assert len(told) == 10


def test_an_empty_log_is_an_error_that_says_what_to_do():
    with pytest.raises(WorkError, match="frontshelf ingest"):
        learned([])


ODD_SHOPS = {
    "one visitor": [event(f"Hats-{n}", user=1) for n in range(5)],
    "one item": [event("Hats-1", user=user) for user in range(1, 60)],
    "one event": [event("Hats-1", user=1)],
    "ten events": [event(f"Hats-{n}", user=n % 3 + 1) for n in range(10)],
    "all alike": [event(f"Hats-{n}", user=user) for user in range(1, 60) for n in range(3)],
    "no people": [event(f"Hats-{n % 9}", session=str(n // 3)) for n in range(90)],
    "no sessions and no people": [event("Hats-1")],
    "all bots": [event("Hats-1", user=1, bot=True)],
    "all refused": [event(f"Hats-{n}", user=1, consent=()) for n in range(5)],
    "one moment": [event(f"Hats-{n}", user=n) for n in range(1, 9)] * 9,
    "only carts": [event(f"Hats-{n % 9}", user=n, name=ADDED) for n in range(1, 99)],
    "only orders": [event("Hats-1", "Hats-2", user=n, name=ORDERED) for n in range(1, 99)],
    "nothing of interest": [event(user=1, name="Page Viewed")],
    "unknown items": [event(f"x{n}", user=n % 30 + 1) for n in range(200)],
    "free goods": [event("Hats-1", user=n, name=ORDERED, price=0) for n in range(1, 40)],
    "gifts of nothing": [
        event("Hats-1", user=n, name=ORDERED, price=5, quantity=0) for n in range(1, 40)
    ],
}


@pytest.mark.parametrize("shop", ODD_SHOPS)
@pytest.mark.parametrize("items", [CATALOGUE, []], ids=["catalogue", "no catalogue"])
def test_odd_shops_are_learned_without_a_warning(shop, items):
    model = learned(ODD_SHOPS[shop], items=items)
    visitors = len(model.visitors.keys)
    assert len(model.visitors.segment) == visitors
    assert len(model.neighbours.indptr) == len(model.item_ids) + 1
    for table in (model.visitors.rows, model.visitors.bought, model.visitors.seen):
        assert len(table.indptr) == visitors + 1
    for scores in (model.neighbours.scores, model.visitors.rows.scores):
        assert np.isfinite(scores).all()
        assert (scores > 0).all()
    assert ((model.visitors.segment >= 0) == bool(model.segments)).all()
    assert model.segments or model.report["warnings"]
    assert msgspec.json.encode(model.report)


@pytest.mark.parametrize(
    ("shop", "words"),
    [
        ("all bots", "bot"),
        ("no people", "nobody is known"),
        ("all refused", "nobody consented"),
        ("nothing of interest", "no event shows an interest"),
        ("one visitor", "too few"),
        ("all alike", "alike"),
    ],
)
def test_the_report_says_why_something_is_missing(shop, words):
    assert any(words in warning for warning in learned(ODD_SHOPS[shop]).report["warnings"])
