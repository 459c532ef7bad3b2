"""An ingest that ends early, by whatever means and at whatever moment, leaves the log as it was."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from control_plane.collect.ingest import ingest
from control_plane.errors import LockedError

FIRST = "timestamp,item_id,user_id\n2026-05-01,first,ann\n"
ROWS = 6_000

#: Runs an ingest in a process of its own; at the step named, it does to itself what is asked.
CHILD = """
import os, resource, signal, sys
from pathlib import Path
from control_plane.collect import catalogue, intake, settle, store, vault
from control_plane.collect.ingest import ingest
from control_plane.errors import FrontshelfError
from control_plane.settings import Project, Settings

root, path, step, action = sys.argv[1:]
if action == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(step), int(step)))
else:
    room, _, name = step.partition(".")
    module = {"settle": settle, "store": store, "vault": vault, "catalogue": catalogue,
              "intake": intake}.get(room)
    if module:
        plain = getattr(module, name.removesuffix("+"))
        def struck(*args, **kwargs):
            if name.endswith("+"):
                plain(*args, **kwargs)
            os.kill(os.getpid(), getattr(signal, action))
            return plain(*args, **kwargs)
        setattr(module, name.removesuffix("+"), struck)
print("at work", flush=True)
try:
    report = ingest(Project(Path(root), Settings()), Path(path))
except FrontshelfError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_status)
print(report.stored)
"""


@pytest.fixture
def folder(write):
    """A directory with events and items, large enough to take a moment."""
    lines = [f"{1_770_000_000 + 60 * n},item-{n % 500},user-{n % 3000}" for n in range(ROWS)]
    write("many/events.csv", "timestamp,item_id,user_id\n" + "\n".join(lines) + "\n")
    return write("many/items.csv", "item_id,title\nfirst,Tent\n").parent


def child(project, folder, step="", action=""):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(project.root), str(folder), step, action],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def files(project):
    return sorted(
        str(file.relative_to(project.data))
        for file in project.data.rglob("*")
        if file.is_file() and file.name not in (".lock", "vault.sqlite")
    )


STEPS = (
    "intake.make_plan",
    "settle.keep_new",
    "settle._write_days",
    "settle.place_days",
    "settle.place_days+",
    "vault.remember",
    "vault.remember+",
    "settle.replace",
    "settle.commit",
)


INTERRUPTED = ("intake.make_plan", "settle._write_days", "settle.commit")


@pytest.mark.parametrize(
    ("step", "action"),
    [*((step, "SIGKILL") for step in STEPS), *((step, "SIGINT") for step in INTERRUPTED)],
)
def test_a_killed_ingest_leaves_the_log_and_the_next_carries_on(
    take, project, folder, query, step, action
):
    take("first.csv", FIRST)
    before = files(project)
    process = child(project, folder, step, action)
    output = process.communicate(timeout=60)
    assert process.returncode != 0, output
    assert query("SELECT lines[1].item_id FROM events") == [("first",)]
    report = ingest(project, folder)
    assert (report.stored, report.duplicates) == (ROWS, report.items_updated == 0)
    assert query("SELECT count(*), count(DISTINCT message_id) FROM events") == [
        (ROWS + 1, ROWS + 1)
    ]
    new = set(files(project)) - set(before)
    (commit,) = [name for name in new if name.startswith("commits/")]
    ingest_id = Path(commit).stem
    assert all(ingest_id in name or name == "items.parquet" for name in new)


@pytest.mark.slow
def test_an_ingest_killed_at_any_moment_leaves_the_log_and_the_next_carries_on(
    take, project, folder, query
):
    take("first.csv", FIRST)
    chance = random.Random(5)
    for _ in range(8):
        process = child(project, folder)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 1.5))
        process.kill()
        process.communicate(timeout=60)
        assert query("SELECT count(*) FROM events") in ([(1,)], [(ROWS + 1,)])
    ingest(project, folder)
    assert query("SELECT count(*), count(DISTINCT message_id) FROM events") == [
        (ROWS + 1, ROWS + 1)
    ]


@pytest.mark.parametrize("limit", [0, 4096, 20_000, 100_000])
def test_a_full_disk_ends_the_ingest_and_leaves_the_log(take, project, folder, query, limit):
    take("first.csv", FIRST)
    before = files(project)
    process = child(project, folder, str(limit), "limit")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert "Nothing was stored" in errors
    assert query("SELECT lines[1].item_id FROM events") == [("first",)]
    assert ingest(project, folder).stored == ROWS
    assert set(before) <= set(files(project))


def test_only_one_ingest_works_at_a_time(project, write, folder):
    process = child(project, folder, "settle.keep_new", "SIGSTOP")
    try:
        os.waitpid(process.pid, os.WUNTRACED)
        with pytest.raises(LockedError, match=f"process {process.pid}"):
            ingest(project, write("first.csv", FIRST))
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
    assert ingest(project, folder).stored == 0


def test_a_file_changed_by_nobody_is_left_where_it_is(project, write, folder):
    """What is in the day directories without a commit goes, and only that."""
    ingest(project, write("first.csv", FIRST))
    day = project.data / "events" / "day=2026-05-01"
    (day / "stray.parquet").write_bytes(b"half")
    (day / "note.txt").write_text("mine")
    ingest(project, folder)
    assert not (day / "stray.parquet").exists()
    assert (day / "note.txt").exists()
