"""Generates the sample shop: its catalogue, two months of visits, its rules, and the truth."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np

from control_plane.demo.catalogue import make_catalogue
from control_plane.demo.journeys import bot_journeys, plan_journeys
from control_plane.demo.people import make_people
from control_plane.demo.record import write_events
from control_plane.demo.tastes import affinities
from control_plane.demo.taxonomy import load_taxonomy
from control_plane.demo.truth import truth_of
from control_plane.demo.walks import walk

END = date(2026, 10, 31)

ITEMS, EVENTS, TRUTH, RULES = "items.jsonl", "events.jsonl", "truth.json", "rules.yaml"


class SampleShop(msgspec.Struct, frozen=True, kw_only=True):
    """What was generated. `lines` of events.jsonl = events + dirty + twice."""

    folder: Path
    products: int
    visitors: int
    sessions: int
    events: int
    lines: int
    dirty: int
    twice: int
    bots: int


def generate(
    folder: Path,
    *,
    seed: int = 7,
    products: int = 2000,
    visitors: int = 20_000,
    days: int = 61,
    end: date = END,
) -> SampleShop:
    """Write items.jsonl, events.jsonl, truth.json and rules.yaml into `folder`.

    The same arguments give the same bytes. `end` is the last day that has events, in UTC.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(seed)
    taxonomy = load_taxonomy()
    shop = make_catalogue(taxonomy, products, draws)
    groups = affinities([shelf.key for shelf in taxonomy.categories], np.diff(shop.first) > 0)
    people = make_people(visitors, groups, draws)
    walks = walk(people, shop, draws)
    journeys = plan_journeys(people, shop, walks, (end, days), draws)
    bots = bot_journeys(visitors, shop, (end, days), draws)
    _replace(folder / ITEMS, b"".join(msgspec.json.encode(row) + b"\n" for row in shop.rows))
    partial = folder / f"{EVENTS}.partial"
    written = write_events(partial, journeys, bots, end, draws)
    partial.replace(folder / EVENTS)
    truth = truth_of(people, shop, groups, written, [bot.anonymous_id for bot, _ in bots])
    _replace(folder / TRUTH, msgspec.json.encode(truth))
    _replace(folder / RULES, rules_text().encode())
    return SampleShop(
        folder=folder,
        products=len(shop.rows),
        visitors=visitors,
        sessions=len(walks.visitor),
        events=written.events.total(),
        lines=written.lines,
        dirty=len(written.dirty),
        twice=len(written.twice),
        bots=len(bots),
    )


def rules_text() -> str:
    """Return the sample shop's rules.yaml."""
    return files("control_plane.demo").joinpath("rules.yaml").read_text(encoding="utf-8")


def _replace(file: Path, content: bytes) -> None:
    partial = file.with_name(f"{file.name}.partial")
    partial.write_bytes(content)
    partial.replace(file)
