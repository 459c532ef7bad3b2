"""Supervises workerd: starts it, reads what it says, restarts it, and never leaves one behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from control_plane.emulator.config import SOCKET
from control_plane.emulator.server import port_taken
from control_plane.errors import PlatformError

READY_SECONDS = 30.0
FIRST_RESTART_SECONDS, LONGEST_RESTART_SECONDS = 0.1, 5.0
#: A process that ran this long was healthy: its end starts the waiting times anew.
HEALTHY_SECONDS = 10.0
DEFER_SECONDS = 5
LONGEST_LINE = 1024 * 1024

LAUNCHER = Path(__file__).with_name("launcher.py")


class LogLine(msgspec.Struct, frozen=True):
    """One line of a worker's log; `level` is debug, log, info, warn or error."""

    level: str
    message: str


class _RawLine(msgspec.Struct, frozen=True):
    level: str = "log"
    message: str = ""


OnLog = Callable[[LogLine], None]


def listen(port: int) -> socket.socket:
    """Return a socket listening on 127.0.0.1; raise InputError when the port is taken."""
    try:
        listening = socket.create_server(("127.0.0.1", port), backlog=1024)
    except OSError as error:
        raise port_taken(port, error) from error
    # Two workerds accept from it during a reload; neither may wait for a connection that the
    # other has taken.
    listening.setblocking(False)
    # A workerd that ends closes connections it has accepted and not yet heard from. So none is to
    # be accepted before its request is there: without this, 40 reloads under load lost 10 requests.
    if hasattr(socket, "TCP_DEFER_ACCEPT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_SECONDS)
    return listening


class Supervisor:
    """Keep one workerd serving on `listening`.

    All methods run in one event loop, whose thread must outlive the supervisor: the kernel ends
    workerd with the thread that started it. `tie` is how workerd is tied to this process:
    "signal" (Linux) or "pipe".
    """

    def __init__(
        self,
        binary: Path,
        listening: socket.socket,
        on_log: OnLog,
        *,
        grace_seconds: float = 5.0,
        tie: str = "signal" if sys.platform == "linux" else "pipe",
    ) -> None:
        self.binary, self.listening, self.on_log = binary, listening, on_log
        self.grace_seconds, self.tie = grace_seconds, tie
        self.restarts = 0
        self._current: _Workerd | None = None
        self._guard: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process that serves now, or None."""
        return self._current.process.pid if self._current else None

    async def start(self, config: Path) -> None:
        """Serve `config`; raise PlatformError with workerd's own words when it cannot."""
        self._current = await self._launch(config)
        self._guard = asyncio.create_task(self._keep_alive(self._current))

    async def reload(self, config: Path) -> None:
        """Serve `config` from now on: the new process answers before the old one ends.

        The old one answers what it has begun, and closes idle connections, on which a client may
        just be sending: like after any server's time-out, it sends that again (RFC 9112, 9.3.1).
        When the new one cannot start, the old one goes on and PlatformError is raised.
        """
        successor = await self._launch(config)
        await self._stop_guard()
        retired, self._current = self._current, successor
        self._guard = asyncio.create_task(self._keep_alive(successor))
        if retired:
            await retired.stop(self.grace_seconds)

    async def stop(self) -> None:
        """End workerd: politely, then by force."""
        await self._stop_guard()
        if self._current:
            await self._current.stop(self.grace_seconds)
            self._current = None

    async def _stop_guard(self) -> None:
        if self._guard:
            self._guard.cancel()
            await asyncio.gather(self._guard, return_exceptions=True)
            self._guard = None

    async def _keep_alive(self, current: _Workerd) -> None:
        loop, pause = asyncio.get_running_loop(), FIRST_RESTART_SECONDS
        while True:
            born = loop.time()
            status = await current.ended()
            if loop.time() - born > HEALTHY_SECONDS:
                pause = FIRST_RESTART_SECONDS
            self._say(f"workerd ended with status {status}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_RESTART_SECONDS)
            self.restarts += 1
            try:
                current = self._current = await self._launch(current.config)
            except PlatformError as error:
                self._say(str(error))

    async def _launch(self, config: Path) -> _Workerd:
        workerd = _Workerd(config, self.on_log)
        await workerd.launch(self.binary, self.listening, self.tie)
        return workerd

    def _say(self, message: str) -> None:
        self.on_log(LogLine("error", message))


class _Workerd:
    """One process: its pipes, its log, its end."""

    def __init__(self, config: Path, on_log: OnLog) -> None:
        self.config, self.on_log = config, on_log
        self.process: asyncio.subprocess.Process
        self._lifeline = -1
        self._readers: list[asyncio.Task[None]] = []
        self._last_words: list[str] = []

    async def launch(self, binary: Path, listening: socket.socket, tie: str) -> None:
        """Start workerd and wait until it answers."""
        control, control_end = os.pipe()
        lifeline_end, self._lifeline = os.pipe()
        descriptors = (listening.fileno(), control_end, lifeline_end)
        try:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LAUNCHER)),
                *(tie, str(os.getpid()), str(lifeline_end), str(binary), "serve"),
                *(str(self.config), f"--socket-fd={SOCKET}={listening.fileno()}"),
                f"--control-fd={control_end}",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=descriptors,
                # Ctrl-C is meant for us, who end workerd in good order.
                process_group=0,
            )
        except OSError as error:
            os.close(self._lifeline)
            os.close(control)
            raise PlatformError(f"cannot start workerd: {error}") from error
        finally:
            os.close(control_end)
            os.close(lifeline_end)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            self._readers.append(asyncio.create_task(self._read(stream)))
        try:
            await self._ready(control)
        except BaseException:
            await self.stop(0)
            raise

    async def ended(self) -> int:
        """Wait until the process has ended and all it said is read; return its status."""
        status = await self.process.wait()
        self._cut_lifeline()
        await asyncio.gather(*self._readers)
        return status

    async def stop(self, grace_seconds: float) -> None:
        """End the process: SIGTERM, and SIGKILL after the grace."""
        if self.process.returncode is None and grace_seconds:
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), grace_seconds)
            except TimeoutError:
                self.on_log(LogLine("warn", "workerd did not end in time; it is killed"))
        if self.process.returncode is None:
            self._signal(signal.SIGKILL)
        await self.ended()

    def _signal(self, number: int) -> None:
        if self.process.returncode is None:
            self.process.send_signal(number)

    def _cut_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    async def _ready(self, control: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(control, "rb", 0)
        )
        try:
            line = await asyncio.wait_for(reader.readline(), READY_SECONDS)
        except TimeoutError as error:
            raise PlatformError(f"workerd did not answer within {READY_SECONDS:g} s") from error
        finally:
            transport.close()
        if not line:
            status = await self.ended()
            words = "\n  ".join(self._last_words) or "it said nothing"
            raise PlatformError(f"workerd ended at its start (status {status}):\n  {words}")

    async def _read(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._tell(line)
            rest = rest[-LONGEST_LINE:]
        if rest:
            self._tell(rest)

    def _tell(self, line: bytes) -> None:
        try:
            raw = msgspec.json.decode(line, type=_RawLine)
            said = LogLine(raw.level, raw.message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = LogLine("error", line.decode("utf-8", "replace"))
        self._last_words = [*self._last_words[-19:], said.message]
        self.on_log(said)
