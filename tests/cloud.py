"""Cloudflare's API of this machine, without a worker in front of it, for tests of its clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from control_plane.emulator.account import ACCOUNT
from control_plane.emulator.clock import ManualClock
from control_plane.emulator.rest import BASE, RestApi
from control_plane.emulator.server import ServerThread
from control_plane.emulator.store import Namespace, Store
from control_plane.settings import Project

TOKEN = "all-may-token"
NAMESPACE = "a" * 32
CODE = "export default { fetch: () => new Response('%s') };"
MODULE = "application/javascript+module"


class Cloud:
    """The API, where it listens, and short ways to call it."""

    def __init__(self, api: RestApi, url: str, clock: ManualClock) -> None:
        self.api, self.url, self.clock = api, url, clock
        self.client = httpx.Client(trust_env=False)
        self.account = f"{url}/accounts/{ACCOUNT}"

    @property
    def scripts(self) -> str:
        """Where workers are."""
        return f"{self.account}/workers/scripts"

    def call(self, method: str, url: str, token: str = TOKEN, **request: Any) -> httpx.Response:
        """Make a call below the API's address, or at a whole one."""
        headers = {"Authorization": f"Bearer {token}", **request.pop("headers", {})}
        whole = url if url.startswith("http") else f"{self.url}/{url}"
        return self.client.request(method, whole, headers=headers, **request)

    def result(self, method: str, url: str, **request: Any) -> Any:
        """Return the result of a call that must go well."""
        answer = self.call(method, url, **request)
        assert answer.is_success, answer.text
        return answer.json()["result"]

    def upload(self, name: str, says: str = "hello", **metadata: Any) -> dict[str, Any]:
        """Put a worker that says something."""
        return dict(self.result("PUT", f"{self.scripts}/{name}", files=form(says, **metadata)))

    def add_version(self, name: str, says: str, **metadata: Any) -> str:
        """Upload a version without deploying it; return its id."""
        files = form(says, **metadata)
        return str(self.result("POST", f"{self.scripts}/{name}/versions", files=files)["id"])


def form(says: str, modules: dict[str, tuple[str, str]] | None = None, **metadata: Any) -> Any:
    """Return an upload's form: a main module, others by name with their types, and metadata."""
    given = {"main_module": "main.js", "compatibility_date": "2026-06-01", **metadata}
    parts = {"main.js": (CODE % says, MODULE), **(modules or {})}
    return {
        "metadata": (None, json.dumps(given), "application/json"),
        **{name: (name, source, kind) for name, (source, kind) in parts.items()},
    }


def refused(answer: httpx.Response) -> tuple[int, int]:
    """Return the status and code of a refusal."""
    envelope = answer.json()
    assert envelope["success"] is False
    return answer.status_code, envelope["errors"][0]["code"]


def lead_to(project: Project, cloud: Cloud, more: str = "", edge: str = "") -> None:
    """Write a project's settings, which lead to the cloud of this machine."""
    (project.root / "frontshelf.toml").write_text(
        f'[shop]\nname = "toy"\nenvironment = "test"\n{edge}\n[cloudflare]\n'
        f'base_url = "{cloud.url}"\naccount_id = "{ACCOUNT}"\nnamespace_id = "{NAMESPACE}"\n{more}'
    )


@contextmanager
def open_cloud(folder: Path) -> Iterator[Cloud]:
    """Serve the API over a store in `folder`, which holds one namespace."""
    clock = ManualClock()
    store = Store(folder / "kv.sqlite", clock)
    try:
        store.add_namespace(Namespace(NAMESPACE, "shelf"))
        api = RestApi(store, TOKEN)
        server = ServerThread(api)
        cloud = Cloud(api, server.url + BASE, clock)
        try:
            yield cloud
        finally:
            cloud.client.close()
            server.close()
    finally:
        store.close()
