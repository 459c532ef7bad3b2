"""Akamai's APIs of this machine, for tests of its clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from control_plane.deploy.akamai.edgegrid import EdgeGridAuth
from control_plane.emulator.akamai_api import AkamaiApi, ApiClient
from control_plane.emulator.akamai_api.auth import new_client
from control_plane.emulator.akamai_api.limits import Limits
from control_plane.emulator.clock import ManualClock
from control_plane.emulator.server import ServerThread
from control_plane.emulator.store import Store

NAMESPACE, GROUP = "toys", "shelf"
ITEMS = f"edgekv/v1/networks/staging/namespaces/{NAMESPACE}/groups"


class AkamaiCloud:
    """The APIs, where they listen, who may call them, and short ways to."""

    def __init__(
        self, api: AkamaiApi, store: Store, url: str, clock: ManualClock, client: ApiClient
    ) -> None:
        self.api, self.store, self.url, self.clock, self.client = api, store, url, clock, client
        self.http = httpx.Client(trust_env=False, base_url=url)

    def call(
        self, method: str, path: str, by: ApiClient | None = None, **request
    ) -> httpx.Response:
        """Make a signed call."""
        auth = EdgeGridAuth((by or self.client).credentials)
        return self.http.request(method, path, auth=auth, **request)

    def made(self, method: str, path: str, **request) -> httpx.Response:
        """Make a call that must go well."""
        answer = self.call(method, path, **request)
        assert answer.is_success, answer.text
        return answer

    def edgeworker(self) -> int:
        """Make an EdgeWorker id."""
        new = {"name": "shelf", "groupId": 1, "resourceTierId": 200}
        return int(self.made("POST", "edgeworkers/v1/ids", json=new).json()["edgeWorkerId"])

    def token(self) -> dict[str, str]:
        """Make a token that may read the namespace on both networks."""
        new = {
            "name": "reader",
            "allowOnStaging": True,
            "allowOnProduction": True,
            "namespacePermissions": {NAMESPACE: ["r"]},
        }
        return dict(self.made("POST", "edgekv/v1/tokens", json=new).json())

    def admit(self, *grants) -> ApiClient:
        """Make another client, which may do so much and no more."""
        client = new_client(urlsplit(self.url).netloc, grants)
        self.api.gate.clients.append(client)
        return client


@contextmanager
def open_akamai(folder: Path, **limits) -> Iterator[AkamaiCloud]:
    """Serve the APIs over a store in `folder`; EdgeKV has one namespace on each network."""
    clock = ManualClock()
    store = Store(folder / "kv.sqlite", clock)
    api = AkamaiApi(store, [], limits=Limits(**limits))
    server = ServerThread(api)
    client = new_client(urlsplit(server.url).netloc)
    api.gate.clients.append(client)
    cloud = AkamaiCloud(api, store, server.url, clock, client)
    try:
        cloud.made("PUT", "edgekv/v1/initialize")
        for network in ("staging", "production"):
            body = {"namespace": NAMESPACE, "retentionInSeconds": 0, "groupId": 0}
            cloud.made("POST", f"edgekv/v1/networks/{network}/namespaces", json=body)
        yield cloud
    finally:
        cloud.http.close()
        server.close()
        store.close()
