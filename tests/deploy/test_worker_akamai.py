"""The worker at Akamai: planned, tried on staging, activated, rolled back; killed anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest
from akamai_cloud import GROUP, NAMESPACE, AkamaiCloud, open_akamai
from toy_shop import compile_toy, make_project, origin
from weather import Killed, Weather

from control_plane.deploy.akamai import upload as akamai_upload
from control_plane.deploy.akamai.api import AkamaiApi
from control_plane.deploy.akamai.bundle import bundle_files, pack
from control_plane.deploy.akamai.edgekv import GRANT as KV_GRANT
from control_plane.deploy.akamai.edgekv import MISSING as KV_MISSING
from control_plane.deploy.akamai.edgekv import AkamaiKV
from control_plane.deploy.akamai.edgeworkers import GRANT, MISSING, EdgeWorkersApi
from control_plane.deploy.akamai.upload import make_edgeworker_bundle, read_uploaded
from control_plane.deploy.akamai.worker import AkamaiWorker
from control_plane.deploy.publish import publish
from control_plane.deploy.retry import Retry
from control_plane.deploy.worker_settings import worker_secrets
from control_plane.deploy.worker_target import unknown_tables
from control_plane.emulator.akamai_api import Grant
from control_plane.emulator.akamai_api.serve import activated_options
from control_plane.emulator.miniflare import Miniflare
from control_plane.errors import InputError, PlatformError
from control_plane.keyring import make_keys
from control_plane.settings import Project
from control_plane.tables import FORMAT

Open = Callable[..., AkamaiWorker]


@pytest.fixture(autouse=True, scope="module")
def _modules_read_once() -> Iterator[None]:
    """Let a hundred uploads measure the same modules once."""
    with pytest.MonkeyPatch.context() as patch:
        squeeze = cache(akamai_upload.gzip.compress)
        patch.setattr(akamai_upload.gzip, "compress", lambda data, *a, **k: squeeze(data, *a, **k))
        yield


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[AkamaiCloud]:
    with open_akamai(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def project(tmp_path: Path, cloud: AkamaiCloud) -> Project:
    project = make_project(tmp_path / "shop")
    akamai = {
        "edgeworker_id": cloud.edgeworker(),
        "namespace": NAMESPACE,
        "group": GROUP,
        "network": "staging",
        "token_reference": cloud.token()["uuid"],
    }
    return changed(project, akamai=akamai)


@pytest.fixture
def opened(cloud: AkamaiCloud, project: Project) -> Iterator[Open]:
    """Return a function that opens the worker, of a project with other settings if any."""
    open_ones = []

    def call(weather: Weather | None = None, client=None, **settings) -> AkamaiWorker:
        api = AkamaiApi(
            (client or cloud.client).credentials,
            base_url=cloud.url,
            grant=GRANT,
            missing=MISSING,
            # Who waits moves the platform's clock on.
            retry=Retry(attempts=2, sleep=cloud.clock.advance),
            transport=weather or Weather(),
        )
        made = changed(project, **settings)
        worker = AkamaiWorker(made, EdgeWorkersApi(api, made.settings.akamai.edgeworker_id))
        open_ones.append(worker)
        return worker

    yield call
    for worker in open_ones:
        worker.close()


def changed(project: Project, **sections) -> Project:
    """Return a project with other settings: `edge={"min_counter": 7}`."""
    replace, settings = msgspec.structs.replace, project.settings
    new = {name: replace(getattr(settings, name), **values) for name, values in sections.items()}
    return replace(project, settings=replace(settings, **new))


def upload(worker: AkamaiWorker):
    return worker.carry_out(worker.plan())


def versions(cloud: AkamaiCloud) -> list[str]:
    return [one.version for one in cloud.api.edgeworkers.records.versions(1)]


#: As activations go when a test waits for many of them.
SOON = (("COMPLETE", 20.0), ("IN_PROGRESS", 10.0), ("PRESUBMIT", 0.0))
PRODUCTION = {"akamai": {"network": "production"}}
NEWER = {"edge": {"min_counter": 7}}


def test_the_first_plan_names_all_that_will_be_there(opened, project, cloud):
    plan = opened().plan()
    assert plan.version is None
    assert (plan.tables, plan.share, plan.share_now) == (FORMAT, 100, 0)
    assert plan.gzipped < plan.limit
    assert plan.gzipped < plan.bytes
    kinds = {(change.kind, change.name) for change in plan.changes}
    assert {
        ("variable", "EDGEKV_GROUP"),
        ("secret", "COOKIE_KEY"),
        ("binding", "EDGEKV_TOKEN"),
    } <= (kinds)
    text = msgspec.json.encode(plan).decode()
    for secret in worker_secrets(project).values():
        assert secret not in text
    assert versions(cloud) == []


def test_what_is_uploaded_and_activated_serves_the_release_that_was_deployed(
    opened, project, cloud, workerd
):
    compile_toy(project)
    known = cloud.client.credentials
    api = AkamaiApi(known, base_url=cloud.url, grant=KV_GRANT, missing=KV_MISSING)
    with AkamaiKV(api, "staging", NAMESPACE, GROUP) as target:
        release = publish(target, project.build / "current", project).release
    status = upload(opened())
    assert [(one.share, one.tables) for one in status.running] == [(100, FORMAT)]
    options = activated_options(cloud.api, project.settings.akamai.edgeworker_id, "staging")
    with Miniflare(msgspec.structs.replace(options, origin=origin)) as worker:
        page = worker.dispatch_fetch("http://shop.example/", headers={"accept": "text/html"})
        said = worker.dispatch_fetch(
            "http://shop.example/_fs/decide",
            method="POST",
            headers={"authorization": f"Bearer {worker_secrets(project)['API_TOKEN']}"},
            json={
                "slots": ["home.recommended"],
                "consent": {"personalization": True},
                "session": {"events": [{"event": "view", "item": "shoe-0"}]},
            },
        ).json()
    assert "<b>new</b>" in page.text
    assert said["release"] == release
    assert said["decisions"]["home.recommended"]["items"][0].startswith("shoe-")


def test_nothing_is_uploaded_when_nothing_changed(opened, cloud):
    upload(opened())
    plan = opened().plan()
    assert plan.nothing_to_do
    assert plan.changes == ()
    opened().carry_out(plan)
    assert len(versions(cloud)) == 1
    assert len(cloud.api.edgeworkers.records.moves(1)) == 1


def test_production_gets_what_runs_on_staging_and_nothing_else(opened, cloud):
    with pytest.raises(InputError, match="does not run on staging yet"):
        upload(opened(**PRODUCTION))
    assert versions(cloud) == []
    upload(opened())
    plan = opened(**PRODUCTION).plan()
    assert plan.version == versions(cloud)[0]
    status = opened(**PRODUCTION).carry_out(plan)
    assert status.running[0].version == plan.version
    assert opened(**PRODUCTION).plan().nothing_to_do
    assert len(versions(cloud)) == 1
    with pytest.raises(InputError, match="--network staging"):
        upload(opened(**PRODUCTION, **NEWER))


def test_a_changed_setting_is_told_by_name_and_value_a_secret_by_name_alone(opened, project):
    upload(opened())
    plan = opened(**NEWER).plan()
    told = [(one.kind, one.name, one.before, one.after) for one in plan.changes]
    assert told == [("variable", "MIN_COUNTER", "0", "7")]
    other = project.root / "other"
    make_keys(other)
    new = (other / "cookie.secret").read_bytes()
    (project.keys / "cookie.secret").write_bytes(new)
    plan = opened().plan()
    assert {one.kind for one in plan.changes} == {"secret"}
    assert new.decode().strip() not in msgspec.json.encode(plan).decode()


def test_a_share_is_refused_with_what_to_do_instead(opened):
    with pytest.raises(InputError, match=r"deploy --canary") as raised:
        opened().plan(10)
    assert raised.value.field == "--share"


def test_a_rollback_goes_back_to_the_version_before_and_forth(opened, cloud):
    with pytest.raises(InputError, match="no other version"):
        opened().roll_back()
    upload(opened())
    upload(opened(**NEWER))
    first, second = versions(cloud)
    assert opened().status().previous == first
    assert opened().roll_back().running[0].version == first
    assert opened().roll_back().running[0].version == second
    assert opened().plan().version == first, "what was uploaded once is found again"


def test_a_rollback_past_a_changed_secret_needs_a_word(opened, cloud, project):
    upload(opened())
    other = project.root / "other"
    make_keys(other)
    (project.keys / "cookie.secret").write_bytes((other / "cookie.secret").read_bytes())
    upload(opened())
    with pytest.raises(PlatformError, match="--old-secrets"):
        opened().roll_back()
    first = versions(cloud)[0]
    assert opened().roll_back(old_secrets=True).running[0].version == first


def test_a_plan_that_somebody_overtook_is_not_carried_out(opened, cloud):
    plan = opened().plan()
    upload(opened())
    with pytest.raises(PlatformError, match="changed since the plan"):
        opened().carry_out(plan)


def test_what_somebody_else_uploaded_is_shown_as_such(opened, cloud, project):
    foreign = pack({"main.js": b"", "bundle.json": b'{"edgeworker-version": "9.9"}'})
    path = f"edgeworkers/v1/ids/{project.settings.akamai.edgeworker_id}"
    gzip = {"Content-Type": "application/gzip"}
    cloud.made("POST", f"{path}/versions", content=foreign, headers=gzip)
    cloud.made("POST", f"{path}/activations", json={"network": "STAGING", "version": "9.9"})
    cloud.clock.advance(300)
    status = opened().status()
    assert (status.running[0].version, status.tables) == ("9.9", None)
    assert "was not uploaded by Frontshelf" in str(unknown_tables(status, FORMAT))
    assert opened().variables(status) == []
    assert upload(opened()).previous == "9.9"


def test_an_activation_that_fails_leaves_what_served_before(opened, cloud):
    upload(opened())
    [first] = versions(cloud)
    records = cloud.api.edgeworkers.records
    worker = opened(**NEWER)
    advance = cloud.clock.advance

    def fail(seconds: float) -> None:
        records.end_move(records.moves(1)[0].number, "ABORTED")
        advance(seconds)

    cloud.clock.advance = fail  # type: ignore[method-assign]
    worker = opened(**NEWER)
    with pytest.raises(PlatformError, match=r"ended as ABORTED; what served before"):
        upload(worker)
    cloud.clock.advance = advance  # type: ignore[method-assign]
    assert opened().status().running[0].version == first
    assert upload(opened(**NEWER)).previous == first


def test_an_activation_that_takes_too_long_is_left_and_waited_on_by_the_next_run(opened, cloud):
    cloud.api.edgeworkers.phases = (("COMPLETE", 4000.0), ("PENDING", 0.0))
    with pytest.raises(PlatformError, match="is PENDING after 30 minutes"):
        upload(opened())
    assert opened().status().running == ()
    cloud.clock.advance(2000)
    assert upload(opened()).running
    assert len(cloud.api.edgeworkers.records.moves(1)) == 1


def test_an_id_or_a_grant_that_is_missing_is_named(opened, cloud):
    with pytest.raises(PlatformError, match=r"akamai\.edgeworker_id"):
        opened(akamai={"edgeworker_id": 77}).plan()
    reader = cloud.admit(Grant("edgeworkers", "READ-ONLY"))
    plan = opened(client=reader).plan()
    with pytest.raises(PlatformError, match="EdgeWorkers: READ-WRITE") as raised:
        opened(client=reader).carry_out(plan)
    assert raised.value.status == 403


def test_a_version_name_that_was_deleted_is_explained(opened, cloud, project):
    bundle = make_edgeworker_bundle(project)
    records = cloud.api.edgeworkers.records
    records.add_version(1, bundle.version, "", b"")
    records.delete_version(1, bundle.version)
    with pytest.raises(PlatformError, match="was deleted at Akamai"):
        upload(opened())


def test_the_access_token_is_a_secret_unless_it_is_a_reference(project, monkeypatch):
    monkeypatch.setenv("AKAMAI_EDGEKV_TOKEN", "a-value")
    bundle = make_edgeworker_bundle(project)
    assert bundle.secrets["EDGEKV_TOKEN"] == "a-value"
    assert b"a-value" in bundle.contents["edgekv_tokens.js"]
    assert "a-value" not in repr(bundle)
    monkeypatch.delenv("AKAMAI_EDGEKV_TOKEN")
    with pytest.raises(InputError, match=r"akamai\.token_reference"):
        make_edgeworker_bundle(changed(project, akamai={"token_reference": ""}))


def test_secrets_may_stay_in_the_property(project):
    bundle = make_edgeworker_bundle(changed(project, akamai={"secrets_in_bundle": False}))
    assert bundle.secrets == {}
    for secret in worker_secrets(project).values():
        assert secret.encode() not in b"".join(bundle.contents.values())


def test_a_bundle_says_what_it_is(project):
    bundle = make_edgeworker_bundle(project)
    said = read_uploaded(bundle.packed)
    assert said.tag == bundle.tag
    assert said.settings["EDGEKV_GROUP"] == GROUP
    assert said.token_reference == bundle.token_reference
    assert make_edgeworker_bundle(project).packed == bundle.packed
    for other in (b"", pack({"main.js": b""}), pack(bundle_files({}, {"namespace-a": {}}, "1"))):
        assert read_uploaded(other).tag is None


@pytest.mark.parametrize("kind", ["before", "after"])
def test_killed_at_any_request_something_whole_serves_and_the_next_finishes(
    opened, cloud, project, kind
):
    cloud.api.edgeworkers.phases = SOON
    upload(opened())
    old = versions(cloud)[0]
    for at in range(1, 60):
        # Twenty a minute are allowed.
        cloud.clock.advance(60)
        settings = {"edge": {"min_counter": at}}
        new = make_edgeworker_bundle(changed(project, **settings)).version
        weather = Weather(kind, at)
        try:
            upload(opened(weather, **settings))
        except Killed:
            assert cloud.api.edgeworkers.active(1, "STAGING") in (old, new)
        else:
            break
        assert upload(opened(**settings)).running[0].version == new
        assert len(versions(cloud)) == at + 1, "what had arrived is not uploaded again"
        activations = [move.version for move in cloud.api.edgeworkers.records.moves(1)]
        assert activations.count(new) == 1
        old = new
    assert at > 10
    assert weather.count == at - 1


@pytest.mark.parametrize("kind", ["busy", "cut"])
def test_a_busy_platform_or_a_cut_line_is_asked_again(opened, cloud, project, kind):
    cloud.api.edgeworkers.phases = SOON
    upload(opened())
    for at in range(1, 60):
        cloud.clock.advance(60)
        settings, weather = {"edge": {"min_counter": at}}, Weather(kind, at)
        status = upload(opened(weather, **settings))
        bundle = make_edgeworker_bundle(changed(project, **settings))
        assert status.running[0].version == bundle.version
        assert len(versions(cloud)) == at + 1
        if weather.count < at:
            break
    assert at > 10
