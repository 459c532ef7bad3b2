"""Shelves as the worker makes them from a compiled release: its tables' numbers, its arithmetic.

What recommend.js, sources.js and shelf.js do with a shelf of the rules, in the same order of the
same floating-point operations, so that lists are the worker's to the last tie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.evaluation.tables import Tables

Sums = tuple[NDArray[np.int64], NDArray[np.float64]]

#: What sources.js, scene.js and weights.js hold as LIKED, CART_ITEMS and ENTERS_WITH.
LIKED, CART_ITEMS, ENTERS_WITH = 8, 10, 0.05

_NOTHING: Sums = (np.zeros(0, dtype=np.int64), np.zeros(0))


Source = Callable[[Tables, dict[str, Any], "Visit"], Sums]


class Visit(msgspec.Struct, frozen=True):
    """Whom a shelf is for: places of items in the release, -1 for one it does not know.

    `events` are the session's items, oldest first, with `kinds` ("view", "cart", "order"); `row`
    is the visitor's place among the release's visitors, -1 for none.
    """

    events: NDArray[np.int64]
    kinds: list[str]
    row: int = -1
    page: int = -1
    country: str = ""
    segments: tuple[str, ...] = ()


def shelf(
    tables: Tables, content: dict[str, Any], visit: Visit, limit: int
) -> tuple[list[int], str]:
    """Return the places of the items shown, best first, and the source that gave the first."""
    taken, refused = _Taken(tables, content, visit), _refused(tables, content["exclude"], visit, [])
    pinned = [tables.place.get(sku, -1) for sku in content.get("pin", ())]
    taken.take([item for item in pinned if item >= 0 and item not in refused], limit, "pin")
    for stage in content["from"]:
        if len(taken.items) >= limit:
            break
        items, source = _rank(tables, content, visit, stage)
        taken.take(items, limit, source)
    return taken.items, taken.source


class _Taken:
    """Items on the shelf so far, and what keeps others off it."""

    def __init__(self, tables: Tables, content: dict[str, Any], visit: Visit) -> None:
        self.tables, self.exclude = tables, content["exclude"]
        self.diversity = content.get("diversity") or {}
        self.items: list[int] = []
        self.source = ""
        self.skus = set(_excluded_events(self.exclude, visit)) | {visit.page}
        last = _recent(tables, visit).tolist()
        self.groups = {tables.group[item] for item in last if item in self.skus} - {0}
        self.page_group = tables.group[visit.page] if visit.page >= 0 else 0

    def take(self, ranked: list[int], limit: int, source: str) -> None:
        for item in ranked:
            if len(self.items) >= limit:
                return
            if item not in self.items and not self._kept_out(item):
                self.items.append(item)
                self.source = self.source or source

    def _kept_out(self, item: int) -> bool:
        tables = self.tables
        if self.exclude["unavailable"] and not tables.available[item]:
            return True
        group = tables.group[item]
        if item in self.skus or group in self.groups or (group and group == self.page_group):
            return True
        return self._too_alike(item, group)

    def _too_alike(self, item: int, group: int) -> bool:
        most = self.diversity.get("category")
        if most and self._alike(self.tables.category, self.tables.category[item]) >= most:
            return True
        most = self.diversity.get("group")
        return bool(most and group and self._alike(self.tables.group, group) >= most)

    def _alike(self, column: NDArray[Any], value: Any) -> int:
        return sum(column[other] == value for other in self.items)


def _rank(
    tables: Tables,
    content: dict[str, Any],
    visit: Visit,
    stage: list[tuple[str, float]],
) -> tuple[list[int], str]:
    """Return a stage's items that are not refused, best first, and the leading source."""
    refused = _refused(tables, content["exclude"], visit, stage)
    sums = [_SOURCES[source](tables, content, visit) for source, _ in stage]
    if len(stage) == 1:
        items, scores = sums[0]
    else:
        scaled = [
            (found, weight / (float(values.max(initial=0)) or 1) * values)
            for (_, weight), (found, values) in zip(stage, sums, strict=True)
        ]
        items, scores = _add(scaled)
    items, scores = _weigh(content, items, scores)
    order = np.lexsort((items, -scores))
    best = [item for item in items[order].tolist() if item not in refused]
    return best, _leading(stage, sums, best[0]) if best else ""


def _weigh(content: dict[str, Any], items: NDArray[np.int64], scores: NDArray[np.float64]) -> Sums:
    """Return a stage's scores as `boost` and `bury` have them; what they name enters with some."""
    if "factors" not in content or not len(items):
        return items, scores
    least = ENTERS_WITH * float(scores.max())
    entering = [
        (item, least / (1 + rank / 100))
        for rank, item in enumerate(content["weights"]["enter"])
        if item not in items
    ]
    items = np.append(items, [item for item, _ in entering]).astype(np.int64)
    scores = np.append(scores, [score for _, score in entering])
    return items, scores * content["factors"][items]


def _leading(stage: list[tuple[str, float]], sums: list[Sums], item: int) -> str:
    if len(stage) == 1:
        return stage[0][0]
    shares = []
    for (_, weight), (items, scores) in zip(stage, sums, strict=True):
        own = scores[items == item]
        shares.append(weight * own[0] / (scores.max(initial=0) or 1) if len(own) else 0.0)
    return stage[int(np.argmax(shares))][0]


def _refused(
    tables: Tables, exclude: dict[str, bool], visit: Visit, stage: list[tuple[str, float]]
) -> set[int]:
    """Return what a stage must not show; that it was bought is why `repurchase` has a thing."""
    refused = {visit.page}
    if visit.row >= 0:
        refused.update(tables.hidden(visit.row).tolist())
    if exclude["seen"]:
        refused.update(_recent(tables, visit).tolist())
        if visit.row >= 0:
            refused.update(tables.seen(visit.row).tolist())
    if (exclude["seen"] or exclude["bought"]) and visit.row >= 0:
        again = any(source == "repurchase" for source, _ in stage)
        kept = tables.rebuy(visit.row)[0].tolist() if again else []
        refused.update(set(tables.bought(visit.row).tolist()).difference(kept))
    return refused


def _excluded_events(exclude: dict[str, bool], visit: Visit) -> list[int]:
    told = {kind for name, kind in (("in_cart", "cart"), ("bought", "order")) if exclude[name]}
    return [
        int(item)
        for item, kind in zip(visit.events, visit.kinds, strict=True)
        if exclude["seen"] or kind in told
    ]


def _recent(tables: Tables, visit: Visit) -> NDArray[np.int64]:
    """Return the known items of the session's last events, newest first."""
    last = visit.events[-tables.serving["items"] :][::-1]
    return last[last >= 0]


def _session(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    serving, parts = tables.serving, []
    most = serving["reminder"] * serving["reminder_scale"]
    for place, item in enumerate(_recent(tables, visit).tolist()):
        parts.append(tables.neighbours.row(item, np.exp(-place / serving["decay"])))
        if content["reminder"]:
            weight = most * np.exp(-place / serving["reminder_decay"])
            parts.append((np.array([item]), np.array([weight])))
    return _add(parts)


def _item(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    return tables.neighbours.row(visit.page, 1.0) if visit.page >= 0 else _NOTHING


def _visitor(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    return tables.visitor(visit.row) if visit.row >= 0 else _NOTHING


def _repurchase(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    return tables.rebuy(visit.row) if visit.row >= 0 else _NOTHING


def _segment(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    return _add([_list(tables, f"segment:{key}") for key in visit.segments])


def _popular(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    return _list(tables, "all")


def _popular_here(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    return _list(tables, f"country:{visit.country}", *(f"segment:{k}" for k in visit.segments[:1]))


def _trending(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    return _list(tables, f"trending:{visit.country}", "trending")


def _new(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    """Return what is new, first of the kinds that the session looked at most."""
    items, scores = _list(tables, "new")
    recent = _recent(tables, visit)
    if not len(recent):
        return items, scores
    liked, of = tables.category[recent], tables.category[items]
    carded = np.isin(items, tables.latest_cards) & (of != "")
    times = (liked[:, None] == of).sum(axis=0)
    return items, scores * np.where(carded, 1.0 + LIKED * times, 1.0)


def _related(kind: str) -> Source:
    def sums(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
        if kind not in tables.related:
            return _NOTHING
        asked = [visit.page]
        if visit.page < 0:
            carted = [
                int(item)
                for item, of in zip(visit.events, visit.kinds, strict=True)
                if of == "cart"
            ]
            asked = list(dict.fromkeys(carted))[-CART_ITEMS:]
        return _add([tables.related[kind].row(item, 1.0) for item in asked if item >= 0])

    return sums


def _recently_viewed(tables: Tables, content: dict[str, Any], visit: Visit) -> Sums:
    recent = _recent(tables, visit)
    items, first = np.unique(recent, return_index=True)
    return items, 1 / (first + 1.0)


def _list(tables: Tables, *keys: str) -> Sums:
    """Return the first of some lists that the release has."""
    items = next((tables.lists[key] for key in keys if key in tables.lists), _NOTHING[0])
    return items, 1 / (np.arange(len(items)) + 1.0)


def _add(parts: list[Sums]) -> Sums:
    """Return each item's sum, added up in the order given."""
    if not parts:
        return _NOTHING
    items, place = np.unique(np.concatenate([found for found, _ in parts]), return_inverse=True)
    scores = np.concatenate([values for _, values in parts])
    # bincount adds one after the other, as the worker does.
    return items, np.bincount(place, scores, len(items)).astype(np.float64)


_SOURCES: dict[str, Source] = {
    "item": _item,
    "session": _session,
    "visitor": _visitor,
    "repurchase": _repurchase,
    "segment": _segment,
    "popular": _popular,
    "popular_here": _popular_here,
    "trending": _trending,
    "new": _new,
    "also_bought": _related("also_bought"),
    "similar": _related("similar"),
    "recently_viewed": _recently_viewed,
}
