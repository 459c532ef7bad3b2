"""Releases in an archive, and one deployer at a time among machines, against a real S3 server."""

import json
import time
from contextlib import closing

import msgspec
import pytest
from s3 import with_archive
from starlette.responses import Response

from control_plane.deploy.archive.archived import Archived, archived_releases, is_archived
from control_plane.deploy.archive.bucket import Bucket, open_bucket
from control_plane.deploy.archive.clean import clean_archive
from control_plane.deploy.gc import collect_garbage
from control_plane.deploy.head import read_head
from control_plane.deploy.history import only_archived, releases, rollback
from control_plane.deploy.overlays.changes import erase, switch
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.overlays.values import overlay_counts
from control_plane.deploy.publish import publish
from control_plane.deploy.record import highest_counter
from control_plane.emulator.server import ServerThread
from control_plane.errors import InputError, PlatformError, TableError
from control_plane.keyring.rotation import revoke_key, rotate_key
from control_plane.settings import Archive, Project

ROWS = [b"anna's row", b"ben's row"]
KEY = "targets/cloudflare/lock.json"


@pytest.fixture
def project(project, archive) -> Project:
    return with_archive(project, archive)


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
    target, build, project, archive, client
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
    target, build, project, client, archive
):
    few = with_archive(project, msgspec.structs.replace(archive, keep_releases=1))
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
def test_a_wrong_address_says_what_to_do(target, build, project, archive, url, said):
    wrong = with_archive(project, msgspec.structs.replace(archive, url=url))
    with pytest.raises((PlatformError, InputError), match=said) as refused:
        publish(target, build("one", [b"bear"]), wrong)
    assert "archive.url" in str(refused.value)


def test_an_archive_that_does_not_answer_says_how_to_do_without(project, archive, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    silent = msgspec.structs.replace(archive, endpoint="http://127.0.0.1:9")
    with pytest.raises(PlatformError, match="FRONTSHELF_ARCHIVE_URL=") as refused:
        archived_releases(open_bucket(with_archive(project, silent)))
    assert "secret" not in str(refused.value)


def test_a_project_without_an_archive_knows_of_none(target, build, project):
    without = with_archive(project, Archive())
    publish(target, build("one", [b"bear"]), without)
    assert is_archived(without, "one") is None
    with pytest.raises(InputError, match="no archive is set"):
        Archived(without, "one")


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (403, "AccessDenied", "lack a permission on this prefix"),
        (400, "ExpiredToken", "Renew the credentials"),
        (403, "InvalidAccessKeyId", "Check the credentials"),
        (503, "SlowDown", "Run the command again when it answers"),
    ],
)
def test_what_the_store_refuses_is_told_with_a_remedy(
    project, archive, monkeypatch, status, code, remedy
):
    async def refuse(scope, receive, send):
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        await Response(body, status, media_type="application/xml")(scope, receive, send)

    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with closing(ServerThread(refuse)) as server:
        elsewhere = msgspec.structs.replace(archive, endpoint=server.url)
        with pytest.raises(PlatformError, match=f"{code}: no") as refused:
            archived_releases(open_bucket(with_archive(project, elsewhere)))
    assert remedy in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_head_of_a_key_revoked_since_keeps_what_it_names(target, build, project, client):
    publish(target, build("one", [b"bear"]), project)
    _new, old = rotate_key(project.keys, "head")
    revoke_key(project.keys, old, 0)
    assert clean_archive(open_bucket(project), project).kept == ("one",)
