"""An upload of the worker that is killed, or meets a busy platform, at any request."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest
from cloud import NAMESPACE, TOKEN, Cloud, open_cloud
from toy_shop import make_project
from weather import Killed, Weather

from control_plane.deploy.cloudflare import bundle as worker_bundle
from control_plane.deploy.cloudflare.bundle import make_bundle
from control_plane.deploy.cloudflare.worker import CloudflareWorker
from control_plane.deploy.cloudflare.workers import RoutesApi, WorkersApi
from control_plane.deploy.modules import collect_modules
from control_plane.deploy.retry import Retry
from control_plane.emulator.account import ACCOUNT
from control_plane.settings import Project

NAME = "frontshelf"
#: More than an upload needs.
REQUESTS = 40


@pytest.fixture(autouse=True, scope="module")
def _modules_read_once() -> Iterator[None]:
    """Let a hundred uploads read the same modules once."""
    with pytest.MonkeyPatch.context() as patch:
        once = cache(lambda *where, **how: collect_modules(*where, **how))
        patch.setattr(
            worker_bundle,
            "collect_modules",
            lambda folder, main, rules, **how: once(folder, main, tuple(rules), **how),
        )
        yield


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with open_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def zone(cloud: Cloud) -> str:
    return str(cloud.result("POST", "zones", json={"name": "shop.example"})["id"])


@pytest.fixture
def project(tmp_path: Path, cloud: Cloud) -> Project:
    cloud.api.workers.records.delete(NAME)
    return make_project(tmp_path / "shop")


def settings(project: Project, number: int) -> Project:
    """Return the project with its own counter and route, so that there is all to do."""
    replace, old = msgspec.structs.replace, project.settings
    edge = replace(old.edge, min_counter=number)
    cloudflare = replace(old.cloudflare, routes=(f"shop.example/{number}/*",))
    return replace(project, settings=replace(old, edge=edge, cloudflare=cloudflare))


def upload(cloud: Cloud, zone: str, project: Project, weather: Weather, share: float = 100) -> None:
    """Plan and carry out an upload in some weather."""
    retry = Retry(attempts=2, sleep=lambda seconds: None)
    api = WorkersApi(cloud.url, TOKEN, ACCOUNT, NAME, retry=retry, transport=weather)
    routes = RoutesApi(cloud.url, TOKEN, zone, retry=retry, transport=weather)
    worker = CloudflareWorker(project, api, NAMESPACE, routes)
    try:
        worker.carry_out(worker.plan(share))
    finally:
        worker.close()


def serving(cloud: Cloud) -> dict[str, float]:
    """Return which tags serve which percentage now; every one must be a version that is there."""
    records = cloud.api.workers.records
    tags = {one.id: one.annotations["workers/tag"] for one in records.versions(NAME)}
    [live, *_] = records.deployments(NAME)
    return {tags[one.version_id]: one.percentage for one in live.versions}


@pytest.mark.parametrize(("kind", "share"), [("before", 100), ("after", 10)])
def test_killed_at_any_request_something_whole_serves_and_the_next_finishes(
    cloud, zone, project, kind, share
):
    calm = Weather("calm", 0)
    upload(cloud, zone, settings(project, 0), calm)
    old = str(make_bundle(settings(project, 0), NAMESPACE).tag)
    for at in range(1, REQUESTS):
        changed = settings(project, at)
        new = str(make_bundle(changed, NAMESPACE).tag)
        weather = Weather(kind, at)
        try:
            upload(cloud, zone, changed, weather, share)
        except Killed:
            now = serving(cloud)
            assert sum(now.values()) == 100
            assert now in ({old: 100}, {new: share, old: 100 - share}, {new: 100})
        else:
            break
        upload(cloud, zone, changed, Weather("calm", 0))
        assert serving(cloud) == {new: 100}
        numbers = [one.number for one in cloud.api.workers.records.versions(NAME)]
        assert len(numbers) == at + 1, "what had arrived is not uploaded again"
        routes = cloud.api.workers.records.routes(zone)
        assert [one.pattern for one in routes] == [f"shop.example/{at}/*"]
        old = new
    assert at > 10
    assert weather.count == at - 1


@pytest.mark.parametrize("kind", ["busy", "cut"])
def test_a_busy_platform_or_a_cut_line_is_asked_again(cloud, zone, project, kind):
    upload(cloud, zone, settings(project, 0), Weather("calm", 0))
    for at in range(1, REQUESTS):
        changed, weather = settings(project, at), Weather(kind, at)
        upload(cloud, zone, changed, weather)
        assert serving(cloud) == {str(make_bundle(changed, NAMESPACE).tag): 100}
        if weather.count < at:
            break
    assert at > 10
