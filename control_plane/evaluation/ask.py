"""Turns cases into what a shelf is asked with, here and at the edge."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.evaluation.cases import SESSION
from control_plane.evaluation.edge import Answers
from control_plane.evaluation.panels import PAGE, PAGE_DISCOVER, View
from control_plane.evaluation.served import Visit, shelf
from control_plane.evaluation.tables import Tables
from control_plane.keyring import format_visitor_key
from control_plane.models.artifacts import Model
from control_plane.profiles.interest import KINDS, Interest


class Asked(msgspec.Struct, frozen=True):
    """The visits of a view's cases, and the same as bodies of `decide`; `segment` is one's key."""

    visits: list[Visit]
    bodies: list[dict[str, Any]]
    segment: list[str]


class Shown(msgspec.Struct, frozen=True):
    """Lists (n, k) of item numbers, -1 where short; why each begins as it does; seconds a list."""

    items: NDArray[np.int32]
    reasons: list[str]
    seconds: list[float]


def ask_for(view: View, model: Model, tables: Tables, interest: Interest) -> Asked:
    """Return what each case of a view asks a shelf with."""
    cases, ids = view.cases, interest.item_ids
    place = np.array([tables.place.get(item, -1) for item in ids], dtype=np.int64)
    keys = np.append(model.visitors.keys, np.uint64(0))
    row = np.searchsorted(model.visitors.keys, cases.person)
    row = np.where((keys[row] == cases.person) & (cases.person > 0), row, -1)
    segment = np.append(model.visitors.segment, np.int16(-1))[row]
    asked = Asked([], [], [])
    for case in range(len(cases)):
        part = slice(cases.history.indptr[case], cases.history.indptr[case + 1])
        items = cases.history.items[part]
        page = int(items[-1]) if view.view in (PAGE, PAGE_DISCOVER) else -1
        placed = [model.segments[segment[case]].key] if segment[case] >= 0 else []
        visit = Visit(
            events=place[items],
            kinds=[KINDS[kind] for kind in cases.kinds[part]],
            row=int(row[case]),
            page=int(place[page]) if page >= 0 else -1,
            country=interest.countries[cases.country[case]],
            segments=tuple(placed),
        )
        asked.visits.append(visit)
        asked.segment.append(placed[0] if placed else "")
        skus = [ids[item] for item in items]
        person = int(cases.person[case])
        asked.bodies.append(_body(visit, skus, person, ids[page] if page >= 0 else ""))
    return asked


def _body(visit: Visit, items: list[str], person: int, page: str) -> dict[str, Any]:
    """Return what asks the edge for the same; whoever has no row may still be named."""
    events = [{"event": kind, "item": item} for kind, item in zip(visit.kinds, items, strict=True)]
    body: dict[str, Any] = {
        "consent": {"personalization": True},
        "attributes": {"segments": list(visit.segments), "country": visit.country},
        "session": {"events": events},
    }
    if person:
        body["visitor"] = format_visitor_key(person)
    if page:
        body["page"] = {"item": page}
    return body


def show_offline(
    tables: Tables, content: dict[str, Any], asked: Asked, numbers: NDArray[np.int32], k: int
) -> Shown:
    """Return what a shelf shows, worked out here; `numbers` (places,) are items by their place."""
    out = np.full((len(asked.visits), k), -1, dtype=np.int32)
    shown = Shown(out, [], [])
    for case, visit in enumerate(asked.visits):
        started = time.perf_counter()
        items, source = shelf(tables, content, visit, k)
        shown.seconds.append(time.perf_counter() - started)
        shown.reasons.append(source or "empty")
        out[case, : len(items)] = numbers[items]
    return shown


def from_edge(answers: Answers, number: dict[str, int], k: int) -> Shown:
    """Return what the edge showed as item numbers."""
    out = np.full((len(answers.items), k), -1, dtype=np.int32)
    for case, items in enumerate(answers.items):
        out[case, : len(items)] = [number[item] for item in items]
    return Shown(out, answers.reasons, answers.seconds)


def history_group(view: View) -> list[str]:
    """Return how much each case's session tells: by its number of events, "" outside one."""
    if view.cases.situation != SESSION:
        return [""] * len(view.cases)
    lengths = np.diff(view.cases.history.indptr)
    names = np.array(["1 click", "2 clicks", "3 or 4", "5 to 9", "10 or more"])
    return [str(name) for name in names[np.searchsorted([1, 2, 4, 9], lengths)]]
