"""One deployer at a time among machines, by conditional writes to a real S3 server."""

import socket
import subprocess
import threading
import time

import msgspec
import pytest
from s3 import with_archive

from control_plane.deploy.archive.bucket import Bucket, open_bucket
from control_plane.deploy.archive.lease import LEASE_SECONDS, Holder, acquire, holder_of
from control_plane.deploy.head import read_head
from control_plane.deploy.lock import deployment_lock, lease_key
from control_plane.deploy.publish import publish
from control_plane.errors import InputError, LockedError, PlatformError
from control_plane.settings import Project

KEY = "targets/cloudflare/lock.json"


@pytest.fixture
def project(project, archive) -> Project:
    return with_archive(project, archive)


@pytest.fixture
def bucket(project) -> Bucket:
    return open_bucket(project)


def test_a_second_deployer_is_told_who_and_since_when(target, build, project, elsewhere):
    with deployment_lock(project, "cloudflare"), pytest.raises(LockedError) as refused:
        publish(target, build("one", [b"bear"]), elsewhere)
    assert "process" in str(refused.value)
    assert "since 20" in str(refused.value)
    assert publish(target, build("two", [b"ball"]), elsewhere).head_moved


@pytest.mark.parametrize("name", ["local", "folder"])
def test_what_is_of_this_machine_alone_stands_apart_by_project(project, elsewhere, name):
    assert lease_key(project, name) != lease_key(elsewhere, name)
    assert lease_key(project, "cloudflare") == lease_key(elsewhere, "cloudflare") == KEY
    with deployment_lock(project, name), deployment_lock(elsewhere, name) as lock:
        lock.confirm()


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
def test_a_machine_with_a_wrong_clock_takes_no_lock_from_another(bucket, archive, skew):
    first = acquire(bucket, KEY)
    wrong = Bucket(archive.url, archive.endpoint, clock=lambda: time.time() + skew)
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


def test_a_lock_that_cannot_be_handed_on_hides_nothing(project, bucket, monkeypatch, caplog):
    def silent(*_arguments: object) -> None:
        raise PlatformError("no answer")

    def work() -> None:
        with deployment_lock(project, "cloudflare"):
            monkeypatch.setattr(Bucket, "replace", silent)
            raise InputError("the work's own")

    with pytest.raises(InputError, match="the work's own"):
        work()
    assert "the lock stays until it runs out (120 s): no answer" in caplog.text
    monkeypatch.undo()
