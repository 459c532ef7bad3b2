"""`frontshelf worker`, and what `deploy` says of the worker that is live."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cloud import NAMESPACE, TOKEN, Cloud, open_cloud
from toy_shop import compile_toy, make_project

from control_plane.cli.main import main
from control_plane.deploy.worker_settings import worker_secrets
from control_plane.emulator.account import ACCOUNT
from control_plane.emulator.tokens import Permission
from control_plane.settings import Project

Call = Callable[..., Result]

KV = Permission("Workers KV Storage", "Edit")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with open_cloud(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def shop(tmp_path: Path, cloud: Cloud) -> Project:
    project = make_project(tmp_path / "shop")
    set_up(project, cloud)
    return project


def set_up(project: Project, cloud: Cloud, more: str = "", edge: str = "") -> None:
    """Write a project's settings, which lead to the cloud of this machine."""
    (project.root / "frontshelf.toml").write_text(
        f'[shop]\nname = "toy"\nenvironment = "test"\n{edge}\n[cloudflare]\n'
        f'base_url = "{cloud.url}"\naccount_id = "{ACCOUNT}"\nnamespace_id = "{NAMESPACE}"\n{more}'
    )


@pytest.fixture
def call(shop: Project) -> Call:
    """Run `frontshelf … --project shop`."""

    def run(*arguments: str, status: int = 0, token: str = TOKEN) -> Result:
        whole = [*arguments, "--project", str(shop.root)]
        result = CliRunner().invoke(main, whole, env={"CLOUDFLARE_API_TOKEN": token})
        assert result.exit_code == status, result.output
        return result

    return run


@pytest.mark.parametrize("target", ["local", "cloudflare"])
def test_a_worker_is_uploaded_shared_out_and_rolled_back(call, shop, cloud, target):
    where = ("--target", target)
    planned = call("worker", "upload", "--dry-run", *where).stdout
    assert "allowed" in planned
    assert "variable SHOP: 'toy', new" in planned
    assert "secret COOKIE_KEY: set" in planned
    for secret in worker_secrets(shop).values():
        assert secret not in planned
    assert "no version" in call("worker", "status", *where).stdout
    call("worker", "upload", *where)
    assert "nothing to do" in call("worker", "upload", *where).stdout
    set_up(shop, cloud, edge="[edge]\nmin_counter = 7\n")
    shared = json.loads(call("worker", "upload", "--share", "10%", "--json", *where).stdout)
    assert shared["done"] is True
    assert [one["name"] for one in shared["plan"]["changes"]] == ["MIN_COUNTER"]
    assert [one["share"] for one in shared["status"]["running"]] == [90, 10]
    call("worker", "upload", *where)
    [now] = json.loads(call("worker", "status", "--json", *where).stdout)["running"]
    back = json.loads(call("worker", "rollback", "--json", *where).stdout)
    assert back["running"][0]["version"] != now["version"]
    assert back["previous"] == now["version"]


def test_what_is_wrong_with_a_call_is_named(call, shop, cloud):
    for share in ("0%", "101", "some"):
        assert "no share" in call("worker", "upload", "--share", share, status=2).stderr
    set_up(shop, cloud, more='routes = ["shop.example/*"]\n')
    said = call("worker", "upload", "--target", "cloudflare", status=2).stderr
    assert "cloudflare.zone_id" in said
    set_up(shop, cloud, more='worker_name = "../x"\n')
    assert "cloudflare.worker_name" in call("worker", "status", status=2).stderr
    set_up(shop, cloud)
    missing = call("worker", "status", "--target", "cloudflare", status=2, token="")
    assert "CLOUDFLARE_API_TOKEN" in missing.stderr


def test_deploy_asks_whether_the_live_worker_reads_the_tables(call, shop, cloud, monkeypatch):
    compile_toy(shop)
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
