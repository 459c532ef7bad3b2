"""What an evaluation found, as data: the JSON that `frontshelf evaluate --json` prints."""

from __future__ import annotations

import msgspec

from control_plane.evaluation.intervals import Estimate
from control_plane.evaluation.metrics import Spread


class Group(msgspec.Struct, frozen=True):
    """Some of the cases: how many, of how many visitors, and the measures over them."""

    cases: int
    units: int
    measures: dict[str, Estimate]


class EdgeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the running worker answered: `identical` lists, its own measures, milliseconds."""

    identical: float
    measures: dict[str, float]
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How one shelf or baseline did.

    `beyond` are paired differences from each baseline. `reasons` says which source gave the first
    item, and for what share of cases. `short` is the share of lists with fewer than k items.
    `groups` are the measures by segment, length of the session so far, and country.
    """

    name: str
    baseline: bool
    measures: dict[str, Estimate]
    spread: Spread
    short: float
    microseconds: float
    stages: list[str] = []
    reasons: dict[str, float] = {}
    beyond: dict[str, dict[str, Estimate]] = {}
    groups: dict[str, dict[str, Group]] = {}
    edge: EdgeFigures | None = None


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """Results that may be compared: same situation, same view, same cases."""

    situation: str
    view: str
    says: str
    cases: int
    units: int
    results: list[Result]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A whole evaluation. `bytes` are the release's by kind, `each` by item and by visitor."""

    since: str
    until: str
    model_time: str
    trained: bool
    k: int
    events: dict[str, int]
    panels: list[Panel]
    bytes: dict[str, int]
    each: dict[str, float]
    seconds: dict[str, float]
    summary: list[str]
    warnings: list[str]
    disagreements: list[str]
