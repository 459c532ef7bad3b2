"""Experiments and the holdout: who sees what, stays with it, and how exposures reach the log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from edge_js import EdgeJs
from toy_shop import World, make_project, start_worker

from control_plane.collect.ingest import ingest
from control_plane.collect.log import EventLog
from control_plane.emulator.inbox import Inbox

RULES = """
content: {a: {html: "<b>a</b>"}, b: {html: "<b>b</b>"}, c: {html: "<b>c</b>"}}
slots:
  home.hero:
    default: a
    control: c
    rules:
      - {id: french, when: {country: FR}, show: b}
      - id: hero
        experiment: {key: hero-test, variations: [a, b], weights: [0.5, 0.5], PHASE}
  home.footer:
    default: a
    rules:
      - {id: foot, experiment: {key: foot-test, variations: [b, c]}}
  home.side:
    rules:
      - {id: side, experiment: {key: hero-test, variations: [b, c], weights: [0.5, 0.5], PHASE}}
holdout: {key: everyone, share: 0.25}
"""
ALL = f"1.personalization+analytics.{int(time.time())}"


class Shop(World):
    """A shop with two experiments and a holdout, and a collector whose events can be read."""

    def decision(self, device: str, slot: str = "home.hero", **cookies: str) -> str:
        """Return the id of a slot's decision for a device, as its browser gets it."""
        answer = self.get(f"/_fs/slot/{slot}", {"fs_c": ALL, "fs_id": device, **cookies})
        return answer.headers["frontshelf-decision"]

    def send(self, device: str, *calls: dict[str, Any], **cookies: str) -> httpx.Response:
        """Send events as a device's browser would."""
        sent = {"fs_c": ALL, "fs_id": device, **cookies}
        batch = [{"type": "track", **call} for call in calls]
        return self.worker.dispatch_fetch(
            "http://shop.example/_fs/v1/batch",
            method="POST",
            headers={"cookie": "; ".join(f"{k}={v}" for k, v in sent.items())},
            content=json.dumps({"batch": batch}),
        )

    def expose(self, device: str, decision: str, **cookies: str) -> list[dict[str, Any]]:
        """Send what sdk.js sends of a slot's exposures; return the decisions that arrived."""
        before = len(self.events())
        names = [name for name in decision.split(".")[5:] if name]
        calls = [exposure(decision, name) for name in names]
        assert self.send(device, *calls, **cookies).status_code == 200
        return [event["properties"]["decision"] for event in self.events()[before:]]

    def events(self) -> list[dict[str, Any]]:
        """Return everything the collector has."""
        files = sorted((self.project.root / "inbox").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def change(self, rules: str) -> None:
        """Deploy other rules."""
        (self.project.root / "rules.yaml").write_text(rules)
        self.publish()


def exposure(decision: str, name: str, slot: str = "home.hero") -> dict[str, Any]:
    properties = {"decision": {"id": decision, "slot": slot}, "exposure": name}
    return {"event": "Experiment Viewed", "properties": properties}


def rules(phase: str = "phase: 1") -> str:
    return RULES.replace("PHASE", phase)


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    project = make_project(tmp_path_factory.mktemp("experiments"), rules())
    with start_worker(project, {"COLLECT": Inbox(project.root / "inbox")}) as worker:
        shop = Shop(project, worker)
        shop.publish()
        yield shop


def device(number: int) -> str:
    return f"{number:022d}"


def assigned(shop: Shop, number: int) -> dict[str, Any] | None:
    answer = shop.decide("home.hero", device=device(number))
    found: dict[str, Any] | None = answer["decisions"]["home.hero"]["experiment"]
    return found


def some_device(shop: Shop, held: bool = False) -> str:
    """Return a device that is held out, or not."""
    return next(
        device(n)
        for n in range(100)
        if (experiment := assigned(shop, n)) and experiment["in_holdout"] is held
    )


def sticky(response: httpx.Response) -> str | None:
    for cookie in response.headers.get_list("set-cookie"):
        if cookie.startswith("fs_exp="):
            assert "HttpOnly" in cookie
            return cookie.split(";")[0].removeprefix("fs_exp=")
    return None


def test_exposures_of_both_the_experiment_and_the_holdout_reach_the_log(shop: Shop) -> None:
    served, held = some_device(shop), some_device(shop, held=True)
    for one in (served, held):
        shop.expose(one, shop.decision(one))
    click = {"product_id": "hat-1", "decision": {"id": shop.decision(served), "slot": "x"}}
    shop.send(served, {"event": "Product Clicked", "properties": click})
    ingest(shop.project, shop.project.inbox)
    with EventLog(shop.project).connect() as log:
        found = log.execute("SELECT event, decision FROM events ORDER BY sequence").fetchall()
    said = [(event, {k: v for k, v in one.items() if v is not None}) for event, one in found]
    release = shop.get("/_fs/health").json()["release"]
    here = {"release": release, "slot": "home.hero"}
    variation = next(one["variation"] for _, one in said if one["experiment"] == "hero-test")
    in_test = {
        **here,
        "rule": "hero",
        "content": "ab"[variation],
        "experiment": "hero-test",
        "variation": variation,
        "propensity": 0.5,
        "reason": "experiment:hero-test",
    }
    whole = {"experiment": "everyone", "propensity": 0.75, "variation": 1, "reason": "served"}
    out = {"experiment": "everyone", "propensity": 0.25, "variation": 0, "reason": "holdout"}
    plain = [(event, {k: v for k, v in one.items() if k != "id"}) for event, one in said]
    expected = [
        ("Experiment Viewed", in_test),
        ("Experiment Viewed", {**in_test, **whole}),
        ("Experiment Viewed", {**here, "content": "c", **out}),
        ("Product Clicked", in_test),
    ]
    assert in_order(plain) == in_order(expected)
    assert all(one["id"] for _, one in said)


def in_order(told: Any) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in told)


def test_browsers_learn_neither_names_nor_reasons_from_an_id(shop: Shop) -> None:
    for number in range(8):
        decision = shop.decision(device(number))
        assert not {"hero", "everyone", "holdout", "french"} & set(
            decision.replace(".", "-").split("-")
        )
        assert len(decision) < 64


def test_without_consent_an_id_names_no_experiment(shop: Shop) -> None:
    for cookies in ({}, {"fs_c": ALL.replace("personalization+", ""), "fs_id": device(1)}):
        answer = shop.get("/_fs/slot/home.hero", cookies)
        assert answer.headers["frontshelf-decision"].split(".")[3:] == ["d"]


def test_nobody_can_claim_another_arm(shop: Shop) -> None:
    one = some_device(shop)
    decision = shop.decision(one)
    head, variation, hold, test = decision.rsplit(".", 3)
    forged = f"{head}.{1 - int(variation)}.{hold}.{test}"
    told = shop.expose(one, forged)
    assert [d["reason"] for d in told] == ["served", "unverified"]
    assert "experiment" not in told[1]
    held_out = f"{head.rsplit('.', 1)[0]}.h.0.{hold}"
    assert [d["reason"] for d in shop.expose(one, held_out)] == ["unverified"]
    stolen = shop.expose(some_device(shop, held=True), decision)
    assert [d["reason"] for d in stolen] == ["unverified", "unverified"]
    own = {"id": decision, "slot": "x", "propensity": 9, "reason": "mine", "experiment": "mine"}
    shop.send(one, {"event": "T", "properties": {"decision": own}, "context": {"decision": own}})
    event = shop.events()[-1]
    assert event["properties"]["decision"]["experiment"] == "hero-test"
    assert "decision" not in event["context"]


@pytest.mark.parametrize(
    "decision",
    [
        "text", [], {}, {"id": 3}, {"id": ""}, {"id": "x" * 200}, {"id": "a.b.c.d.e.f.g"},
        {"id": "a.RELEASE.0.length.0.1.2"}, {"id": "a.RELEASE.0.__proto__"},
        {"id": "a.RELEASE.99.0"}, {"id": "a.RELEASE.length.d"}, {"id": "a.RELEASE.0.eeeeh.0"},
        {"id": "a.RELEASE.0.1.9..", "slot": {"toString": 1}}, {"id": "....", "slot": ["x"]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["x", "__proto__", 3, None, {}])
def test_malformed_decisions_do_no_harm(shop_kept: Shop, decision: Any, name: Any) -> None:
    release = shop_kept.get("/_fs/health").json()["release"]
    text = json.dumps(decision).replace("RELEASE", release)
    properties = {"decision": json.loads(text), "exposure": name}
    event = {"event": "Experiment Viewed", "properties": properties}
    answer = shop_kept.send(device(1), event)
    assert answer.status_code == 200
    assert sticky(answer) is None
    told = shop_kept.events()[-1]["properties"].get("decision", {})
    assert "experiment" not in told


@pytest.fixture(scope="module")
def shop_kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One shop for tests that change nothing."""
    project = make_project(tmp_path_factory.mktemp("kept"), rules())
    with start_worker(project, {"COLLECT": Inbox(project.root / "inbox")}) as worker:
        shop = Shop(project, worker)
        shop.publish()
        yield shop


def test_an_exposure_begins_stickiness_and_nothing_else_does(shop: Shop) -> None:
    one = some_device(shop)
    decision = shop.decision(one)
    assert sticky(shop.get("/", {"fs_c": ALL, "fs_id": one})) is None
    click = {"event": "Promotion Clicked", "properties": {"decision": {"id": decision}}}
    assert sticky(shop.send(one, click)) is None
    name, variation = decision.split(".")[6], decision.split(".")[4]
    assert sticky(shop.send(one, exposure(decision, name))) == f"1.{name}-{variation}"
    assert sticky(shop.send(one, exposure(decision, decision.split(".")[5]))) is None


def test_the_cookie_decides_before_the_hash_and_a_new_phase_before_the_cookie(shop: Shop) -> None:
    one = some_device(shop)
    *_, variation, hold, name = shop.decision(one).split(".")
    other = str(1 - int(variation))
    kept = f"1.{name}-{other}"
    decision = shop.decision(one, fs_exp=kept)
    assert decision.split(".")[4] == other
    assert [d["reason"] for d in shop.expose(one, decision, fs_exp=kept)][1:] == [
        "experiment:hero-test"
    ]
    shop.change(rules("phase: 2"))
    *_, hold_now, name_now = shop.decision(one, fs_exp=kept).split(".")
    assert (hold_now, name_now != name) == (hold, True)
    (_, told) = shop.expose(one, shop.decision(one))
    assert told["reason"] == "experiment:hero-test/2"


def test_an_exposure_of_the_release_before_still_counts(shop: Shop) -> None:
    one = some_device(shop)
    decision = shop.decision(one)
    shop.change(rules().replace("default: a", "default: b"))
    shop.get("/")
    assert [d["reason"] for d in shop.expose(one, decision)] == ["served", "experiment:hero-test"]


def test_an_experiment_in_two_slots_is_told_with_what_each_showed(shop: Shop) -> None:
    one = some_device(shop)
    hero, side = shop.decision(one), shop.decision(one, "home.side")
    assert hero.split(".")[4:] == side.split(".")[4:], "one exposure, whichever is seen first"
    rand, _, *rest = side.split(".")
    for decision in (side, ".".join([rand, "0123456789ab", *rest])):
        shop.send(one, exposure(decision, decision.split(".")[6], "home.side"))
        told = shop.events()[-1]["properties"]["decision"]
        assert (told["slot"], told["experiment"]) == ("home.side", "hero-test")
        assert told["content"] == "bc"[told["variation"]]


def test_an_exposure_of_a_release_that_is_not_known_is_told_as_such(shop: Shop) -> None:
    one = some_device(shop)
    rand, _, *rest = shop.decision(one).split(".")
    decision = ".".join([rand, "0123456789ab", *rest])
    whole, test = shop.expose(one, decision)
    assert (whole["reason"], test["reason"]) == ("served", "experiment:hero-test"), (
        "the experiment still runs, and the device's place in it is worked out anew"
    )
    (gone,) = shop.expose(one, f"{rand}.0123456789ab.0.1.0..zzzzzz")
    assert gone == {
        "id": f"{rand}.0123456789ab.0.1.0..zzzzzz",
        "release": "0123456789ab",
        "slot": "home.hero",
        "reason": "unknown_release",
    }


def test_twenty_are_kept_the_oldest_go_and_so_do_those_that_are_no_more(edge_js: EdgeJs) -> None:
    names = [f"x{number}" for number in range(25)]
    kept = ""
    for number, name in enumerate(names):
        kept = edge_js.call("exposures", "keepVariation", kept, name, number % 20, names)
        assert edge_js.call("sticky", "readSticky", kept) == kept
    assert [entry.split("-")[0] for entry in kept.split(".")[1:]] == names[5:]
    assert edge_js.call("sticky", "keptVariation", kept, "x19") == 19
    assert edge_js.call("sticky", "keptVariation", kept, "x4") == -1
    again = edge_js.call("exposures", "keepVariation", kept, "x7", 0, ["x7", "x9"])
    assert again == "1.x9-9.x7-0"


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "2.abc-0", "1", "1.", "1.abc", "1.abc-z", "1.ABC-0", "1.abcdefgh-0", "1.a-0.",
     "1" + ".a-0" * 21, "1.a-0%0d%0aSet-Cookie", "__proto__"],
)  # fmt: skip
def test_a_malformed_cookie_is_ignored_and_cleared(shop_kept: Shop, cookie: str) -> None:
    answer = shop_kept.get("/", {"fs_c": ALL, "fs_id": device(1), "fs_exp": cookie})
    assert sticky(answer) == ""
    assert answer.status_code == 200


def test_it_is_read_with_consent_only_and_cleared_without(shop: Shop) -> None:
    for choice in ("1.none.1764000000", "1.analytics.1764000000"):
        answer = shop.get("/", {"fs_c": choice, "fs_exp": "1.abc-0"})
        assert sticky(answer) == ""
    assert sticky(shop.get("/", {"fs_c": ALL, "fs_id": device(1), "fs_exp": "1.abc-0"})) is None
