"""Rows for known visitors, by the models that pay on the shop's own held-out data."""

from __future__ import annotations

from typing import Any

import msgspec

from control_plane.models.artifacts import Rows, Sets
from control_plane.models.visitors import linear, lowrank, neighbourhood
from control_plane.models.visitors.choose import (
    DEFAULT_WEIGHTS,
    HALF_LIFE_DAYS,
    Choice,
    choose,
)
from control_plane.models.visitors.heldout import hold_out
from control_plane.models.visitors.histories import Histories
from control_plane.models.visitors.mixture import (
    LINEAR,
    LOWRANK,
    NEIGHBOURHOOD,
    Tables,
    fit_near,
    fit_tables,
    mix,
)
from control_plane.models.visitors.rows import visitor_rows
from control_plane.models.visitors.taken import Taken, take

#: With at most this share of all items held out, the tables that chose also serve.
SERVING_SHARE = 0.02

#: Work a second of one core, measured on Gowalla: products counted, takers of near items
#: counted and solved, thousand multiplications.
_RATES = {NEIGHBOURHOOD: 6e6, LINEAR: 5e6, LOWRANK: 8e6}


class Fitted(msgspec.Struct, frozen=True):
    """The visitors' rows, the table from item to item that made them, and why it is as it is."""

    rows: Rows
    table: Rows
    report: dict[str, Any]


def fit_visitors(
    histories: Histories,
    item_count: int,
    limit: int,
    budget_seconds: float,
    seed: int,
    hidden: Sets,
) -> Fitted:
    """Return `limit` items for each visitor, new to them and not `hidden`.

    The heavier models are fitted when they are estimated to take `budget_seconds` at most: an
    estimate, never the clock, so that the same input gives the same bytes.
    """
    held = hold_out(histories)
    taken = take(held.older if held else histories, item_count)
    near = fit_near(taken)
    twice = held is not None and held.share > SERVING_SHARE
    models, note = affordable(taken, near, budget_seconds / (2 if twice else 1))
    tables = fit_tables(taken, near, models, seed)
    choice = choose(held, tables) if held else _by_default(models)
    if twice:
        tables = _refit(histories, item_count, choice, seed)
    table = mix(tables, choice.weights)
    rows = visitor_rows(histories, table, item_count, limit, choice.half_life_days, hidden)
    report = {
        "weights": choice.weights,
        "half_life_days": choice.half_life_days,
        "held_out_visitors": len(held.visitors) if held else 0,
        "ndcg_tried": choice.tried,
        "note": note,
    }
    return Fitted(rows, table, report)


def affordable(taken: Taken, near: Rows, seconds: float) -> tuple[tuple[str, ...], str]:
    """Return the models worth fitting within about so many seconds, and why others are not."""
    if not lowrank.directions(taken):
        return (NEIGHBOURHOOD,), "too few visitors or items for more than the neighbourhood"
    needed = sum(estimate_seconds(taken, near).values())
    if needed > seconds:
        return (NEIGHBOURHOOD,), (
            f"the other models would take about {needed:,.0f} s, more than train.visitor_seconds "
            f"leaves ({seconds:g}): neighbourhood alone"
        )
    return (NEIGHBOURHOOD, LINEAR, LOWRANK), ""


def estimate_seconds(taken: Taken, near: Rows) -> dict[str, float]:
    """Return about how many seconds of one core each model takes."""
    work = {
        NEIGHBOURHOOD: neighbourhood.work(taken),
        LINEAR: linear.work(taken, near),
        LOWRANK: lowrank.work(taken, near),
    }
    return {name: work[name] / rate for name, rate in _RATES.items()}


def _by_default(models: tuple[str, ...]) -> Choice:
    weights = DEFAULT_WEIGHTS if set(models) >= set(DEFAULT_WEIGHTS) else {NEIGHBOURHOOD: 1.0}
    return Choice(dict(weights), HALF_LIFE_DAYS, {})


def _refit(histories: Histories, item_count: int, choice: Choice, seed: int) -> Tables:
    taken = take(histories, item_count)
    return fit_tables(taken, fit_near(taken), tuple(choice.weights), seed)
