"""Which contenders are compared, and the most that their ratio may be."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from control_plane.bench.measure import Round, Spread, ratios


class Pair(msgspec.Struct, frozen=True):
    """Two contenders to compare; `bar` is the most that their ratio may be, `aim` a wish."""

    name: str
    over: str
    under: str
    says: str
    bar: float | None = None
    aim: float | None = None


PAIRS = (
    Pair("slot", "slot", "constant", "a 12-card strip / a 1 KB constant", 1.5, 1.25),
    Pair("slot-crowd", "slot-crowd", "constant", "that strip, each time another visitor / 1 KB"),
    Pair("slot-floor", "slot-floor", "constant", "headers read, 3.5 KB of constant / 1 KB"),
    Pair("slot-html", "slot-html", "constant", "a slot of fixed markup / a 1 KB constant"),
    Pair("slot-growthbook", "slot", "growthbook", "that strip / GrowthBook, 20 features", 1.0),
    Pair("decide", "decide", "parse", "decide / JSON parsed, a constant returned", 1.3),
    Pair("decide-crowd", "decide-crowd", "parse", "decide, each time another visitor / parsed"),
    Pair("decide-growthbook", "decide", "growthbook", "decide / GrowthBook, 20 features", 1.0),
    Pair("parse", "parse", "constant", "JSON parsed, a constant returned / a 1 KB constant"),
    Pair("page", "page", "rewrite-nothing", "50 KB, 3 slots / a rewriter without a match", 1.3),
    Pair("page-floor", "page-floor", "rewrite-nothing", "our selectors, constant markup / none"),
    Pair("page-pass", "page", "pass", "50 KB, 3 slots / the page passed through"),
    Pair("ofrep", "ofrep", "constant", "20 targeted flags by OFREP / a 1 KB constant", 1.6),
    Pair("ofrep-crowd", "ofrep-crowd", "constant", "those flags, each time another context / 1 KB"),
    Pair("ofrep-floor", "ofrep-floor", "constant", "a body read, 4 KB of constant / 1 KB"),
    Pair("growthbook", "growthbook", "constant", "GrowthBook, client kept / a 1 KB constant"),
    Pair("growthbook-fresh", "growthbook-fresh", "constant", "GrowthBook, made anew / constant"),
)


class Measured(msgspec.Struct, frozen=True):
    """A pair's ratio over all rounds, and whether its median is within the bar."""

    name: str
    says: str
    ratio: Spread
    bar: float | None
    aim: float | None
    within: bool | None


def measured(pair: Pair, rounds: Sequence[Round]) -> Measured:
    """Return a pair's ratio over all rounds."""
    ratio = ratios(rounds, pair.over, pair.under)
    within = None if pair.bar is None else ratio.median <= pair.bar
    return Measured(pair.name, pair.says, ratio, pair.bar, pair.aim, within)
