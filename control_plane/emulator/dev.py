"""The local edge of a project: what `frontshelf dev` runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec
from starlette.types import ASGIApp

from control_plane.emulator.akamai.local import local_akamai
from control_plane.emulator.akamai_api.local import local_app, local_client, write_edgerc
from control_plane.emulator.faults import Fault
from control_plane.emulator.inbox import Inbox
from control_plane.emulator.local_api import (
    RUNNING_FILE,
    LocalApi,
    Running,
    local_api,
    private_folder,
    project_token,
    read_running,
)
from control_plane.emulator.measured import Measured
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.options import Options, log_to_stderr
from control_plane.emulator.server import ServerThread
from control_plane.emulator.usage import Allowance
from control_plane.emulator.variables import edge_variables
from control_plane.emulator.view import STRICT, View
from control_plane.emulator.watch import Watch
from control_plane.emulator.workerd import OnLog
from control_plane.errors import FrontshelfError, InputError, PlatformError
from control_plane.settings import Project

__all__ = ["LocalApi", "LocalEdge", "Platform", "local_api"]

log = logging.getLogger(__name__)

Platform = Literal["cloudflare", "akamai"]

#: Files of keys that the worker is told of.
KEYS = ("public.json", "visitor.json")


class LocalEdge:
    """The project's edge on 127.0.0.1 until `close`; a context manager.

    `origin` is the shop's own address (None: a plain 404). A `strict` edge sees the store as a
    location of the CDN may, and waits no longer for it; `faults` happen in either. `platform` says
    whose adapter runs; both read the same releases. With an `allowance` requests are taken one at
    a time and each is held to it. It follows the project's keys as they rotate. Raises InputError
    when keys are missing or the port is taken, PlatformError when workerd cannot be had.
    """

    def __init__(
        self,
        project: Project,
        *,
        port: int = 0,
        origin: str | None = None,
        trust_loopback: bool = True,
        strict: bool = False,
        faults: tuple[Fault, ...] = (),
        platform: Platform = "cloudflare",
        allowance: Allowance | None = None,
        on_log: OnLog = log_to_stderr,
    ) -> None:
        client = local_client(project)
        inbox, apps = Inbox(project.inbox), (local_app(project, client),)

        def options() -> Options:
            return msgspec.structs.replace(
                _WORKERS[platform](project, trust_loopback, strict, inbox),
                origin=origin,
                persist=private_folder(project.local),
                port=0 if allowance else port,
                api_token=project_token(project),
                api_variable="LOCAL_APIS",
                apps=apps,
                on_log=on_log,
                kv_view=_view(project, strict, faults),
                allowance=allowance,
            )

        self._options = options
        self._miniflare = Miniflare(options())
        self._watch: Watch | None = None
        self._front = self._measuring(port) if allowance else None
        self._file = project.local / RUNNING_FILE
        running = Running(os.getpid(), self.url, self._miniflare.api_url)
        try:
            _write(self._file, msgspec.json.encode(running))
            write_edgerc(project, client, self._miniflare.api_url)
        except OSError as error:
            self._end()
            raise PlatformError(f"cannot write {self._file}: {error.strerror}") from error
        self._watch = Watch([project.keys / name for name in KEYS], self._reload)

    @property
    def url(self) -> str:
        """The address at which the edge answers."""
        return self._front.url if self._front else self._miniflare.ready

    @property
    def miniflare(self) -> Miniflare:
        """The worker underneath."""
        return self._miniflare

    def close(self) -> None:
        """End the edge and say that it no longer runs."""
        running = read_running(self._file)
        if running and running.pid == os.getpid():
            self._file.unlink(missing_ok=True)
        self._end()

    def _measuring(self, port: int) -> ServerThread:
        try:
            return ServerThread(Measured(self._miniflare), port)
        except InputError:
            self._miniflare.dispose()
            raise

    def _reload(self) -> None:
        """Go by the keys as they are now, without losing a request."""
        try:
            self._miniflare.set_options(self._options())
        except FrontshelfError as error:
            log.warning("the keys changed and the edge goes on with those before: %s", error)

    def _end(self) -> None:
        if self._watch:
            self._watch.close()
        if self._front:
            self._front.close()
        self._miniflare.dispose()

    def __enter__(self) -> Self:
        """Return the running edge."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def _cloudflare(project: Project, trust_loopback: bool, strict: bool, collect: ASGIApp) -> Options:
    return Options(
        config_path=Path(str(files("edge_bundle"))) / "wrangler.jsonc",
        variables=edge_variables(project, trust_loopback, strict=strict),
        services={"COLLECT": collect},
    )


_WORKERS: dict[Platform, Callable[[Project, bool, bool, ASGIApp], Options]] = {
    "cloudflare": _cloudflare,
    "akamai": local_akamai,
}


def _view(project: Project, strict: bool, faults: tuple[Fault, ...]) -> View:
    view = STRICT if strict else View()
    slowest = project.settings.dev.propagation_seconds if strict else 0.0
    return msgspec.structs.replace(view, propagation_seconds=(0.0, slowest), faults=faults)


def _write(file: Path, content: bytes) -> None:
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(file)
