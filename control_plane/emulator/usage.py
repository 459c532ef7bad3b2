"""The limits of the platform that workerd does not enforce, measured from outside.

CPU and calls belong to a request only while it is alone, so they are measured around
`dispatch_fetch`, one at a time. CPU is that of workerd's main thread, which runs the JavaScript;
memory is what the process has grown since it started to serve.
"""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from control_plane.deploy.modules import Module
from control_plane.emulator.workerd import LogLine, OnLog
from control_plane.errors import PlatformError

PROC = Path("/proc")
SUBREQUESTS, KV_CALLS = "subrequests", "kv_calls"
#: The status and the number that the platform answers for a worker that used too much.
EXCEEDED_STATUS, EXCEEDED = 503, 1102


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker may use: by default what the platform's free tier gives.

    `script_mb` counts the modules compressed; `kv_calls` a bulk read as one. A breach is logged
    and counted; with `strict` the request is also answered as the platform would, with an error.
    """

    cpu_ms: float = 10.0
    memory_mb: float = 128.0
    script_mb: float = 3.0
    subrequests: int = 50
    kv_calls: int = 1000
    strict: bool = False


class Breach(msgspec.Struct, frozen=True):
    """A limit that was exceeded: by how much, and where."""

    limit: str
    used: float
    allowed: float
    where: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"limit {self.limit}: {self.used:.4g} of {self.allowed:g} used by {self.where}"


class Usage:
    """What a worker used; `breaches` tells each time it was too much, `counts` by limit.

    Without an allowance nothing is measured.
    """

    def __init__(self, allowance: Allowance | None, on_log: OnLog) -> None:
        self.allowance, self._on_log = allowance, on_log
        self.breaches: list[Breach] = []
        self.counts: Counter[str] = Counter()
        #: Of the last request that was alone.
        self.last: dict[str, float] = {}
        self._calls: Counter[str] = Counter()
        self._lock, self._running, self._alone = threading.Lock(), 0, True
        self._memory_at_start = 0.0

    @property
    def strict(self) -> bool:
        """Whether a request that uses too much gets an error."""
        return self.allowance is not None and self.allowance.strict

    def check_script(self, modules: Iterable[Module]) -> None:
        """Weigh a script; raise PlatformError when it is too large and the allowance strict."""
        if self.allowance is None:
            return
        size = len(gzip.compress(b"".join(module.source for module in modules), 9))
        breaches = self._check("script_mb", size / 1e6, "the script, compressed")
        if breaches and self.strict:
            raise PlatformError(f"{breaches[0]}.\n  Leave modules out, or bundle and minify them.")

    def started(self, pid: int | None) -> None:
        """Take note of the process that serves from now on."""
        self._memory_at_start = memory_mb(pid)

    def counted(self, name: str, app: ASGIApp) -> ASGIApp:
        """Return the app, with the calls it gets counted as `name`."""

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            self._calls[name] += 1
            await app(scope, receive, send)

        return counting

    @contextmanager
    def request(self, where: str, pid: int | None) -> Iterator[list[Breach]]:
        """Measure one request; the list holds its breaches once the context has ended.

        Requests that overlap are not measured.
        """
        found: list[Breach] = []
        if self.allowance is None:
            yield found
            return
        self._begin()
        before = cpu_ms(pid)
        try:
            yield found
        finally:
            used, alone = cpu_ms(pid) - before, self._end()
        if alone:
            memory = memory_mb(pid) - self._memory_at_start
            self.last = {"cpu_ms": used, "memory_mb": memory, **self._calls}
            for limit, amount in self.last.items():
                found += self._check(limit, amount, where)

    def _begin(self) -> None:
        with self._lock:
            self._alone = self._running == 0
            self._running += 1
            if self._alone:
                self._calls = Counter({SUBREQUESTS: 0, KV_CALLS: 0})

    def _end(self) -> bool:
        with self._lock:
            self._running -= 1
            return self._alone

    def _check(self, limit: str, used: float, where: str) -> list[Breach]:
        allowed = getattr(self.allowance, limit)
        if used <= allowed:
            return []
        breach = Breach(limit, used, allowed, where)
        self.breaches.append(breach)
        self.counts[limit] += 1
        self._on_log(LogLine("warn", str(breach)))
        return [breach]


def exceeded(request: httpx.Request, breaches: list[Breach]) -> httpx.Response:
    """Return what the platform answers in the place of a worker that used too much."""
    text = f"error code: {EXCEEDED}\n" + "".join(f"{breach}\n" for breach in breaches)
    return httpx.Response(EXCEEDED_STATUS, text=text, request=request)


def cpu_ms(pid: int | None) -> float:
    """Return the CPU that a process's main thread has used; 0 where the system does not tell."""
    try:
        text = (PROC / str(pid) / "task" / str(pid) / "schedstat").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(text.split()[0]) / 1e6


def memory_mb(pid: int | None) -> float:
    """Return the resident memory of a process; 0 where the system does not tell."""
    try:
        text = (PROC / str(pid) / "status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    lines = (line.split() for line in text.splitlines())
    return next((int(line[1]) / 1024 for line in lines if line and line[0] == "VmRSS:"), 0.0)
