"""The views that shelves are compared in: which cases belong to each, and what baselines do."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.evaluation import baselines
from control_plane.evaluation.cases import (
    ARRIVAL,
    SESSION,
    Cases,
    Past,
    join_sets,
    take_sets,
    unseen,
)
from control_plane.evaluation.nearest_sessions import VMIS, VMIS_RECIPE, NearestSessions
from control_plane.evaluation.shelves import BESIDE, KNOWING, sources
from control_plane.models.artifacts import Sets
from control_plane.profiles.sessions import Sessions
from control_plane.rules.shapes import Items

REPEATS, DISCOVER = "with repeats", "discover"
PAGE, PAGE_DISCOVER = "on the product's page", "discover on the product's page"


class View(msgspec.Struct, frozen=True):
    """Cases of one situation, what their visitors knew before, and what no list may hold."""

    situation: str
    view: str
    says: str
    cases: Cases
    known: Sets
    excluded: Sets | None


def make_views(session: Cases, arrival: Cases, past: Past) -> list[View]:
    """Return all views that have a case."""
    views = [*_views(session, past), *_page_views(session, past), *_views(arrival, past)]
    return [view for view in views if len(view.cases)]


def fits(items: Items, view: View) -> bool:
    """Say whether a shelf is meant for a view."""
    used = sources(items)
    if used & set(BESIDE):
        return view.view == (PAGE_DISCOVER if items.exclude.seen else PAGE)
    if view.situation == ARRIVAL and not used & {*KNOWING, "popular", "popular_here"}:
        return False
    return view.view == (DISCOVER if items.exclude.seen else REPEATS)


class Baselines:
    """The plain methods, each learned once from the older sessions."""

    def __init__(self, sessions: Sessions, popularity: NDArray[np.float64]) -> None:
        items = len(popularity)
        self._popular = baselines.popular(popularity)
        self._items = items
        self._tables: dict[str, baselines.Ranker] = {
            baselines.ASSOCIATION: baselines.association_rules(sessions, items),
            baselines.SEQUENTIAL: baselines.sequential_rules(sessions, items),
            baselines.COSINE: baselines.item_cosine(sessions, items),
            VMIS: NearestSessions(VMIS_RECIPE, sessions, items),
        }

    def of(self, view: View) -> dict[str, baselines.Ranker]:
        """Return the baselines of a view by name; popularity comes first."""
        if view.situation == SESSION:
            return {baselines.POPULAR: self._popular, **self._tables}
        ranked = {baselines.POPULAR: self._popular}
        if view.view == REPEATS:
            ranked[baselines.OWN] = baselines.own_again(view.known, self._items)
        return ranked


def _views(cases: Cases, past: Past) -> list[View]:
    known, situation = past.of(cases), cases.situation
    new = unseen(cases, known)
    met = past.of(new)
    wanted = "the very next product" if situation == SESSION else "all that a visitor came for"
    return [
        View(situation, REPEATS, f"{wanted}, met before or not", cases, known, None),
        View(situation, DISCOVER, f"{wanted}, of what they had not met before; lists leave out "
             "what they had", new, met, join_sets(new.met, met)),
    ]  # fmt: skip


def _page_views(cases: Cases, past: Past) -> list[View]:
    """On a product's page that one is never shown, so that cases that repeat it are out."""
    last = cases.met.items[cases.met.indptr[1:] - 1]
    moved = np.flatnonzero(cases.wanted.items != last)
    left, says = cases.take(moved), "the next product after the one whose page is shown"
    pages, _ = take_sets(Sets(np.arange(len(last) + 1), last), moved)
    _, new = _views(left, past)
    new_says = f"{says}, where they had not met it before"
    return [
        View(cases.situation, PAGE, says, left, past.of(left), pages),
        msgspec.structs.replace(new, view=PAGE_DISCOVER, says=new_says),
    ]
