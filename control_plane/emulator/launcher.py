"""Becomes workerd, tied to the life of the process that started it.

Run as a program, alone in its process, so that nothing has to happen between fork and exec of
a program with threads: `launcher.py signal|pipe PARENT LIFELINE COMMAND…`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process as soon as its parent ends (Linux)."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have ended before the kernel was told.
    if os.getppid() != parent:
        os._exit(1)


def watch_lifeline(lifeline: int) -> None:
    """Leave a child behind that kills this process once the other end of the pipe is closed."""
    guarded = os.getpid()
    if os.fork():
        return
    os.dup2(lifeline, 3)
    os.closerange(4, 1024)
    for stream in (0, 1, 2):
        os.close(stream)
    os.read(3, 1)
    # Another parent means that the guarded process has ended and its number may be reused.
    if os.getppid() == guarded:
        os.kill(guarded, signal.SIGKILL)
    os._exit(0)


def main(arguments: list[str]) -> None:
    """Tie the process to its parent and execute the command."""
    tie, parent, lifeline, *command = arguments
    if tie == "signal":
        die_with_parent(int(parent))
    else:
        watch_lifeline(int(lifeline))
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
