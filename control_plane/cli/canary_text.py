"""How a canary and what it does are told to people."""

from __future__ import annotations

from control_plane.cli.options import time_text
from control_plane.deploy.canary_health import CanaryHealth, Tally
from control_plane.deploy.head import Canary


def canary_line(canary: Canary) -> str:
    """Say which release is the canary, of how many, since when."""
    since = time_text(canary.since)
    return f"release {canary.release} is the canary of {canary.share:.1%} of devices since {since}"


def health_lines(health: CanaryHealth) -> list[str]:
    """Say how the canary fares beside what is live, and the verdict."""
    return [
        f"counts of {health.isolates:,} isolate{'s' * (health.isolates != 1)}",
        _tally_line("live", health.live),
        _tally_line("canary", health.canary),
        f"{health.verdict}: {'; '.join(health.reasons)}",
    ]


def _tally_line(name: str, tally: Tally) -> str:
    return (
        f"{name:<7} {tally.decisions:>9,} decisions, empty {tally.rate('empty'):.2%}, "
        f"faults {tally.rate('faults'):.2%}, {tally.reads:,} reads of {tally.mean_read_ms:.0f} ms"
    )
