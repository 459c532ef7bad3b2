"""How a canary fares against what is live, by the counts that isolates put into the store.

Counts are by release, and hold nothing of any visitor (edge_bundle/extras/canary.js). Rates are
compared by Fisher's exact test, one-sided, at a level strict enough to be looked at again and
again, and count only when they differ by something that matters.
"""

from __future__ import annotations

import logging
import random
from typing import Literal

import msgspec

from control_plane.deploy.head import Canary, Head
from control_plane.deploy.target import Target
from control_plane.settings import Deploy
from control_plane.tables import digest

log = logging.getLogger(__name__)

#: Isolates whose counts are read: a sample has the same rates, and calls to the API are limited.
MAX_ISOLATES = 200

#: A difference that chance alone makes less often than this is none of chance.
CHANCE = 0.001

Verdict = Literal["healthy", "unhealthy", "waiting"]
Rate = Literal["empty", "faults"]

#: The rates that are compared, in words, with the setting that bounds the difference.
RATES: tuple[tuple[Rate, str, str], ...] = (
    ("faults", "faults in", "canary_faults"),
    ("empty", "empty shelves in", "canary_empty"),
)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What one release did: decisions, empty shelves and faults among them, reads and their ms."""

    decisions: int = 0
    empty: int = 0
    faults: int = 0
    reads: int = 0
    read_ms: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        """Return the sum of two tallies."""
        names = self.__struct_fields__
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def rate(self, name: Rate) -> float:
        """Return a count a decision, at most 1."""
        return min(1.0, getattr(self, name) / self.decisions) if self.decisions else 0.0

    @property
    def mean_read_ms(self) -> float:
        """Return how long a read took, 0 without one."""
        return self.read_ms / self.reads if self.reads else 0.0


class CanaryHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, what it rests on, and the counts of how many isolates."""

    verdict: Verdict
    reasons: tuple[str, ...]
    isolates: int
    live: Tally
    canary: Tally


class _Told(msgspec.Struct, frozen=True):
    """What one isolate put into the store (times are epoch ms)."""

    since: float
    until: float
    releases: dict[str, Tally]


def canary_health(target: Target, head: Head, canary: Canary, rule: Deploy) -> CanaryHealth:
    """Return how the canary fares so far; PlatformError when the target does not play along."""
    told = _read(target, canary)
    total = {
        name: sum((one.releases.get(name, Tally()) for one in told), Tally())
        for name in (head.live.release, canary.release)
    }
    live, own = total[head.live.release], total[canary.release]
    verdict, reasons = judge(live, own, rule)
    manifest = target.get(canary.manifest)
    if manifest is None or digest(manifest) != canary.digest:
        # No isolate can open it, and so none counts anything of it.
        verdict, reasons = "unhealthy", ["its manifest is missing or changed: nobody sees it"]
    return CanaryHealth(
        verdict=verdict, reasons=tuple(reasons), isolates=len(told), live=live, canary=own
    )


def judge(live: Tally, canary: Tally, rule: Deploy) -> tuple[Verdict, list[str]]:
    """Return the verdict on a canary's tally beside what is live, and what it rests on."""
    worse = [
        f"{words} {canary.rate(name):.2%} of decisions, {live.rate(name):.2%} of what is live"
        for name, words, bound in RATES
        if _is_worse(live, canary, name, getattr(rule, bound))
    ]
    if _reads_slower(live, canary, rule):
        worse.append(
            f"a read takes {canary.mean_read_ms:.0f} ms, {live.mean_read_ms:.0f} ms of what is live"
        )
    if worse:
        return "unhealthy", worse
    least = rule.canary_decisions
    if min(live.decisions, canary.decisions) < least:
        return "waiting", [
            f"{canary.decisions:,} decisions of the canary and {live.decisions:,} of what is live "
            f"so far; {least:,} of each tell enough"
        ]
    return "healthy", [f"nothing is worse in {canary.decisions:,} decisions"]


def _is_worse(live: Tally, canary: Tally, name: Rate, least: float) -> bool:
    """Whether a rate is worse by more than `least`, and by more than chance."""
    difference = canary.rate(name) - live.rate(name)
    if difference <= least or not (live.decisions and canary.decisions):
        return False
    from scipy.stats import hypergeom  # a second to load, and wanted here alone

    counted = [min(getattr(one, name), one.decisions) for one in (live, canary)]
    both = live.decisions + canary.decisions
    chance = float(hypergeom.sf(counted[1] - 1, both, sum(counted), canary.decisions))
    return chance < CHANCE


def _reads_slower(live: Tally, canary: Tally, rule: Deploy) -> bool:
    if min(live.reads, canary.reads) < rule.canary_reads:
        return False
    return canary.mean_read_ms > max(
        rule.canary_read_ratio * live.mean_read_ms, live.mean_read_ms + rule.canary_read_ms
    )


def _read(target: Target, canary: Canary) -> list[_Told]:
    keys = list(target.keys(f"h-{canary.release}-"))
    told = []
    for key in random.sample(keys, min(len(keys), MAX_ISOLATES)):
        value = target.get(key)
        try:
            told.append(msgspec.json.decode(value or b"", type=_Told))
        except msgspec.DecodeError as error:
            log.warning("%r: %s holds no counts (%s); left out.", target, key, error)
    # Counts of an earlier run of the same canary say nothing of this one.
    return [one for one in told if one.since >= canary.since]
