"""Cloudflare's own client for Python drives the local API, unmodified."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from cloud import CODE, MODULE, NAMESPACE, TOKEN, Cloud, open_cloud
from cloudflare import APIStatusError, Cloudflare

from control_plane.emulator.account import ACCOUNT

METADATA = {
    "main_module": "main.js",
    "compatibility_date": "2026-06-01",
    "bindings": [{"type": "plain_text", "name": "SHOP", "text": "toy"}],
}


@pytest.fixture
def cloud(tmp_path) -> Iterator[Cloud]:
    with open_cloud(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def client(cloud) -> Iterator[Cloudflare]:
    with Cloudflare(api_token=TOKEN, base_url=cloud.url, max_retries=0) as client:
        yield client


def files(says: str):
    return [("main.js", (CODE % says).encode(), MODULE)]


def test_it_writes_reads_lists_and_deletes_pairs(client):
    kv, where = client.kv.namespaces, {"account_id": ACCOUNT, "namespace_id": NAMESPACE}
    encoded = base64.b64encode(b"\x00\x01").decode()
    pairs = [{"key": f"k{number:02}", "value": "text"} for number in range(12)]
    body = [*pairs, {"key": "raw", "value": encoded, "base64": True}]
    assert kv.bulk_update(body=body, **where).successful_key_count == 13
    assert kv.values.get("raw", **where).read() == b"\x00\x01"
    kv.values.update("one", value=b"bytes", **where)
    assert kv.values.get("one", **where).read() == b"bytes"
    found = [key.name for key in kv.keys.list(limit=10, prefix="k", **where)]
    assert found == [pair["key"] for pair in pairs]
    read = kv.bulk_get(keys=["k00", "gone"], **where)
    assert read.values == {"k00": "text", "gone": None}
    kv.bulk_delete(body=found, **where)
    assert [key.name for key in kv.keys.list(**where)] == ["one", "raw"]
    assert [one.id for one in kv.list(account_id=ACCOUNT)] == [NAMESPACE]


def test_it_uploads_versions_and_deploys_them(client):
    scripts = client.workers.scripts
    made = scripts.update("shop", account_id=ACCOUNT, metadata=METADATA, files=files("one"))
    assert made.id == "shop"
    # Its own model of a version cannot be built; the raw answer says all.
    raw = scripts.versions.with_raw_response.create(
        "shop", account_id=ACCOUNT, metadata=METADATA, files=files("two")
    ).json()
    newer = raw["result"]["id"]
    got = scripts.versions.with_raw_response.get(newer, account_id=ACCOUNT, script_name="shop")
    assert got.json()["result"]["number"] == 2
    [second, first] = scripts.versions.list("shop", account_id=ACCOUNT).result.items
    assert second.id == newer
    shares = [
        {"version_id": newer, "percentage": 25},
        {"version_id": first.id, "percentage": 75},
    ]
    scripts.deployments.create("shop", account_id=ACCOUNT, strategy="percentage", versions=shares)
    [live, _] = scripts.deployments.list("shop", account_id=ACCOUNT).result.deployments
    assert live["versions"] == shares


def test_it_sets_secrets_and_routes(client):
    scripts = client.workers.scripts
    scripts.update("shop", account_id=ACCOUNT, metadata=METADATA, files=files("one"))
    secret = {"name": "KEY", "text": "sesame", "type": "secret_text"}
    assert scripts.secrets.update("shop", account_id=ACCOUNT, **secret).name == "KEY"
    assert [one.name for one in scripts.secrets.list("shop", account_id=ACCOUNT)] == ["KEY"]
    zone = client.zones.create(account={"id": ACCOUNT}, name="shop.example", type="full")
    assert [one.id for one in client.zones.list(name="shop.example")] == [zone.id]
    client.workers.routes.create(zone_id=zone.id, pattern="shop.example/*", script="shop")
    [route] = client.workers.routes.list(zone_id=zone.id)
    assert (route.pattern, route.script) == ("shop.example/*", "shop")


def test_it_tells_refusals_apart(client, cloud):
    with pytest.raises(APIStatusError) as raised:
        client.workers.scripts.deployments.list("none", account_id=ACCOUNT)
    assert (raised.value.status_code, raised.value.errors[0].code) == (404, 10007)
    cloud.api.tokens.calls = 0
    with pytest.raises(APIStatusError) as raised:
        client.accounts.list()
    assert raised.value.status_code == 429
    assert raised.value.response.headers["retry-after"] == "300"
