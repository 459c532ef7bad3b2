"""What `doctor` says of a shop in whatever state."""

from __future__ import annotations

import time

import msgspec
import pytest

from control_plane.deploy.doctor.project import examine_project
from control_plane.deploy.doctor.target import examine_target
from control_plane.deploy.folder import Folder
from control_plane.deploy.head import read_head
from control_plane.deploy.lock import deployment_lock
from control_plane.deploy.overlays.changes import erase
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.publish import publish
from control_plane.errors import PlatformError

ITEMS = [b"boots", b"socks"]


@pytest.fixture
def store(tmp_path):
    return Folder(tmp_path / "cdn")


@pytest.fixture
def said(project, store):
    """Look at project and target; return the level and the words of each check."""

    def look(**options):
        found = [*examine_project(project), *examine_target(store, project, **options)]
        return {one.check: (one.level, f"{one.says} {one.remedy}") for one in found}

    return look


@pytest.fixture
def deployed(project, build, store):
    """Compile and deploy a release; `build/current` is what is live."""

    def deploy(name, items=ITEMS):
        current = project.build / "current"
        current.unlink(missing_ok=True)
        project.build.mkdir(exist_ok=True)
        current.symlink_to(build(name, items))
        publish(store, current, project)

    return deploy


def worst(findings):
    return {check: level for check, (level, _) in findings.items() if level != "ok"}


def test_all_is_well_after_a_deployment(said, deployed):
    deployed("one")
    found = said()
    assert worst(found) == {}
    assert "release one is live" in found["head"][1]
    assert "2 values there, 2 read and genuine" in found["live release"][1]


def test_a_new_project_is_told_what_comes_next(said):
    found = said()
    assert worst(found) == {"build": "warning", "head": "warning"}
    assert "frontshelf compile" in found["build"][1]
    assert "frontshelf deploy --target folder" in found["head"][1]


def test_missing_and_open_keys_are_named(said, project):
    (project.keys / "head.pem").chmod(0o644)
    level, words = said()["keys"]
    assert level == "problem"
    assert "head.pem" in words
    assert "chmod" in words
    (project.keys / "release.pem").unlink()
    level, words = said()["keys"]
    assert (level, "release.pem" in words, "frontshelf init" in words) == ("problem", True, True)


def test_a_changed_build_and_a_changed_store_are_both_found(said, deployed, project, store):
    deployed("one")
    value = next((project.build / "current" / "values").glob("i-*"))
    value.write_bytes(b"other")
    store.put(value.name, b"tampered")
    found = said()
    assert worst(found) == {"build": "problem", "live release": "problem"}
    assert (
        "0 of 2 values are missing, 1 of 2 that were read are changed" in found["live release"][1]
    )
    store.delete_many([value.name])
    assert "1 of 2 values are missing" in said()["live release"][1]


def test_all_values_are_read_when_asked(said, deployed, store):
    items = [b"item %d" % number for number in range(40)]
    deployed("one", items)
    assert "40 values there, 16 read" in said()["live release"][1]
    assert "40 values there, 40 read" in said(every=True)["live release"][1]


def test_a_head_that_is_not_ours_hides_nothing_else(said, deployed, store):
    deployed("one")
    store.put("head", b"nonsense")
    found = said()
    assert worst(found) == {"head": "problem"}
    assert "delete the key 'head'" in found["head"][1]


def test_a_lost_manifest_is_a_problem(said, deployed, store, project):
    deployed("one")
    store.delete_many(list(store.keys("m-")))
    assert said()["live release"][0] == "problem"


def test_another_machines_deployment_is_seen(said, deployed, project):
    deployed("one")
    (project.local / "releases-folder.jsonl").unlink()
    level, words = said()["records"]
    assert (level, "another machine" in words) == ("warning", True)


def test_a_deployment_that_died_is_seen(said, deployed, project, build, store, monkeypatch):
    deployed("one")

    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Folder, "put_many", dies)
    with pytest.raises(KeyboardInterrupt):
        publish(store, build("two", [b"hats"]), project)
    level, words = said()["records"]
    assert (level, "release two began" in words) == ("warning", True)


def test_who_deploys_is_named(said, project):
    with deployment_lock(project, "cloudflare"):
        level, words = said()["lock"]
    assert level == "warning"
    assert "since" in words
    assert said()["lock"][0] == "ok"


def test_visitors_values_past_their_time_are_a_warning(said, project, build, store):
    publish(store, build("one", ITEMS, [b"anna"]), project)
    publish(store, build("two", ITEMS, [b"ben"]), project)
    assert "with visitors' rows" in said()["rollback"][1]
    found = said(clock=lambda: time.time() + 2 * 86_400)
    assert found["clean-up"][0] == "warning"
    assert "frontshelf gc" in found["clean-up"][1]
    assert "without visitors' rows" in found["rollback"][1]


def test_a_lost_overlay_is_a_problem(said, deployed, project, store):
    deployed("one")
    change_overlays(store, project, lambda target, head: erase(target, head, "k1", [2**60]))
    found = said()
    assert worst(found) == {}
    assert "erased 1" in found["overlays"][1]
    store.delete_many(list(store.keys("e-")))
    level, words = said()["overlays"]
    assert (level, "from a backup" in words) == ("problem", True)
    with pytest.raises(PlatformError, match="from a backup"):
        change_overlays(store, project, lambda target, head: erase(target, head, "k1", [2**61]))


def test_a_deployment_that_died_after_the_head_moved_is_none(said, deployed, project, store):
    deployed("one")
    file = project.local / "releases-folder.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    assert worst(said()) == {}


def test_a_head_that_the_edge_refuses_is_replaced_as_doctor_says(said, deployed, project, store):
    deployed("one")
    deployed("two", [b"hats"])
    edge = msgspec.structs.replace(project.settings.edge, min_counter=7)
    raised = msgspec.structs.replace(project.settings, edge=edge)
    project = msgspec.structs.replace(project, settings=raised)
    found = {one.check: one for one in examine_target(store, project)}
    assert (found["head"].level, "frontshelf deploy" in found["head"].remedy) == ("problem", True)
    assert publish(store, project.build / "current", project).head_moved
    head = read_head(store, project)
    assert (head.counter, head.live.release, head.previous.release) == (7, "two", "one")
    assert not publish(store, project.build / "current", project).head_moved
