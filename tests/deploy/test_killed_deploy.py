"""However a deployment ends, the edge has a whole release and the next run finishes."""

import signal
import subprocess
import sys
import time

import pytest

from control_plane.deploy.folder import Folder
from control_plane.deploy.history import releases
from control_plane.deploy.publish import publish

OLD, NEW = [b"bear", b"ball", b"boat"], [b"ball", b"kite", b"drum", b"yoyo"]


@pytest.mark.parametrize("die", ["before", "half", "after"])
def test_killed_at_any_request_the_shelf_stays_whole_and_the_next_run_finishes(
    die, new_memory, connect, build, project, live
):
    one, two = build("one", OLD), build("two", NEW)
    for request in range(100):
        memory = new_memory()
        memory.on_write = lambda memory=memory: live(memory.values)
        target = connect(memory)
        publish(target, one, project)
        memory.log.clear()
        memory.die, memory.die_at = die, request
        if not memory.kills(lambda target=target: publish(target, two, project)):
            assert request > 10
            return
        seen, memory.die_at = live(memory.values), None
        assert seen.live.release in ("one", "two")
        publish(target, two, project)
        done = live(memory.values)
        assert (done.live.release, done.previous.release) == ("two", "one")
        assert done.counter >= seen.counter
        assert [entry.release for entry in releases(target, project)] == ["two", "one"]
    pytest.fail("the deployment never ended")


SLOW_DEPLOY = """
import sys, time
from pathlib import Path
from control_plane.deploy import folder, publish
from control_plane.settings import Project, Settings, Shop

class Slow(folder.Folder):
    def put(self, key, value):
        super().put(key, value)
        print(key, flush=True)
        time.sleep(60)

root, build, store = map(Path, sys.argv[1:])
project = Project(root=root, settings=Settings(shop=Shop(name="toys", environment="dev")))
publish.publish(Slow(store), build, project)
"""


def test_a_killed_process_leaves_neither_a_lock_nor_a_half_release(build, project, tmp_path, live):
    store = tmp_path / "cdn"
    publish(Folder(store), build("one", OLD), project)
    two = build("two", NEW)
    deploy = subprocess.Popen(
        [sys.executable, "-c", SLOW_DEPLOY, project.root, two, store], stdout=subprocess.PIPE
    )
    try:
        assert deploy.stdout.readline()  # it has written its first value, and sleeps
        with pytest.raises(Exception, match=rf"process {deploy.pid} on .+, since \d{{4}}-"):
            publish(Folder(store), two, project)
    finally:
        deploy.send_signal(signal.SIGKILL)
        deploy.communicate()
    started = time.monotonic()
    assert publish(Folder(store), two, project).head_moved
    assert time.monotonic() - started < 5
    values = {file.name: file.read_bytes() for file in store.iterdir()}
    assert live(values).live.release == "two"
