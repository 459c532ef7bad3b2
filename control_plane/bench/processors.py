"""Gives the measuring and the measured processors of their own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def apart(pids: Iterable[int]) -> Iterator[None]:
    """Keep this process on one processor and those measured on the others, for a while.

    Where both ends of a connection share a processor, to wake the other costs half of what it
    costs otherwise, and the system moves them at will: left to it, the ratio of two workers was
    seen to change from 1.3 to 2.6 from one minute to the next. With one processor alone, or on
    a system that does not tell, all stay where they are.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(allowed) < 2:
        yield
        return
    measured = list(pids)
    for pid in measured:
        _keep(pid, allowed[1:])
    _keep(os.getpid(), allowed[:1])
    try:
        yield
    finally:
        for pid in [os.getpid(), *measured]:
            _keep(pid, allowed)


def _keep(pid: int, processors: Iterable[int]) -> None:
    """Keep all threads of a process, and those it will start, on some processors."""
    try:
        threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    except FileNotFoundError:
        return  # it has ended
    for thread in threads:
        try:
            os.sched_setaffinity(thread, processors)
        except ProcessLookupError:
            continue  # it has ended meanwhile
