"""Whoever can write the store can show an older genuine release or the page's own, nothing else."""

from __future__ import annotations

import base64
import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from around_core import around_core
from toy_shop import compile_toy, make_project, variables, views

from control_plane.collect.stock import StockLine
from control_plane.deploy.folder import Folder
from control_plane.deploy.head import KEY
from control_plane.deploy.overlays import changes as overlay_changes
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.overlays.stock import change_stock
from control_plane.deploy.publish import publish
from control_plane.emulator.miniflare import Miniflare
from control_plane.keyring import load_visitor_secrets, visitor_key

HERO, STRIP, FAN, SOLD_OUT = "home.hero", "home.recommended", "<b>fan</b>", "hat-1"
CARD = re.compile(r"<li.*?</li>", re.DOTALL)
ONE_KEY_TRIALS, MANY_KEY_TRIALS = 700, 520


class State(msgspec.Struct):
    """A genuine state of the shop: its head's value, its release, its hero, who is erased.

    `decided` is the release that the device of the decisions sees: a canary, where there is one.
    """

    head: bytes
    release: str
    hero: str
    overlays: bool
    decided: str


class Tampering(msgspec.Struct):
    """The shop's four states, the newest last; all that its store ever held; its worker."""

    states: list[State]
    heroes: dict[str, str]
    store: dict[str, bytes]
    worker: Miniflare
    body: dict[str, Any]

    def tell(self, trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what a worker shows and decides over each tampered store."""
        asked = {
            "at": int(time.time() * 1000),
            "slots": [HERO, STRIP],
            "body": self.body,
            "trials": [
                {**one, "changes": {k: _text(v) for k, v in one["changes"].items()}}
                for one in trials
            ],
        }
        answer = self.worker.dispatch_fetch("http://toy/", method="POST", json=asked)
        return list(answer.json())

    def genuine_cards(self) -> set[str]:
        """Return every card that an untouched store shows, in any of its states."""
        told = self.tell([{"cold": True, "changes": {KEY: state.head}} for state in self.states])
        return {card for one in told for card in CARD.findall(one["shown"][STRIP]["body"])}


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


@pytest.fixture(scope="module")
def tampering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tampering]:
    """Two releases; a hat is sold out, and anna, a fan of shoes, erased; then a canary begins."""
    project = make_project(tmp_path_factory.mktemp("toy"))
    store = Folder(tmp_path_factory.mktemp("store"))
    secrets = load_visitor_secrets(project.keys)
    anna = visitor_key(secrets.secrets[secrets.current], "u", "anna")
    states = []
    heroes = {}
    rules = project.rules.read_text(encoding="utf-8")

    def deploy(hero: str, canary: float | None = None) -> str:
        project.rules.write_text(rules.replace("<b>new</b>", hero), encoding="utf-8")
        compile_toy(project)
        release = publish(store, project.build / "current", project, canary=canary).release
        heroes[release] = hero
        return release

    for hero in ("<b>new</b>", "<b>newer</b>"):
        release = deploy(hero)
        states.append(State(store.get(KEY) or b"", release, hero, False, release))
    no_more = {SOLD_OUT: StockLine(False, None)}
    calm = {"sleep": lambda seconds: None}
    change_overlays(store, project, lambda t, h: change_stock(t, project, h, no_more, {}), **calm)
    change_overlays(store, project, lambda t, h: overlay_changes.erase(t, h, "k1", [anna]), **calm)
    states.append(State(store.get(KEY) or b"", release, hero, True, release))
    canary = deploy("<b>newest</b>", 0.9999)
    states.append(State(store.get(KEY) or b"", release, hero, True, canary))
    body = {
        "slots": [HERO, STRIP],
        "visitor": f"{anna:016x}",
        "device": "E" * 22,
        "session": views("shoe-1"),
        "consent": {"personalization": True},
    }
    main = Path(__file__).with_name("tampered.js")
    options = around_core(main, variables=variables(project), on_log=lambda line: None)
    with Miniflare(options) as worker:
        held = {key: store.get(key) or b"" for key in store.keys("")}
        for key, value in held.items():
            worker.dispatch_fetch(f"http://toy/{key}", method="PUT", content=value)
        yield Tampering(states, heroes, held, worker, body)


def test_an_untouched_store_shows_each_of_its_states(tampering: Tampering) -> None:
    told = tampering.tell([{"cold": True, "changes": {KEY: s.head}} for s in tampering.states])
    for state, one in zip(tampering.states, told, strict=True):
        decided = json.loads(one["decided"]["body"])
        assert decided["release"] == state.decided
        assert one["shown"][HERO]["body"] == state.hero
        fan = decided["decisions"][HERO]["content"] == "hero-fan"
        assert (fan, SOLD_OUT in one["shown"][STRIP]["body"]) == (
            not state.overlays,
            not state.overlays,
        )
        assert one["faults"] == []


def damaged(value: bytes, others: list[bytes], draw: random.Random) -> bytes | None:
    """Return a value with something wrong, another genuine one in its place, or none."""
    place = draw.randrange(len(value))
    way = draw.randrange(9)
    if way < 4:
        changed = bytearray(value)
        for at in [place] if way < 3 else draw.sample(range(len(value)), 3):
            changed[at] ^= 1 + draw.randrange(255)
        return bytes(changed)
    return [
        value[:place],
        value + draw.randbytes(1 + draw.randrange(8)),
        value[:place] + draw.choice(others)[place:],
        draw.choice(others),
        None,
    ][way - 4]


def drawn(tampering: Tampering, draw: random.Random) -> list[dict[str, Any]]:
    """Return trials: one key tampered with, so that nothing hides it, or several at once."""
    keys, others = list(tampering.store), [*tampering.store.values()]
    others += [state.head for state in tampering.states]
    # A memory that has seen the newest head believes no older one.
    trials: list[dict[str, Any]] = [{"cold": False, "changes": {}}]
    for number in range(ONE_KEY_TRIALS + MANY_KEY_TRIALS):
        count = 1 if number < ONE_KEY_TRIALS else draw.randint(2, 4)
        chosen = draw.sample(keys, count)
        changes = {key: damaged(tampering.store[key], others, draw) for key in chosen}
        if number % 40 < 2:
            changes[KEY] = draw.choice(tampering.states[:-1]).head
        # A cold memory reads all of it.
        trials.append({"cold": number % 4 != 0, "changes": changes})
    return trials


def test_two_thousand_tampers_show_a_genuine_release_or_the_pages_own(
    tampering: Tampering,
) -> None:
    trials = drawn(tampering, random.Random(1))
    assert sum(len(one["changes"]) for one in trials) >= 2_000
    cards = tampering.genuine_cards()
    heroes = tampering.heroes
    noticed = replayed = whole = canaries = 0
    for trial, told in zip(trials, tampering.tell(trials), strict=True):
        put_back = trial["changes"].get(KEY)
        older = [s for s in tampering.states[:-1] if trial["cold"] and s.head == put_back]
        (state,) = older or tampering.states[-1:]
        hero, strip = told["shown"][HERO], told["shown"][STRIP]["body"]
        decided = json.loads(told["decided"]["body"])
        # Where the live release is broken, the one that the head names as previous serves.
        assert decided.get("release") in (None, *heroes), trial
        if not trial["cold"]:
            assert decided["release"] == state.decided, "a warm memory went back"
        if hero["status"] == 200:
            canary = decided["release"] == state.decided
            assert hero["body"] == heroes[state.release if canary else decided["release"]], trial
        canaries += decided.get("release") == tampering.states[-1].decided
        assert set(CARD.findall(strip)) <= cards, trial
        if state.overlays:
            assert SOLD_OUT not in strip + told["decided"]["body"], "a sold-out item came back"
            assert "hero-fan" not in told["decided"]["body"], "an erased visitor came back"
        noticed += bool(told["faults"])
        replayed += bool(older)
        whole += hero["status"] == 200 and "fs-card" in strip
    # The test would say nothing if all went unnoticed, or if nothing were ever shown.
    assert noticed > 500
    assert replayed > 5
    assert whole > 300
    assert canaries > 300
