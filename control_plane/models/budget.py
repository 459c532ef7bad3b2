"""How much of the log may be learned from at once, by the memory there is."""

from __future__ import annotations

import os
from pathlib import Path

from control_plane.settings import Train

#: What training takes beside its events, and for each, both measured (docs/plan.md).
TRAIN_BYTES, TRAIN_EVENT_BYTES = 350_000_000, 1_230

#: What DuckDB takes to read a log that is larger than what is learned from (measured).
READ_BYTES = 700_000_000

#: The share of the machine's memory that training takes at most, unless `train.memory_gb` says.
SHARE = 0.6

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def most_events(train: Train) -> int:
    """Return how many events fit, 1,000 at least."""
    memory = train.memory_gb * 1e9 or SHARE * machine_bytes()
    return max(1000, int((memory - TRAIN_BYTES - READ_BYTES) / TRAIN_EVENT_BYTES))


def machine_bytes() -> int:
    """Return the memory of this machine, or of the container that it is to this process."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *filter(None, map(_limit, _LIMITS))])


def _limit(file: str) -> int | None:
    try:
        text = Path(file).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
