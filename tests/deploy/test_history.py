"""Releases are listed while they can be made live, and rollback makes them live."""

import logging
import re

import pytest

from control_plane.deploy.history import releases, rollback
from control_plane.deploy.lock import deployment_lock
from control_plane.deploy.publish import publish
from control_plane.deploy.record import record_file
from control_plane.errors import InputError, LockedError, TableError, WorkError


@pytest.fixture
def deployed(target, build, project):
    """Three releases, deployed one after the other."""
    for name in ("red", "green", "blue"):
        publish(target, build(name, [b"bear", name.encode()]), project)


@pytest.mark.usefixtures("deployed")
def test_releases_are_listed_newest_first_with_their_state(target, project):
    listed = [(entry.release, entry.state) for entry in releases(target, project)]
    assert listed == [("blue", "live"), ("green", "previous"), ("red", "")]


@pytest.mark.usefixtures("deployed")
def test_a_release_whose_manifest_is_gone_is_not_listed(target, memory, project):
    red = releases(target, project)[-1]
    del memory.values[red.manifest]
    assert [entry.release for entry in releases(target, project)] == ["blue", "green"]
    with pytest.raises(InputError, match="no release 'red'"):
        rollback(target, project, "red")


@pytest.mark.usefixtures("deployed")
def test_another_machine_lists_what_the_head_names(target, project):
    record_file(project, target.name).unlink()
    listed = [(entry.release, entry.state) for entry in releases(target, project)]
    assert listed == [("blue", "live"), ("green", "previous")]
    assert rollback(target, project).release == "green"


def test_an_empty_target_has_no_releases(target, project):
    assert releases(target, project) == []


@pytest.mark.usefixtures("deployed")
def test_rollback_goes_to_the_release_before_and_back(target, memory, project, live):
    back = rollback(target, project)
    assert (back.release, back.before, back.counter, back.moved) == ("green", "blue", 4, True)
    head = live(memory.values)
    assert (head.live.release, head.previous.release) == ("green", "blue")
    assert rollback(target, project).release == "blue"


@pytest.mark.usefixtures("deployed")
def test_rollback_writes_the_head_and_nothing_else(target, memory, project):
    memory.log.clear()
    rollback(target, project)
    assert memory.writes() == ["PUT values/head"]


@pytest.mark.usefixtures("deployed")
def test_rollback_needs_no_release_key(target, memory, project, live):
    (project.keys / "release.pem").unlink()
    rollback(target, project, "red")
    assert live(memory.values).live.release == "red"


@pytest.mark.usefixtures("deployed")
def test_rollback_to_the_live_release_changes_nothing(target, memory, project):
    before = dict(memory.values)
    assert not rollback(target, project, "blue").moved
    assert memory.values == before


@pytest.mark.usefixtures("deployed")
def test_an_unknown_release_is_answered_with_the_nearest(target, project):
    with pytest.raises(InputError, match=re.escape("Did you mean 'green'?")):
        rollback(target, project, "gren")


def test_nothing_deployed_is_said(target, build, project):
    with pytest.raises(InputError, match="Nothing was deployed"):
        rollback(target, project)
    publish(target, build("red", [b"bear"]), project)
    with pytest.raises(InputError, match="no release from before"):
        rollback(target, project)


@pytest.mark.usefixtures("deployed")
def test_a_changed_manifest_is_not_gone_back_to(target, memory, project):
    green = releases(target, project)[1]
    memory.values[green.manifest] += b"!"
    head = memory.values["head"]
    with pytest.raises(TableError, match="missing or changed"):
        rollback(target, project)
    assert memory.values["head"] == head


@pytest.mark.usefixtures("deployed")
def test_a_rollback_killed_at_any_request_leaves_a_whole_shelf(
    target, memory, connect, project, live
):
    memory.on_write = lambda: live(memory.values)
    for request in range(100):
        memory.log.clear()
        memory.die_at = request
        if not memory.kills(lambda: rollback(target, project, "red")):
            break
        assert live(memory.values).live.release == "blue"
    assert live(memory.values).live.release == "red"


@pytest.mark.usefixtures("deployed")
def test_a_record_cut_short_is_left_out_and_said(target, build, project, caplog):
    file = record_file(project, target.name)
    file.write_bytes(file.read_bytes()[:-20])
    with caplog.at_level(logging.WARNING):
        publish(target, build("pink", [b"bear"]), project)
    assert "not a record" in caplog.text
    listed = [entry.release for entry in releases(target, project)]
    assert listed == ["pink", "blue", "green", "red"]


def test_a_history_that_cannot_be_kept_stops_the_deployment(target, memory, build, project):
    record_file(project, target.name).mkdir(parents=True)
    with pytest.raises(WorkError, match="release history"):
        publish(target, build("red", [b"bear"]), project)
    assert "head" not in memory.values


def test_two_deployments_at_once_are_told_apart(target, build, project):
    folder = build("red", [b"bear"])
    with (
        deployment_lock(project, "cloudflare"),
        pytest.raises(LockedError, match=r"process \d+ on"),
    ):
        publish(target, folder, project)
    with deployment_lock(project, "cloudflare"), pytest.raises(LockedError):
        rollback(target, project)
    assert publish(target, folder, project).head_moved
