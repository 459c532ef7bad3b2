"""Server CPU per request of several workers, in alternating rounds, as ratios of pairs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

import msgspec

from control_plane.bench.client import Client
from control_plane.bench.processors import apart
from control_plane.emulator.miniflare import Miniflare
from control_plane.errors import PlatformError

#: Workers take turns this often within a round, so that a noisy moment meets them all.
TURNS = 20
#: Rounds before those that count: V8 goes on compiling for some 20,000 requests, at a tenth of
#: their cost, which is no part of what a warm worker takes.
WARM_ROUNDS = 6


class Contender(msgspec.Struct, frozen=True):
    """A worker and the requests it is measured by, sent in turn, over and over.

    The first answer must hold `shows` that many times: a failing answer would be cheap.
    """

    name: str
    worker: Miniflare
    requests: Sequence[bytes]
    shows: bytes = b""
    times: int = 1


class Spread(msgspec.Struct, frozen=True):
    """The least, the middle and the greatest of several figures."""

    min: float
    median: float
    max: float


class Round(msgspec.Struct, frozen=True):
    """Microseconds of server CPU a request, by contender."""

    micros: Mapping[str, float]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user and system, of all threads that a process has had."""
    # The clock id of another process: see clock_getcpuclockid(3) on Linux. Exact to nanoseconds,
    # where /proc/PID/stat counts hundredths of a second.
    return time.clock_gettime((~pid << 3) | 2)


def spread(figures: Sequence[float]) -> Spread:
    """Sum up figures."""
    return Spread(
        round(min(figures), 3), round(statistics.median(figures), 3), round(max(figures), 3)
    )


def alternate(contenders: Sequence[Contender], rounds: int, requests: int) -> Iterator[Round]:
    """Warm all up, then yield rounds in which each contender gets as many requests."""
    with ExitStack() as closing:
        clients = [closing.enter_context(Client(c.worker.ready)) for c in contenders]
        for contender, client in zip(contenders, clients, strict=True):
            _check(contender, client)
        closing.enter_context(apart(c.worker.pid for c in contenders if c.worker.pid))
        for _ in range(WARM_ROUNDS):
            _turns(contenders, clients, requests)
        for _ in range(rounds):
            yield Round(_turns(contenders, clients, requests))


def _check(contender: Contender, client: Client) -> None:
    body = client.ask(contender.requests[0])
    if body.count(contender.shows) < contender.times:
        raise PlatformError(
            f"{contender.name}: the answer does not show {contender.shows!r} "
            f"{contender.times} times, so it is not measured: {body[:300]!r}"
        )


def _turns(
    contenders: Sequence[Contender], clients: Sequence[Client], requests: int
) -> dict[str, float]:
    each = max(1, requests // TURNS)
    used = dict.fromkeys((c.name for c in contenders), 0.0)
    for turn in range(TURNS):
        for contender, client in zip(contenders, clients, strict=True):
            used[contender.name] += _spent(contender, client, turn * each, each)
    return {name: 1e6 * seconds / (each * TURNS) for name, seconds in used.items()}


def _spent(contender: Contender, client: Client, first: int, count: int) -> float:
    pid, sent = contender.worker.pid, contender.requests
    if pid is None:
        raise PlatformError(f"the worker {contender.name} is not running")
    before = cpu_seconds(pid)
    for number in range(first, first + count):
        client.ask(sent[number % len(sent)])
    return cpu_seconds(pid) - before


def ratios(rounds: Sequence[Round], over: str, under: str) -> Spread:
    """Return the ratio of two contenders, pair by pair."""
    return spread([one.micros[over] / one.micros[under] for one in rounds])
