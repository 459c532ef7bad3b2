"""Writes events.jsonl in order of time, a day at a time, and counts what it wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from control_plane.demo.calls import Speaker, envelope
from control_plane.demo.dirt import DIRTY_SHARE, TWICE_SHARE, damage
from control_plane.demo.journeys import Journeys, Moment, speaker_of, tell
from control_plane.demo.moments import DAY_MS, day_start_ms
from control_plane.schema import PAGE

ID_BYTES = 12

Spoken = tuple[int, int, Speaker, Moment]


class Written(msgspec.Struct, frozen=True):
    """What a file of events holds. `dirty` are (line number from 1, kind of damage)."""

    events: Counter[str]
    lines: int
    dirty: list[tuple[int, str]]
    twice: list[int]


def write_events(
    file: Path,
    journeys: Journeys,
    bots: list[tuple[Speaker, list[Moment]]],
    end: date,
    draws: np.random.Generator,
) -> Written:
    """Write all calls up to the end of the day `end`; return what they are."""
    with file.open("wb", buffering=1 << 20) as stream:
        recorder = _Recorder(stream, draws)
        for moments in _days(journeys, bots, day_start_ms(end) + DAY_MS):
            recorder.write(moments)
    return Written(recorder.events, recorder.lines, recorder.dirty, recorder.twice)


def _days(
    journeys: Journeys, bots: list[tuple[Speaker, list[Moment]]], until: int
) -> Iterator[list[Spoken]]:
    """Yield each day's moments in order; what a session leaves for later waits its turn."""
    waiting: list[Spoken] = [
        (moment[0], -1 - number, speaker, moment)
        for number, (speaker, moments) in enumerate(bots)
        for moment in moments
    ]
    session, sessions = 0, len(journeys.start)
    if not sessions:
        return
    for edge in range(int(journeys.start[0]) // DAY_MS * DAY_MS + DAY_MS, until + 1, DAY_MS):
        while session < sessions and journeys.start[session] < edge:
            speaker = speaker_of(journeys, session)
            waiting += [(one[0], session, speaker, one) for one in tell(journeys, session)]
            session += 1
        waiting.sort(key=lambda spoken: spoken[:2])
        ready = [spoken for spoken in waiting if spoken[0] < edge]
        waiting = waiting[len(ready) :]
        yield ready


class _Recorder:
    """Writes lines, damages a few, sends a few twice, and keeps the books."""

    def __init__(self, stream: BinaryIO, draws: np.random.Generator) -> None:
        self.stream, self.draws = stream, draws
        self.events: Counter[str] = Counter()
        self.lines = 0
        self.dirty: list[tuple[int, str]] = []
        self.twice: list[int] = []

    def write(self, moments: list[Spoken]) -> None:
        if not moments:
            return
        names = self.draws.bytes(ID_BYTES * len(moments)).hex(".", -ID_BYTES).split(".")
        luck = self.draws.random(len(moments)).tolist()
        for (at, _, speaker, moment), name, chance in zip(moments, names, luck, strict=True):
            call = envelope(speaker, at, name, *moment[1:])
            line = msgspec.json.encode(call)
            self._put(line)
            self.events[moment[1] or PAGE] += 1
            if chance < DIRTY_SHARE:
                kind, broken = damage(call, len(self.dirty), f"{name}-x")
                self._put(broken)
                self.dirty.append((self.lines, kind))
            elif chance < DIRTY_SHARE + TWICE_SHARE:
                self._put(line)
                self.twice.append(self.lines)

    def _put(self, line: bytes) -> None:
        self.stream.write(line + b"\n")
        self.lines += 1
