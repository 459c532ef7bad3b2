"""Runs the command line's own steps, each a process of its own, and says what they took."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec

from control_plane.errors import WorkError

#: Starts a command and prints its status, seconds, CPU seconds and peak. A process of its own does:
#: a peak is counted from the fork on, and we are large.
_WATCH = """
import json, os, subprocess, sys, time
started = time.monotonic()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
took = time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
print(json.dumps([os.waitstatus_to_exitcode(status), *took]))
"""


class Step(msgspec.Struct, frozen=True):
    """What a command took: seconds, of CPU too, and its peak of memory in MB."""

    seconds: float
    cpu_seconds: float
    peak_mb: int


def run_step(*arguments: str) -> Step:
    """Run a command of `frontshelf`; raise WorkError when it fails."""
    call = [sys.executable, "-c", "from control_plane.cli import main; main()", *arguments]
    watched = subprocess.run(
        [sys.executable, "-c", _WATCH, *call], stdout=subprocess.PIPE, check=True
    )
    status, seconds, cpu_seconds, peak_mb = json.loads(watched.stdout)
    if status:
        raise WorkError(f"frontshelf {' '.join(arguments)} failed; it says why above.")
    return Step(round(seconds, 2), round(cpu_seconds, 2), round(peak_mb))
