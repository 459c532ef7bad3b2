"""The worker at Cloudflare's API: planned, uploaded, shared out, rolled back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from cloud import NAMESPACE, TOKEN, Cloud, open_cloud
from toy_shop import compile_toy, make_project, origin

from control_plane.deploy.cloudflare.bundle import make_bundle, parse_tag
from control_plane.deploy.cloudflare.kv import CloudflareKV
from control_plane.deploy.cloudflare.worker import CloudflareWorker
from control_plane.deploy.cloudflare.workers import RoutesApi, WorkersApi
from control_plane.deploy.publish import publish
from control_plane.deploy.retry import Retry
from control_plane.deploy.worker_settings import worker_secrets
from control_plane.deploy.worker_target import unknown_tables
from control_plane.emulator.account import ACCOUNT
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.tokens import Permission
from control_plane.emulator.workers.serve import uploaded_options
from control_plane.errors import InputError, PlatformError, TableError
from control_plane.keyring import make_keys
from control_plane.settings import Project
from control_plane.tables import FORMAT

NAME = "frontshelf"
EDIT = Permission("Workers Scripts", "Edit")
ROUTES = Permission("Workers Routes", "Edit")

Open = Callable[..., CloudflareWorker]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with open_cloud(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "shop")


@pytest.fixture
def opened(cloud: Cloud, project: Project) -> Iterator[Open]:
    """Return a function that opens the worker, of a project with other settings if any."""
    open_ones = []

    def call(token: str = TOKEN, zone: str | None = None, **settings) -> CloudflareWorker:
        retry = Retry(attempts=2, sleep=lambda seconds: None)
        api = WorkersApi(cloud.url, token, ACCOUNT, NAME, retry=retry)
        routes = RoutesApi(cloud.url, token, zone, retry=retry) if zone else None
        worker = CloudflareWorker(changed(project, **settings), api, NAMESPACE, routes)
        open_ones.append(worker)
        return worker

    yield call
    for worker in open_ones:
        worker.close()


def changed(project: Project, **sections) -> Project:
    """Return a project with other settings: `edge={"min_counter": 7}`."""
    replace = msgspec.structs.replace
    settings = project.settings
    new = {name: replace(getattr(settings, name), **values) for name, values in sections.items()}
    return replace(project, settings=replace(settings, **new))


def upload(worker: CloudflareWorker, share: float = 100):
    return worker.carry_out(worker.plan(share))


def versions(cloud: Cloud) -> list:
    return cloud.api.workers.records.versions(NAME)


def test_the_first_plan_names_all_that_will_be_there(opened, project, cloud):
    plan = opened().plan()
    assert plan.version is None
    assert (plan.tables, plan.share, plan.share_now) == (FORMAT, 100, 0)
    assert plan.files[0].name == "cloudflare.js"
    assert plan.gzipped < plan.bytes < plan.limit
    kinds = {(change.kind, change.name) for change in plan.changes}
    assert {("variable", "SHOP"), ("secret", "COOKIE_KEY"), ("binding", "SHELF")} <= kinds
    told = {change.name: change.after for change in plan.changes if change.kind == "variable"}
    assert told["SHOP"] == "toy"
    text = msgspec.json.encode(plan).decode()
    for secret in worker_secrets(project).values():
        assert secret not in text
    assert cloud.api.workers.records.workers() == []


def test_an_upload_is_served_and_decides(opened, project, cloud, workerd):
    compile_toy(project)
    with CloudflareKV(cloud.url, TOKEN, ACCOUNT, NAMESPACE) as target:
        release = publish(target, project.build / "current", project).release
    status = upload(opened())
    assert [(one.share, one.tables) for one in status.running] == [(100, FORMAT)]
    options = uploaded_options(cloud.api.workers.records, NAME)
    with Miniflare(msgspec.structs.replace(options, origin=origin)) as worker:
        page = worker.dispatch_fetch("http://shop.example/", headers={"accept": "text/html"})
        token = worker_secrets(project)["API_TOKEN"]
        said = worker.dispatch_fetch(
            "http://shop.example/_fs/decide",
            method="POST",
            headers={"authorization": f"Bearer {token}"},
            json={
                "slots": ["home.recommended"],
                "consent": {"personalization": True},
                "session": {"events": [{"event": "view", "item": "shoe-0"}]},
            },
        ).json()
        sdk = worker.dispatch_fetch("http://shop.example/_fs/sdk.js")
    assert "<b>new</b>" in page.text
    assert said["release"] == release
    assert said["decisions"]["home.recommended"]["items"][0].startswith("shoe-")
    assert sdk.is_success


def test_nothing_is_uploaded_when_nothing_changed(opened, cloud):
    upload(opened())
    plan = opened().plan()
    assert plan.nothing_to_do
    assert plan.changes == ()
    before = cloud.api.workers.records.deployments(NAME)
    opened().carry_out(plan)
    assert len(versions(cloud)) == 1
    assert cloud.api.workers.records.deployments(NAME) == before


def test_a_changed_setting_is_told_by_name_and_value(opened, cloud):
    upload(opened())
    worker = opened(edge={"min_counter": 7})
    plan = worker.plan()
    told = [(one.kind, one.name, one.before, one.after) for one in plan.changes]
    assert told == [("variable", "MIN_COUNTER", "0", "7")]
    worker.carry_out(plan)
    assert len(versions(cloud)) == 2


def test_a_changed_secret_is_told_by_name_alone(opened, project, tmp_path):
    upload(opened())
    other = tmp_path / "other" / "keys"
    make_keys(other)
    new = (other / "cookie.secret").read_bytes()
    (project.keys / "cookie.secret").write_bytes(new)
    plan = opened().plan()
    assert {one.kind for one in plan.changes} == {"secret"}
    assert "COOKIE_KEY" in {one.name for one in plan.changes}
    assert new.decode().strip() not in msgspec.json.encode(plan).decode()


def test_a_share_of_visitors_gets_the_new_version_then_all_do(opened, cloud):
    upload(opened())
    [first] = versions(cloud)
    new = {"edge": {"min_counter": 7}}
    status = upload(opened(**new), 10)
    assert [one.share for one in status.running] == [90, 10]
    assert status.running[0].version == first.id
    assert status.previous == first.id
    assert opened(**new).plan(10).nothing_to_do
    status = upload(opened(**new))
    assert [one.share for one in status.running] == [100]
    assert len(versions(cloud)) == 2
    assert opened(**new).plan(10).nothing_to_do, "it serves alone: nobody to share with"


def test_the_first_upload_cannot_be_shared(opened):
    with pytest.raises(InputError, match="first upload is for every visitor"):
        opened().plan(10)


def test_a_rollback_goes_back_to_the_version_before_and_forth(opened, cloud):
    with pytest.raises(InputError, match="no other version"):
        opened().roll_back()
    upload(opened())
    upload(opened(edge={"min_counter": 7}))
    [second, first] = versions(cloud)
    assert opened().roll_back().running[0].version == first.id
    assert opened().roll_back().running[0].version == second.id
    assert opened().plan().version == first.id, "what was uploaded once is found again"


def test_a_rollback_of_a_shared_upload_leaves_the_old_version_alone(opened, cloud):
    upload(opened())
    [first] = versions(cloud)
    upload(opened(edge={"min_counter": 7}), 10)
    [running] = opened().roll_back().running
    assert (running.version, running.share) == (first.id, 100)


def test_a_rollback_past_a_changed_secret_needs_a_word(opened, cloud):
    upload(opened())
    [first] = versions(cloud)
    body = {"name": "COOKIE_KEY", "text": "another"}
    cloud.result("PUT", f"{cloud.scripts}/{NAME}/secrets", json=body)
    with pytest.raises(PlatformError, match=r"COOKIE_KEY(.|\n)*--old-secrets"):
        opened().roll_back()
    assert opened().roll_back(old_secrets=True).running[0].version == first.id


def test_a_version_that_others_made_is_replaced(opened, cloud):
    upload(opened())
    [first] = versions(cloud)
    body = {"name": "EXTRA", "text": "another"}
    cloud.result("PUT", f"{cloud.scripts}/{NAME}/secrets", json=body)
    status = opened().status()
    assert (status.running[0].tables, status.tables) == (None, None)
    gone = [one for one in opened().plan().changes if one.after is None]
    assert [(one.kind, one.name) for one in gone] == [("secret", "EXTRA")]
    assert upload(opened()).running[0].version == first.id


def test_a_plan_that_is_out_of_date_is_not_carried_out(opened, cloud):
    upload(opened())
    worker = opened(edge={"min_counter": 7})
    plan = worker.plan()
    upload(opened(edge={"min_counter": 8}))
    with pytest.raises(PlatformError, match="changed since the plan"):
        worker.carry_out(plan)


def test_observability_is_switched_back_on(opened, cloud):
    upload(opened())
    url = f"{cloud.scripts}/{NAME}/script-settings"
    cloud.result("PATCH", url, json={"observability": {"enabled": False}})
    plan = opened().plan()
    assert [(one.kind, one.before, one.after) for one in plan.changes] == [("setting", "off", "on")]
    opened().carry_out(plan)
    assert cloud.result("GET", url)["observability"] == {"enabled": True}
    assert len(versions(cloud)) == 1


def test_routes_are_set_last_and_only_ours_are_removed(opened, cloud):
    zone = cloud.result("POST", "zones", json={"name": "shop.example"})["id"]
    routes = f"zones/{zone}/workers/routes"
    first = {"cloudflare": {"routes": ("shop.example/*", "www.shop.example/*")}}
    plan = opened(zone=zone, **first).plan()
    assert ("route", "shop.example/*") in {(one.kind, one.name) for one in plan.changes}
    upload(opened(zone=zone, **first))
    assert opened(zone=zone, **first).plan().nothing_to_do
    cloud.upload("other")
    cloud.result("POST", routes, json={"pattern": "shop.example/api/*", "script": "other"})
    second = {"cloudflare": {"routes": ("shop.example/*",)}}
    upload(opened(zone=zone, **second))
    found = [(one["pattern"], one["script"]) for one in cloud.result("GET", routes)]
    assert found == [("shop.example/*", NAME), ("shop.example/api/*", "other")]
    taken = {"cloudflare": {"routes": ("shop.example/api/*",)}}
    with pytest.raises(InputError, match=r"leads to other already(.|\n)*Remove that route"):
        opened(zone=zone, **taken).plan()


def test_least_privilege_is_enough_and_its_lack_is_named(opened, cloud):
    zone = cloud.result("POST", "zones", json={"name": "shop.example"})["id"]
    add = cloud.api.tokens.add
    upload(opened(add([EDIT])))
    with pytest.raises(PlatformError, match="Workers Scripts: Edit"):
        opened(add([Permission("Workers KV Storage", "Edit")])).status()
    routes = {"cloudflare": {"routes": ("shop.example/*",)}}
    with pytest.raises(PlatformError, match="Workers Routes: Edit"):
        opened(add([EDIT]), zone, **routes).plan()
    upload(opened(add([EDIT, ROUTES]), zone, **routes))
    assert opened(add([Permission("Workers Scripts", "Read")])).status().tables == FORMAT


def test_a_busy_platform_is_asked_again_and_then_named(opened, cloud):
    upload(opened())
    cloud.api.tokens.calls = 1
    token = cloud.api.tokens.add()
    worker = opened(token)
    with pytest.raises(PlatformError, match=r"971 Please wait") as raised:
        worker.status()
    assert (raised.value.status, raised.value.codes) == (429, (971,))
    assert token not in str(raised.value)


def test_no_secret_is_in_any_log_or_text(opened, project, caplog):
    caplog.set_level(logging.DEBUG)
    worker = opened()
    upload(worker)
    bundle = make_bundle(project, NAMESPACE)
    seen = f"{caplog.text}{bundle!r}{vars(worker)}"
    for secret in (*worker_secrets(project).values(), TOKEN):
        assert secret not in seen


def test_a_variable_too_long_is_refused_before_anything_is_sent(opened, cloud):
    paths = tuple(f"/{'x' * 50}{number}*" for number in range(120))
    with pytest.raises(InputError, match="EXCLUDE"):
        opened(edge={"exclude": paths}).plan()


def test_tables_newer_than_the_live_worker_are_refused(opened, cloud):
    status = opened().status()
    assert "no worker" in str(unknown_tables(status, FORMAT))
    status = upload(opened())
    assert unknown_tables(status, FORMAT) is None
    with pytest.raises(TableError, match=r"worker upload"):
        unknown_tables(status, FORMAT + 1)
    older = msgspec.structs.replace(status.running[0], version="old", share=10, tables=FORMAT - 1)
    both = msgspec.structs.replace(status, running=(*status.running, older))
    with pytest.raises(TableError):
        unknown_tables(both, FORMAT)
    cloud.upload(NAME, "another's")
    assert "not uploaded by Frontshelf" in str(unknown_tables(opened().status(), FORMAT))


def test_a_tag_says_what_it_was_made_of(project):
    tag = make_bundle(project, NAMESPACE).tag
    assert parse_tag(str(tag)) == tag
    assert len(str(tag).encode()) <= 100
    assert parse_tag("v1.0") is None
    assert parse_tag(None) is None
    moved = make_bundle(project, "b" * 32).tag
    assert (moved.code, moved.secrets) == (tag.code, tag.secrets)
    assert moved.settings != tag.settings
