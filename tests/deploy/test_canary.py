"""A canary begins, grows, is promoted or ends, and nothing of it is ever half there."""

import pytest

from control_plane.deploy.gc import collect_garbage
from control_plane.deploy.head import read_head
from control_plane.deploy.history import promote, releases, rollback
from control_plane.deploy.overlays.changes import switch
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.publish import publish
from control_plane.errors import InputError, PlatformError, TableError

OLD, NEW = [b"bear", b"ball", b"boat"], [b"ball", b"kite", b"drum", b"yoyo"]


@pytest.fixture
def shown(memory, live):
    """Return (live, canary, share) of the head, having looked at all it names."""

    def read():
        head = live(memory.values)
        canary = head.canary
        return head.live.release, canary and canary.release, canary and canary.share

    return read


@pytest.fixture
def builds(build):
    return {"one": build("one", OLD), "two": build("two", NEW), "three": build("three", [b"top"])}


@pytest.fixture
def running(target, builds, project):
    """`one` is live, `two` its canary for 5%."""
    publish(target, builds["one"], project)
    return publish(target, builds["two"], project, canary=0.05)


def states(target, project):
    return [(entry.release, entry.state) for entry in releases(target, project)]


def test_what_is_live_stays_beside_a_canary(running, shown, target, project):
    assert (running.head_moved, running.canary) == (True, 0.05)
    assert shown() == ("one", "two", 0.05)
    assert states(target, project) == [("one", "live"), ("two", "canary")]


@pytest.mark.usefixtures("running")
def test_another_share_writes_the_head_alone(shown, target, memory, builds, project, live):
    since = live(memory.values).canary.since
    memory.log.clear()
    publish(target, builds["two"], project, canary=0.25)
    assert memory.writes() == ["PUT values/head"]
    assert shown() == ("one", "two", 0.25)
    assert live(memory.values).canary.since == since
    memory.log.clear()
    again = publish(target, builds["two"], project, canary=0.25)
    assert (again.head_moved, memory.writes()) == (False, [])


@pytest.mark.usefixtures("running")
def test_promoting_makes_the_canary_live_and_can_be_undone(shown, target, memory, project):
    memory.log.clear()
    done = promote(target, project)
    assert (done.release, done.before, done.counter) == ("two", "one", 3)
    assert memory.writes() == ["PUT values/head"]
    assert shown() == ("two", None, None)
    assert rollback(target, project).release == "one"


@pytest.mark.usefixtures("running")
def test_deploying_the_canary_to_everyone_promotes_it(shown, target, builds, project):
    done = publish(target, builds["two"], project)
    assert (done.written, done.head_moved, done.ended) == (0, True, None)
    assert shown() == ("two", None, None)


@pytest.mark.usefixtures("running")
def test_a_rollback_ends_the_canary_and_leaves_what_is_live(shown, target, project):
    done = rollback(target, project)
    assert (done.release, done.moved, done.ended) == ("one", False, "two")
    assert shown() == ("one", None, None)
    with pytest.raises(InputError, match="has no canary"):
        promote(target, project)


def test_a_rollback_to_a_release_ends_the_canary_too(shown, target, builds, project):
    for name in ("three", "one"):
        publish(target, builds[name], project)
    publish(target, builds["two"], project, canary=0.5)
    assert rollback(target, project, "three").ended == "two"
    assert shown() == ("three", None, None)


@pytest.mark.usefixtures("running")
def test_another_release_for_everyone_ends_the_canary_and_says_so(shown, target, builds, project):
    assert publish(target, builds["three"], project).ended == "two"
    assert shown() == ("three", None, None)


@pytest.mark.usefixtures("running")
def test_another_canary_takes_its_place_and_says_so(shown, target, builds, project):
    assert publish(target, builds["three"], project, canary=0.1).ended == "two"
    assert shown() == ("one", "three", 0.1)


@pytest.mark.usefixtures("running")
def test_overlays_move_beside_a_canary(shown, target, project):
    off = lambda target, head: switch(target, head, "home.hero", off=True)  # noqa: E731
    change_overlays(target, project, off, sleep=lambda seconds: None)
    assert shown() == ("one", "two", 0.05)


@pytest.mark.usefixtures("running")
def test_a_canary_is_never_garbage(shown, target, memory, project):
    before = dict(memory.values)
    later = lambda: 4e9  # noqa: E731
    collect_garbage(target, project, keep=1, clock=later)
    assert memory.values == before
    rollback(target, project)
    collect_garbage(target, project, keep=1, clock=later)
    assert [entry.release for entry in releases(target, project)] == ["one"]


def test_the_first_release_is_for_everyone(target, builds, project):
    with pytest.raises(InputError, match="nothing is live"):
        publish(target, builds["one"], project, canary=0.05)


@pytest.mark.usefixtures("running")
def test_what_is_live_is_no_canary(target, builds, project):
    with pytest.raises(InputError, match="is live for everyone"):
        publish(target, builds["one"], project, canary=0.05)


@pytest.mark.usefixtures("running")
def test_a_canary_that_was_changed_in_the_store_is_not_promoted(shown, target, memory, project):
    manifest = next(e.manifest for e in releases(target, project) if e.state == "canary")
    memory.values[manifest] += b"!"
    with pytest.raises(TableError, match="missing or changed"):
        promote(target, project)


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("act", [promote, rollback])
def test_what_was_judged_is_what_is_promoted_or_ended(act, shown, target, builds, project):
    judged = read_head(target, project)
    publish(target, builds["three"], project, canary=0.05)
    with pytest.raises(PlatformError, match="than the one that was judged"):
        act(target, project, judged=judged)
    assert shown() == ("one", "three", 0.05)
    promote(target, project)
    with pytest.raises(PlatformError, match="than the one that was judged"):
        act(target, project, judged=judged)
    assert shown() == ("three", None, None)


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(("act", "left"), [(promote, "two"), (rollback, "one")])
def test_overlays_and_shares_may_move_while_it_is_judged(act, left, shown, target, builds, project):
    judged = read_head(target, project)
    publish(target, builds["two"], project, canary=0.25)
    act(target, project, judged=judged)
    assert shown() == (left, None, None)


@pytest.mark.parametrize("die", ["before", "half", "after"])
@pytest.mark.parametrize("work", ["begin", "promote", "end"])
def test_killed_at_any_request_one_or_the_other_is_shown(
    work, die, new_memory, connect, builds, project, live
):
    works = {
        "begin": lambda target: publish(target, builds["two"], project, canary=0.05),
        "promote": lambda target: promote(target, project),
        "end": lambda target: rollback(target, project),
    }
    for request in range(100):
        memory = new_memory()
        memory.on_write = lambda memory=memory: live(memory.values)
        target = connect(memory)
        publish(target, builds["one"], project)
        if work != "begin":
            publish(target, builds["two"], project, canary=0.05)
        before = live(memory.values)
        memory.log.clear()
        memory.die, memory.die_at = die, request
        killed = memory.kills(lambda target=target: works[work](target))
        if not killed:
            assert request > 2
            return
        memory.die_at = None
        seen = live(memory.values)
        assert seen.counter in (before.counter, before.counter + 1)
        if seen == before:
            works[work](target)
        after = live(memory.values)
        wanted = {"begin": ("one", "two"), "promote": ("two", None), "end": ("one", None)}[work]
        assert (after.live.release, after.canary and after.canary.release) == wanted
    pytest.fail("the work never ended")
