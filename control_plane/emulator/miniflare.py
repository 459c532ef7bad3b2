"""A worker running on this machine, with the verbs of Miniflare."""

from __future__ import annotations

import json as jsonlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import structs
from starlette.types import ASGIApp

from control_plane.emulator.account import ACCOUNT
from control_plane.emulator.binary import find_workerd
from control_plane.emulator.config import WorkerdConfig, write_config
from control_plane.emulator.namespace import KVNamespace
from control_plane.emulator.options import (
    LocalApp,
    Options,
    Plan,
    as_options,
    resolve,
    workerd_config,
)
from control_plane.emulator.rest import BASE, RestApi
from control_plane.emulator.server import Paths, ServerThread, Services
from control_plane.emulator.store import Namespace
from control_plane.emulator.usage import KV_CALLS, SUBREQUESTS, Usage, exceeded
from control_plane.emulator.view import LocationView, ViewedStore
from control_plane.emulator.wire import KVWire
from control_plane.emulator.workerd import Supervisor, listen
from control_plane.errors import InputError, PlatformError, suggest

STORE_FILE = "kv.sqlite"
RUN_PREFIX = "run-"
FETCH_SECONDS = 60.0


def talk_to_stderr(line: str) -> None:
    """Print a line where talk belongs."""
    print(line, file=sys.stderr)


class Miniflare:
    """Run a worker until `dispose`; use it as a context manager or dispose of it yourself.

    When the constructor returns, the worker answers at `ready`; `kv_view` is its location's view
    of the store, and `usage` what it uses of the platform's allowance. Raises InputError when the
    options or the worker's files are wrong or the port is taken, PlatformError when workerd
    cannot be had or refuses the worker.
    """

    def __init__(self, options: Options | Mapping[str, Any]) -> None:
        self.options = as_options(options)
        self._closing = ExitStack()
        self._deployed: _Deployed
        try:
            self._open()
        except BaseException:
            self._closing.close()
            raise

    def __enter__(self) -> Self:
        """Return the running worker."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Dispose of it."""
        self.dispose()

    @property
    def ready(self) -> str:
        """The address at which the worker answers."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def api_url(self) -> str:
        """The base URL of the REST API over the same store; `api_token` opens it."""
        return self._server.url + BASE

    @property
    def pid(self) -> int | None:
        """The workerd that serves now."""
        return self._supervisor.pid

    @property
    def restarts(self) -> int:
        """How often workerd ended by itself and was started again."""
        return self._supervisor.restarts

    def dispatch_fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | str | None = None,
        json: Any = None,
        timeout: float = FETCH_SECONDS,
    ) -> httpx.Response:
        """Send a request to the worker as if it had come for `url`; redirects are not followed.

        The URL's host may be anything: the worker sees it, with the URL's scheme.
        """
        parts = urlsplit(url)
        if not parts.netloc:
            raise InputError(f"{url!r} is not an absolute URL", field="url")
        local = httpx.URL(url).copy_with(
            scheme="http", host="127.0.0.1", port=self._listening.getsockname()[1]
        )
        request = httpx.Request(
            method,
            local,
            headers={"Host": parts.netloc, "X-Forwarded-Proto": parts.scheme, **(headers or {})},
            content=content,
            json=json,
            extensions={"timeout": httpx.Timeout(timeout).as_dict()},
        )
        # A transport, and not a client, which would keep cookies from one call to the next.
        with self.usage.request(f"{method} {parts.path or '/'}", self.pid) as breaches:
            response = self._transport.handle_request(request)
            response.request = request
            response.read()
        return exceeded(request, breaches) if breaches and self.usage.strict else response

    def get_kv_namespace(self, binding: str) -> KVNamespace:
        """Return the namespace bound to a name; raise InputError when there is none."""
        if binding not in self._plan.kv:
            raise InputError(
                f"no key-value namespace is bound to {binding!r}",
                field="binding",
                remedy=suggest(binding, list(self._plan.kv)),
            )
        return KVNamespace(self._store, self._plan.kv[binding])

    def set_options(self, options: Options | Mapping[str, Any]) -> None:
        """Run with other options; no request is lost, and after an error all stays as it was.

        The port, folder, view of the store, allowance and the API's token cannot change; the
        view's faults can, through `kv_view.faults`.
        """
        options = as_options(options)
        for field in ("port", "persist", "api_token", "kv_view", "allowance"):
            if getattr(options, field) != getattr(self.options, field):
                raise InputError("cannot change while the worker runs", field=field)
        plan = resolve(options)
        retired = self._deployed
        self._deployed = self._deploy(plan, options, self._supervisor.reload)
        self._forget(retired)
        self.options, self._plan = options, plan

    def dispose(self) -> None:
        """End the worker and all that belongs to it."""
        self._closing.close()

    def _open(self) -> None:
        options, closing = self.options, self._closing
        plan = resolve(options)
        binary = options.workerd or find_workerd(talk_to_stderr)
        self._listening = closing.enter_context(listen(options.port))
        self._folder = self._make_folder()
        self.kv_view = LocationView(options.kv_view)
        self.usage = Usage(options.allowance, options.on_log)
        file = (options.persist or self._folder) / STORE_FILE
        self._store = ViewedStore(file, self.kv_view)
        closing.callback(self._store.close)
        self.api_token = options.api_token or secrets.token_urlsafe(32)
        self.api = RestApi(self._store, self.api_token)
        public = {path: app for one in options.apps for path, app in _mounted(one, self._store)}
        self._services = Services(Paths(public, self.api) if public else self.api)
        self._server = ServerThread(self._services)
        closing.callback(self._server.close)
        self._supervisor = Supervisor(binary, self._listening, options.on_log)
        closing.callback(lambda: self._server.run(self._supervisor.stop()))
        self._deployed = self._deploy(plan, options, self._supervisor.start)
        self._plan = plan
        self._transport = closing.enter_context(httpx.HTTPTransport())

    def _make_folder(self) -> Path:
        # It holds secrets. In a kept folder it is found, and cleared away, after a sudden end.
        kept = self.options.persist
        prefix = f"{RUN_PREFIX}{os.getpid()}-" if kept else "frontshelf-"
        with _explained(kept):
            if kept:
                kept.mkdir(parents=True, exist_ok=True)
                _remove_left_behind(kept)
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=kept))
        self._closing.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _deploy(
        self, plan: Plan, options: Options, start: Callable[[Path], Coroutine[Any, Any, None]]
    ) -> _Deployed:
        for binding, id in plan.kv.items():
            self._store.add_namespace(Namespace(id, f"frontshelf-{binding}"))
        backend = f"127.0.0.1:{self._server.port}"
        plan = self._with_api(self._with_store_services(plan, options), options)
        counted = self.usage.counted
        config = workerd_config(
            structs.replace(
                plan,
                services={name: counted(SUBREQUESTS, app) for name, app in plan.services.items()},
                outbound=counted(SUBREQUESTS, plan.outbound),
            ),
            self._services,
            backend,
            lambda id: counted(KV_CALLS, KVWire(self._store, id)),
        )
        with _explained(self._folder):
            deployed = _Deployed(Path(tempfile.mkdtemp(dir=self._folder)), config)
        try:
            with _explained(deployed.folder):
                file = write_config(config, deployed.folder / "worker")
            self.usage.check_script(plan.modules)
            self._server.run(start(file))
            self.usage.started(self.pid)
        except BaseException:
            self._forget(deployed)
            raise
        return deployed

    def _with_store_services(self, plan: Plan, options: Options) -> Plan:
        made = {name: make(self._store) for name, make in options.store_services.items()}
        return structs.replace(plan, services={**plan.services, **made}) if made else plan

    def _with_api(self, plan: Plan, options: Options) -> Plan:
        if not options.api_variable:
            return plan
        # Addresses only: what opens the API is told to nobody.
        api = {"base_url": self.api_url, "account_id": ACCOUNT, "namespaces": plan.kv}
        others = {one.name: {"base_url": self._server.url, **one.told} for one in options.apps}
        told = {options.api_variable: jsonlib.dumps({"cloudflare": api, **others})}
        return structs.replace(plan, variables={**plan.variables, **told})

    def _forget(self, deployed: _Deployed) -> None:
        config = deployed.config
        self._services.remove([*config.kv.values(), *config.services.values(), config.outbound])
        shutil.rmtree(deployed.folder, ignore_errors=True)


def _mounted(one: LocalApp, store: ViewedStore) -> list[tuple[str, ASGIApp]]:
    app = one.make(store)
    return [(path, app) for path in one.paths]


class _Deployed(msgspec.Struct, frozen=True):
    """What one start of workerd stands on."""

    folder: Path
    config: WorkerdConfig


@contextmanager
def _explained(folder: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PlatformError(
            f"cannot write the worker's files in {folder or tempfile.gettempdir()}: "
            f"{error.strerror}.\n  Free some space, or give yourself the right to write there."
        ) from error


def _remove_left_behind(kept: Path) -> None:
    for folder in kept.glob(f"{RUN_PREFIX}*-*"):
        try:
            os.kill(int(folder.name.removeprefix(RUN_PREFIX).partition("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (PermissionError, ValueError):
            # It belongs to another user's living process, or is none of ours.
            continue
