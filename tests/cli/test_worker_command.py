"""`frontshelf worker`, and what `deploy` says of the worker that is live."""

from __future__ import annotations

import json

import pytest
from cloud import lead_to
from toy_shop import compile_toy

from control_plane.deploy.worker_settings import worker_secrets
from control_plane.emulator.tokens import Permission

KV = Permission("Workers KV Storage", "Edit")


@pytest.mark.parametrize("target", ["local", "cloudflare"])
def test_a_worker_is_uploaded_shared_out_and_rolled_back(call, toy, cloud, target):
    where = ("--target", target)
    planned = call("worker", "upload", "--dry-run", *where).stdout
    assert "allowed" in planned
    assert "variable SHOP: 'toy', new" in planned
    assert "secret COOKIE_KEY: set" in planned
    for secret in worker_secrets(toy).values():
        assert secret not in planned
    assert "no version" in call("worker", "status", *where).stdout
    call("worker", "upload", *where)
    assert "nothing to do" in call("worker", "upload", *where).stdout
    lead_to(toy, cloud, edge="[edge]\nmin_counter = 7\n")
    shared = json.loads(call("worker", "upload", "--share", "10%", "--json", *where).stdout)
    assert shared["done"] is True
    assert [one["name"] for one in shared["plan"]["changes"]] == ["MIN_COUNTER"]
    assert [one["share"] for one in shared["status"]["running"]] == [90, 10]
    call("worker", "upload", *where)
    [now] = json.loads(call("worker", "status", "--json", *where).stdout)["running"]
    back = json.loads(call("worker", "rollback", "--json", *where).stdout)
    assert back["running"][0]["version"] != now["version"]
    assert back["previous"] == now["version"]


def test_what_is_wrong_with_a_call_is_named(call, toy, cloud):
    for share in ("0%", "101", "some"):
        assert "no share" in call("worker", "upload", "--share", share, status=2).stderr
    lead_to(toy, cloud, more='routes = ["shop.example/*"]\n')
    said = call("worker", "upload", "--target", "cloudflare", status=2).stderr
    assert "cloudflare.zone_id" in said
    lead_to(toy, cloud, more='worker_name = "../x"\n')
    assert "cloudflare.worker_name" in call("worker", "status", status=2).stderr
    lead_to(toy, cloud)
    missing = call("worker", "status", "--target", "cloudflare", status=2, token="")
    assert "CLOUDFLARE_API_TOKEN" in missing.stderr


def test_deploy_asks_whether_the_live_worker_reads_the_tables(call, toy, cloud, monkeypatch):
    compile_toy(toy)
    deploy = ("deploy", "--target", "cloudflare", "--yes")
    assert call(*deploy).stderr.count("is not checked") == 1
    call("worker", "upload", "--target", "cloudflare")
    assert "is not checked" not in call(*deploy).stderr
    narrow = cloud.api.tokens.add([KV])
    assert "Workers Scripts: Read" in call(*deploy, token=narrow).stderr
    records = cloud.api.workers.records
    records.store.define("ALTER TABLE workers RENAME TO gone")
    monkeypatch.setattr("control_plane.deploy.retry.Retry.wait_seconds", lambda *_: 0)
    said = call(*deploy).stderr
    assert "status 503" in said
    assert "is not checked" in said
    records.store.define("ALTER TABLE gone RENAME TO workers")
    monkeypatch.setattr("control_plane.cli.worker_targets.FORMAT", 99)
    refused = call(*deploy, status=1)
    assert "frontshelf worker upload" in refused.stderr
    assert "is live" not in refused.stdout
