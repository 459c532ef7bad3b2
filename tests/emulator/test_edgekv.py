"""EdgeKV as a worker reads it, over the values that another platform's worker reads as bytes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from control_plane.deploy.akamai.edgekv import group_of
from control_plane.emulator.akamai.edgekv import EdgeKV
from control_plane.emulator.faults import Fault
from control_plane.emulator.store import Namespace, Pair
from control_plane.emulator.view import LocationView, View, ViewedStore
from control_plane.emulator.wire import KVWire

VALUE = bytes(range(256)) * 3
ITEM = f"/api/v1/namespaces/shop-1/groups/{group_of('live', 'head')}/items/head"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ViewedStore]:
    store = ViewedStore(tmp_path / "kv.sqlite", LocationView(View()))
    store.add_namespace(Namespace("n", "shelf"))
    store.put("n", [Pair("head", VALUE)])
    yield store
    store.close()


def ask(store: ViewedStore, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    app = EdgeKV(KVWire(store, "n"), "shop-1", "live", "a-token")

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="https://edgekv") as client:
            headers = {"X-Akamai-EdgeDB-Auth": "a-token", **options.pop("headers", {})}
            return await client.request(method, path, headers=headers, **options)

    return asyncio.run(send())


def test_a_value_is_read_as_base64(store: ViewedStore) -> None:
    assert base64.b64decode(ask(store, ITEM).text, validate=True) == VALUE


def test_what_is_not_there_is_a_404(store: ViewedStore) -> None:
    assert (
        ask(
            store,
            ITEM.replace(group_of("live", "head"), group_of("live", "none")).replace(
                "head", "none"
            ),
        ).status_code
        == 404
    )


def test_a_value_is_written_as_base64_and_deleted(store: ViewedStore) -> None:
    assert ask(store, ITEM, "PUT", content=base64.b64encode(b"new")).status_code == 200
    kept = store.get("n", "head")
    assert kept
    assert kept.value == b"new"
    assert ask(store, ITEM, "DELETE").status_code == 200
    assert store.get("n", "head") is None
    assert ask(store, ITEM, "PUT", content=b"not base64!").status_code == 400


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (ITEM, "other", 401),
        (ITEM.replace("shop-1", "shop-2"), "a-token", 403),
        (ITEM.replace("live", "old"), "a-token", 403),
        (ITEM.replace("head", "he.ad"), "a-token", 400),
        (ITEM.replace("shop-1", "s" * 33), "a-token", 400),
        ("/api/v1/namespaces", "a-token", 400),
    ],
)
def test_a_wrong_call_is_refused(store: ViewedStore, path: str, token: str, status: int) -> None:
    assert ask(store, path, headers={"X-Akamai-EdgeDB-Auth": token}).status_code == status


def test_faults_of_the_store_are_met_here_too(store: ViewedStore) -> None:
    store.view.faults.add(Fault(kind="error", status=429))
    assert ask(store, ITEM).status_code == 429
    store.view.faults.clear()
    store.view.faults.add(Fault(kind="truncated"))
    assert len(base64.b64decode(ask(store, ITEM).text, validate=True)) < len(VALUE)
