"""Calls back when one of some files was changed, looked at twice a second."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

LOOK_SECONDS = 0.5

State = list[tuple[int, int] | None]


class Watch:
    """Watches files from a thread of its own until `close`; `changed` must not raise."""

    def __init__(self, files: Sequence[Path], changed: Callable[[], None]) -> None:
        self._files, self._changed = files, changed
        self._over = threading.Event()
        self._seen = self._state()
        self._thread = threading.Thread(target=self._look, name="frontshelf-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more; a call that is under way ends first."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            now = self._state()
            if now != self._seen:
                self._seen = now
                self._changed()

    def _state(self) -> State:
        return [_state_of(file) for file in self._files]


def _state_of(file: Path) -> tuple[int, int] | None:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_ino
