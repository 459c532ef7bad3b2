"""Runs the command line's own steps, each a process of its own, and says what they took."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import msgspec

from control_plane.errors import WorkError


class Step(msgspec.Struct, frozen=True):
    """What a command took: seconds, of CPU too, and its peak of memory in MB."""

    seconds: float
    cpu_seconds: float
    peak_mb: int


def run_step(*arguments: str) -> Step:
    """Run a command of `frontshelf`; raise WorkError when it fails."""
    call = [sys.executable, "-c", "from control_plane.cli import main; main()", *arguments]
    started = time.monotonic()
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise WorkError(f"frontshelf {' '.join(arguments)} failed; it says why above.")
    return Step(
        seconds=round(time.monotonic() - started, 2),
        cpu_seconds=round(usage.ru_utime + usage.ru_stime, 2),
        peak_mb=round(usage.ru_maxrss / 1024),
    )
