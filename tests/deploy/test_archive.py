"""Releases in an archive, and one deployer at a time among machines, against a real S3 server."""

import json
import socket
import subprocess
import threading
import time

import msgspec
import pytest
from s3 import empty_bucket, serve_s3

from control_plane.deploy.archive import Archived, archived_releases, is_archived
from control_plane.deploy.archive_gc import clean_archive
from control_plane.deploy.bucket import Bucket, open_bucket
from control_plane.deploy.gc import collect_garbage
from control_plane.deploy.head import read_head
from control_plane.deploy.history import only_archived, releases, rollback
from control_plane.deploy.lease import LEASE_SECONDS, Holder, acquire, holder_of
from control_plane.deploy.lock import deployment_lock, lease_key
from control_plane.deploy.overlay import change_overlays
from control_plane.deploy.overlay_changes import erase, switch
from control_plane.deploy.overlay_values import overlay_counts
from control_plane.deploy.publish import publish
from control_plane.deploy.record import highest_counter
from control_plane.errors import InputError, LockedError, PlatformError, TableError
from control_plane.settings import Archive, Project

ROWS = [b"anna's row", b"ben's row"]
KEY = lease_key("cloudflare")


@pytest.fixture(scope="module")
def server():
    with serve_s3() as url:
        yield url


@pytest.fixture
def client(server, monkeypatch):
    with empty_bucket(server, monkeypatch) as client:
        yield client


@pytest.fixture
def settings(server):
    return Archive(url="s3://shelf/toys", endpoint=server)


@pytest.fixture
def project(project, settings, client) -> Project:
    return with_archive(project, settings)


def with_archive(project: Project, archive: Archive) -> Project:
    changed = msgspec.structs.replace(project.settings, archive=archive)
    return msgspec.structs.replace(project, settings=changed)


@pytest.fixture
def elsewhere(project, tmp_path) -> Project:
    """Another machine: the keys, and neither a build nor records."""
    root = tmp_path / "elsewhere"
    root.mkdir()
    (root / "keys").symlink_to(project.keys)
    return msgspec.structs.replace(project, root=root)


@pytest.fixture
def bucket(project) -> Bucket:
    return open_bucket(project)


def keys(client) -> set[str]:
    return {one["Key"] for one in client.list_objects_v2(Bucket="shelf").get("Contents", [])}


def test_what_is_deployed_is_archived_without_its_visitors(target, build, project, client):
    publish(target, build("one", [b"bear"], visitors=ROWS), project)
    there = keys(client)
    assert "toys/releases/one.json" in there
    assert any(key.startswith("toys/values/i-") for key in there)
    assert any(key.startswith("toys/values/m-") for key in there)
    assert not any("/u-" in key for key in there)
    stored = [client.get_object(Bucket="shelf", Key=key)["Body"].read() for key in there]
    assert not any(row in value for row in ROWS for value in stored)


def test_a_redeploy_of_the_same_writes_nothing_to_the_archive(target, build, project, client):
    folder = build("one", [b"bear"])
    publish(target, folder, project)
    before = {one["Key"]: one["ETag"] for one in client.list_objects_v2(Bucket="shelf")["Contents"]}
    publish(target, folder, project)
    after = {one["Key"]: one["ETag"] for one in client.list_objects_v2(Bucket="shelf")["Contents"]}
    assert {key for key in after if after[key] != before.get(key)} <= {f"toys/{KEY}"}


def test_a_machine_without_a_build_deploys_any_archived_release(
    target, memory, build, project, elsewhere, live
):
    publish(target, build("one", [b"bear"], visitors=ROWS), project)
    publish(target, build("two", [b"ball"]), project)
    gone = [key for key, value in memory.values.items() if value in (b"bear", *ROWS)]
    target.delete_many(gone)
    done = publish(target, Archived(elsewhere, "one"), elsewhere)
    assert (done.release, done.head_moved, done.counter) == ("one", True, 3)
    assert live(memory.values).live.release == "one"
    assert not any(key.startswith("u-") for key in memory.values), "nobody's row comes back"


def test_a_new_target_gets_a_release_and_its_erased_visitors_from_the_archive(
    target, memory, build, project, elsewhere
):
    publish(target, build("one", [b"bear"]), project)
    off = lambda t, h: switch(t, h, "home.hero", off=True)  # noqa: E731
    change_overlays(target, project, erasing(7 << 32, 9 << 32), sleep=lambda seconds: None)
    change_overlays(target, project, off, sleep=lambda seconds: None)
    before = read_head(target, project)
    memory.values.clear()
    publish(target, Archived(elsewhere, "one"), elsewhere)
    now = read_head(target, elsewhere)
    assert now.counter > before.counter
    assert overlay_counts(now.overlays) == {"stock": 0, "erased": 2, "off": ("home.hero",)}
    erased = [key for key in memory.values if key.startswith("e-")]
    assert len(erased) == 1


def erasing(*visitors):
    return lambda target, head: erase(target, head, "k1", visitors)


def test_where_the_erased_cannot_be_brought_back_nothing_goes_live(
    target, memory, build, project, client
):
    folder = build("one", [b"bear"])
    publish(target, folder, project)
    change_overlays(target, project, erasing(7), sleep=lambda seconds: None)
    for key in keys(client):
        if "/values/e-" in key:
            client.delete_object(Bucket="shelf", Key=key)
    memory.values.clear()
    with pytest.raises(TableError, match="names erased visitors and is missing"):
        publish(target, folder, project)
    assert "head" not in memory.values


def test_visitors_who_were_erased_before_there_was_an_archive_are_archived_too(
    target, build, project, settings, client
):
    without = with_archive(project, Archive())
    publish(target, build("one", [b"bear"]), without)
    change_overlays(target, without, erasing(7), sleep=lambda seconds: None)
    assert not keys(client)
    publish(target, build("two", [b"ball"]), project)
    assert any("/values/e-" in key for key in keys(client))


def test_a_counter_is_never_given_out_twice_by_two_machines(
    target, memory, build, project, elsewhere
):
    publish(target, build("one", [b"bear"]), project)
    publish(target, build("two", [b"ball"]), project)
    assert highest_counter(elsewhere, "cloudflare") == 2
    memory.values.clear()
    assert publish(target, build("three", [b"kite"]), elsewhere).counter == 3


def test_releases_of_the_archive_are_listed_after_those_of_the_target(
    target, memory, build, project, elsewhere
):
    publish(target, build("one", [b"bear"]), project)
    memory.values.clear()
    publish(target, build("two", [b"ball"]), project)
    held = releases(target, elsewhere)
    assert [(one.release, one.state) for one in only_archived(elsewhere, held)] == [
        ("one", "archived")
    ]
    with pytest.raises(InputError, match="deploy --release one"):
        rollback(target, elsewhere, "one")


def test_what_was_changed_in_the_archive_is_not_deployed(target, build, project, client, elsewhere):
    publish(target, build("one", [b"bear"]), project)
    (item,) = [key for key in keys(client) if "/values/i-" in key]
    client.put_object(Bucket="shelf", Key=item, Body=b"bearskin")
    for key in list(target.keys("i-")):
        target.delete_many([key])
    with pytest.raises(TableError, match="is missing or changed"):
        publish(target, Archived(elsewhere, "one"), elsewhere)
    (manifest,) = [key for key in keys(client) if "/values/m-" in key]
    client.put_object(Bucket="shelf", Key=manifest, Body=b"forged")
    with pytest.raises(TableError, match="is missing or changed"):
        Archived(elsewhere, "one")


def test_an_unknown_release_names_the_known_ones(target, build, project):
    publish(target, build("one", [b"bear"]), project)
    with pytest.raises(InputError, match="Did you mean 'one'"):
        Archived(project, "onee")


def test_a_second_deployer_is_told_who_and_since_when(target, build, project, elsewhere):
    with deployment_lock(project, "cloudflare"), pytest.raises(LockedError) as refused:
        publish(target, build("one", [b"bear"]), elsewhere)
    assert "process" in str(refused.value)
    assert "since 20" in str(refused.value)
    assert publish(target, build("two", [b"ball"]), elsewhere).head_moved


def test_other_targets_are_not_locked(project, elsewhere):
    with deployment_lock(project, "cloudflare"), deployment_lock(elsewhere, "akamai") as lock:
        lock.confirm()


def test_a_second_deployer_may_wait(bucket):
    first = acquire(bucket, KEY)
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            first.release()

    second = acquire(bucket, KEY, wait_seconds=60, sleep=sleep)
    assert len(waits) == 3
    assert second.holder.fence == first.holder.fence + 1


def test_one_of_many_deployers_at_once_gets_the_lock(bucket):
    won, lost = [], []
    barrier = threading.Barrier(8)

    def race():
        barrier.wait()
        try:
            won.append(acquire(bucket, KEY))
        except LockedError:
            lost.append(1)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)


def held_by(bucket, **changes) -> None:
    """Put somebody else's lock in place."""
    now = bucket.now()
    holder = Holder(fence=4, user="eve", host="build-7", pid=1, since=now, until=now + 100)
    bucket.put(KEY, msgspec.json.encode(msgspec.structs.replace(holder, **changes)))


def test_a_lease_that_ran_out_is_taken_over(bucket):
    bucket.get(KEY)
    held_by(bucket, until=bucket.now() - 1)
    assert acquire(bucket, KEY).holder.fence == 5


def test_a_dead_process_of_this_machine_holds_nothing(bucket):
    bucket.get(KEY)
    child = subprocess.Popen(["true"])
    child.wait()
    held_by(bucket, host=socket.gethostname(), pid=child.pid)
    assert acquire(bucket, KEY).holder.fence == 5


@pytest.mark.parametrize("skew", [-86_400, 86_400])
def test_a_machine_with_a_wrong_clock_takes_no_lock_from_another(bucket, settings, skew):
    first = acquire(bucket, KEY)
    wrong = Bucket(settings.url, settings.endpoint, clock=lambda: time.time() + skew)
    with pytest.raises(LockedError):
        acquire(wrong, KEY)
    first.release()
    second = acquire(wrong, KEY)
    assert abs(second.holder.until - time.time() - LEASE_SECONDS) < 10
    with pytest.raises(LockedError):
        acquire(bucket, KEY)


def test_a_deployer_that_lost_the_lock_moves_no_head(target, memory, build, project, bucket):
    publish(target, build("one", [b"bear"]), project)
    stolen = []

    def steal(stage, _done, _total):
        if stage == "verifying" and not stolen:
            stolen.append(held_by(bucket))

    with pytest.raises(LockedError, match="eve on build-7"):
        publish(target, build("two", [b"ball"]), project, progress=steal)
    assert read_head(target, project).live.release == "one"
    assert holder_of(bucket, KEY).user == "eve"


def test_the_lock_is_free_after_a_failure(target, build, project, bucket):
    folder = build("one", [b"bear"], shop="others")
    with pytest.raises(InputError):
        publish(target, folder, project)
    assert holder_of(bucket, KEY) is None


class Cut(Exception):
    """Stands for a network that is gone."""


def test_cut_at_any_request_to_the_archive_the_next_run_finishes(
    new_memory, connect, build, project, live, client, monkeypatch
):
    one, two = build("one", [b"bear"]), build("two", [b"ball", b"boat"], visitors=ROWS)
    call = Bucket._call
    for cut in range(100):
        for key in keys(client):
            client.delete_object(Bucket="shelf", Key=key)
        memory = new_memory()
        memory.on_write = lambda memory=memory: live(memory.values)
        target = connect(memory)
        publish(target, one, project)
        left = [cut]

        def cut_call(self, verb, key, *rest, left=left, **given):
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            return call(self, verb, key, *rest, **given)

        monkeypatch.setattr(Bucket, "_call", cut_call)
        try:
            publish(target, two, project)
        except Cut:
            ended = False
        else:
            ended = True
        monkeypatch.setattr(Bucket, "_call", call)
        if ended:
            assert cut > 10
            return
        assert live(memory.values).live.release in ("one", "two")
        free_lock(project)
        publish(target, two, project)
        assert live(memory.values).live.release == "two"
        assert Archived(project, "two").release.release == "two"
    pytest.fail("the deployment never ended")


def free_lock(project):
    """What a lease's end does, without waiting for it."""
    bucket = open_bucket(project)
    held = bucket.get(KEY)
    if held:
        holder = json.loads(held.value)
        bucket.put(KEY, json.dumps({**holder, "until": 0}).encode())


def test_old_releases_leave_the_archive_and_what_is_live_stays(
    target, build, project, client, settings
):
    few = with_archive(project, msgspec.structs.replace(settings, keep_releases=1))
    for name in ("one", "two", "three"):
        publish(target, build(name, [name.encode(), b"bear"]), few)
        # The store tells when an object was written in whole seconds.
        time.sleep(1.1 if name == "one" else 0)
    change_overlays(target, few, erasing(7), sleep=lambda seconds: None)
    bucket = open_bucket(few)
    before = keys(client)
    done = clean_archive(bucket, few)
    assert (set(done.kept), done.removed, done.values) == ({"two", "three"}, ("one",), 0)
    later = bucket.now
    bucket.now = lambda: later() + 2 * 86_400
    done = clean_archive(bucket, few)
    del bucket.now
    assert done.values == 2
    assert before - keys(client) >= {"toys/releases/one.json"}
    for release in ("two", "three"):
        source = Archived(few, release)
        for key in (*source.release.sizes, source.release.manifest):
            assert source.read(key)
    assert any("/values/e-" in key for key in keys(client))


def test_gc_says_what_went_from_the_archive(target, build, project):
    publish(target, build("one", [b"bear"]), project)
    report = collect_garbage(target, project)
    assert report.archive.kept == ("one",)


@pytest.mark.parametrize(
    ("url", "said"),
    [("s3://none/toys", "NoSuchBucket"), ("ftp://shelf", "is not an archive")],
)
def test_a_wrong_address_says_what_to_do(target, build, project, settings, url, said):
    wrong = with_archive(project, msgspec.structs.replace(settings, url=url))
    with pytest.raises((PlatformError, InputError), match=said) as refused:
        publish(target, build("one", [b"bear"]), wrong)
    assert "archive.url" in str(refused.value)


def test_an_archive_that_does_not_answer_says_how_to_do_without(project, settings, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    silent = msgspec.structs.replace(settings, endpoint="http://127.0.0.1:9")
    with pytest.raises(PlatformError, match="FRONTSHELF_ARCHIVE_URL=") as refused:
        archived_releases(open_bucket(with_archive(project, silent)))
    assert "secret" not in str(refused.value)


def test_a_project_without_an_archive_knows_of_none(target, build, project):
    without = with_archive(project, Archive())
    publish(target, build("one", [b"bear"]), without)
    assert is_archived(without, "one") is None
    with pytest.raises(InputError, match="no archive is set"):
        Archived(without, "one")
