"""Makes what was activated run: a version as options for Miniflare, reading the items of EdgeKV."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from control_plane.deploy.akamai.bundle import unpack
from control_plane.emulator.akamai.edgekv import ITEM
from control_plane.emulator.akamai.run import bundle_options
from control_plane.emulator.akamai_api.api import AkamaiApi
from control_plane.emulator.akamai_api.items import place_of
from control_plane.emulator.akamai_api.tokens import Tokens
from control_plane.emulator.options import Options
from control_plane.emulator.view import ViewedStore
from control_plane.emulator.wire import KVWire
from control_plane.errors import InputError

LETTERS = {"GET": "r", "PUT": "w", "DELETE": "d"}


class EdgeKVItems:
    """Every namespace of a network as EdgeWorkers see it: text by HTTP, opened by access tokens."""

    def __init__(self, store: ViewedStore, network: str) -> None:
        self.store, self.network, self.tokens = store, network, Tokens(store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        found = ITEM.fullmatch(request.url.path)
        if not found or request.method not in LETTERS:
            await JSONResponse({"detail": "Bad request", "status": 400}, 400)(scope, receive, send)
            return
        value, reference = (
            request.headers.get(name)
            for name in ("x-akamai-edgedb-auth", "x-akamai-edgedb-auth-ref")
        )
        letter, namespace = LETTERS[request.method], found["namespace"]
        if not self.tokens.may(value, reference, self.network, namespace, letter):
            await JSONResponse({"detail": "Unauthorized", "status": 401}, 401)(scope, receive, send)
            return
        key = "/" + quote(f"{found['group']}/{found['item']}", safe="")
        inner = {**scope, "path": key, "raw_path": key.encode(), "query_string": b""}
        await KVWire(self.store, place_of(self.network, namespace))(inner, receive, send)


def activated_options(api: AkamaiApi, edgeworker: int, network: str, **more: Any) -> Options:
    """Return what runs the active version of an EdgeWorker on a network.

    Raises InputError when there is none.
    """
    version = api.edgeworkers.active(edgeworker, network.upper())
    if version is None:
        raise InputError(f"no version is active on {network}", field=f"EdgeWorker {edgeworker}")
    records = api.edgeworkers.records

    def edgekv(store: ViewedStore) -> ASGIApp:
        return EdgeKVItems(store, network)

    bundle = unpack(records.bundle(edgeworker, version))
    return bundle_options(bundle, edgekv, persist=Path(records.store.file).parent, **more)
