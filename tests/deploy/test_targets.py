"""What every target does alike: both CDNs through their APIs of this machine, and the folder."""

from collections.abc import Iterator

import pytest
from akamai_cloud import GROUP, NAMESPACE, open_akamai

from control_plane.deploy.akamai.api import AkamaiApi
from control_plane.deploy.akamai.edgekv import GRANT, MISSING, AkamaiKV
from control_plane.deploy.cloudflare.kv import CloudflareKV
from control_plane.deploy.folder import Folder
from control_plane.deploy.history import rollback
from control_plane.deploy.publish import publish
from control_plane.deploy.target import Target
from control_plane.emulator.local_api import local_api
from control_plane.errors import InputError, PlatformError

EVERY_BYTE = bytes(range(256))


@pytest.fixture(params=["folder", "local", "akamai"])
def shelf(request, tmp_path, project) -> Iterator[Target]:
    """Each kind of target in turn, empty."""
    if request.param == "folder":
        yield Folder(tmp_path / "cdn")
        return
    if request.param == "akamai":
        with open_akamai(tmp_path) as cloud:
            known, url = cloud.client.credentials, cloud.url
            api = AkamaiApi(known, base_url=url, grant=GRANT, missing=MISSING)
            with AkamaiKV(api, "staging", NAMESPACE, GROUP) as target:
                yield target
        return
    with (
        local_api(project) as api,
        CloudflareKV(
            api.base_url, api.token, api.account_id, api.namespace_id, name="local"
        ) as target,
    ):
        yield target


def test_a_missing_key_is_none(shelf):
    assert shelf.get("i-none") is None


@pytest.mark.parametrize("value", [b"", b"bear", EVERY_BYTE, b"\xff" * 72 * 1024])
def test_what_is_put_comes_back_byte_for_byte(shelf, value):
    shelf.put("i-1", value)
    assert shelf.get("i-1") == value
    shelf.put_many([("i-2", value), ("i-3", b"ball")])
    assert shelf.get("i-2") == value


def test_the_newest_write_counts(shelf):
    shelf.put("head", b"old")
    shelf.put("head", b"new")
    assert shelf.get("head") == b"new"


def test_keys_are_listed_by_prefix_in_order(shelf):
    shelf.put_many((key, b"x") for key in ("m-2", "i-b", "i-a", "m-1", "head"))
    assert list(shelf.keys("i-")) == ["i-a", "i-b"]
    assert list(shelf.keys()) == ["head", "i-a", "i-b", "m-1", "m-2"]
    assert list(shelf.keys("u-")) == []


def test_more_keys_than_a_page_are_all_listed(shelf):
    names = [f"i-{number:05d}" for number in range(2_345)]
    shelf.put_many((name, b"x") for name in names)
    assert list(shelf.keys("i-")) == names


def test_deleted_keys_are_gone_and_deleting_again_is_no_error(shelf):
    shelf.put_many([("i-1", b"a"), ("i-2", b"b"), ("i-3", b"c")])
    shelf.delete_many(["i-1", "i-3", "i-none"])
    assert list(shelf.keys()) == ["i-2"]
    shelf.delete_many(["i-1"])
    shelf.delete_many([])


def test_writing_nothing_is_no_error(shelf):
    shelf.put_many([])
    assert list(shelf.keys()) == []


@pytest.mark.parametrize("key", ["", "42", ".", "..", "a/b", "a b", "ä", "k" * 513])
def test_keys_that_some_platform_refuses_are_refused_here(shelf, key):
    for call in (
        lambda: shelf.get(key),
        lambda: shelf.put(key, b"x"),
        lambda: shelf.put_many([(key, b"x")]),
        lambda: shelf.delete_many([key]),
    ):
        with pytest.raises(InputError, match="is not a key"):
            call()
    assert list(shelf.keys()) == []


def test_a_release_is_deployed_once_and_rolled_back(shelf, build, project):
    publish(shelf, build("red", [b"bear", EVERY_BYTE]), project)
    assert publish(shelf, build("blue", [b"bear"]), project).written == 1
    assert publish(shelf, project.root.parent / "build-blue", project).written == 0
    assert rollback(shelf, project).release == "red"


def test_the_local_edge_refuses_a_wrong_token_as_cloudflare_does(project):
    with (
        local_api(project) as api,
        CloudflareKV(api.base_url, "wrong", api.account_id, api.namespace_id) as target,
        pytest.raises(PlatformError, match=r"CLOUDFLARE_API_TOKEN") as raised,
    ):
        target.get("i-1")
    assert raised.value.status in (400, 401, 403)


def test_the_local_edge_does_not_take_a_wrong_namespace_for_an_empty_one(project):
    with (
        local_api(project) as api,
        CloudflareKV(api.base_url, api.token, api.account_id, "f" * 32) as target,
        pytest.raises(PlatformError, match="namespace_id"),
    ):
        target.get("i-1")


def test_a_folder_that_cannot_be_one_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PlatformError, match="cannot be a target folder"):
        Folder(tmp_path / "file")


def test_a_folder_shows_no_write_that_was_cut_short(tmp_path):
    target = Folder(tmp_path)
    (tmp_path / "i-1.partial").write_bytes(b"half")
    assert list(target.keys()) == []
    target.put("i-1", b"whole")
    assert target.get("i-1") == b"whole"
