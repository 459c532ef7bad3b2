"""What a rules file says, checked and complete: the compiler's input."""

from __future__ import annotations

from typing import Any

import msgspec

Blend = tuple[tuple[str, float], ...]


class Exclude(msgspec.Struct, frozen=True):
    """Which items a shelf leaves out."""

    seen: bool = False
    in_cart: bool = True
    bought: bool = True
    unavailable: bool = True


class Weight(msgspec.Struct, frozen=True):
    """Items that count `factor` times: those that meet `condition`, and the named ones."""

    condition: dict[str, Any] | None
    items: tuple[str, ...]
    factor: float


class Html(msgspec.Struct, frozen=True, tag="html"):
    """Fixed markup."""

    html: str


class Items(msgspec.Struct, frozen=True, tag="items", kw_only=True):
    """A shelf: `stages` are tried until `limit` is full; each blends sources by weight.

    `reminder` brings back what was seen in this session. `diversity` bounds how many items may
    share a category or group. `weights` are those of `boost`, then those of `bury`.
    """

    stages: tuple[Blend, ...]
    limit: int = 12
    exclude: Exclude = Exclude()
    reminder: bool = True
    template: str = "product-strip"
    pin: tuple[str, ...] = ()
    weights: tuple[Weight, ...] = ()
    diversity: dict[str, int] = msgspec.field(default_factory=lambda: {"group": 1})


Content = Html | Items


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """Variations (content names) shown by assignment; people are told apart by device id.

    `namespace` is (name, from, to); experiments in parts of one that do not overlap never share
    a person. A new `phase` assigns everybody anew.
    """

    key: str
    variations: tuple[str, ...]
    weights: tuple[float, ...]
    coverage: float = 1.0
    namespace: tuple[str, float, float] | None = None
    phase: int = 1


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Shows `show` or runs `experiment` while `when` matches, from `starts` until before `ends`.

    Times are epoch milliseconds.
    """

    id: str
    when: dict[str, Any] | None = None
    starts: int | None = None
    ends: int | None = None
    show: str | None = None
    experiment: Experiment | None = None


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A place on pages: the first rule that matches, else `default`, else the page's content."""

    default: str | None = None
    control: str | None = None
    rules: tuple[Rule, ...] = ()


class Holdout(msgspec.Struct, frozen=True):
    """The share of people who see `control` everywhere."""

    key: str
    share: float


class SegmentUse(msgspec.Struct, frozen=True):
    """Where a condition names a segment."""

    segment: str
    line: int
    field: str


class ExperimentUse(msgspec.Struct, frozen=True):
    """Where a rule runs an experiment: the line and name of the whole and of each of its keys."""

    slot: str
    experiment: Experiment
    places: dict[str, tuple[int, str]]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """A whole rules file. `segments` are conditions by name, `segment_lines` where
    each stands.
    """

    file: str
    timezone: str
    content: dict[str, Content]
    slots: dict[str, Slot]
    holdout: Holdout | None = None
    segments: dict[str, dict[str, Any]] = {}
    segment_lines: dict[str, int] = {}
    segment_uses: tuple[SegmentUse, ...] = ()
    experiment_uses: tuple[ExperimentUse, ...] = ()
