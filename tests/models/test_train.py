"""Training a real project: from its event log to models/model.npz, and what cuts it short."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest

from control_plane.collect.ingest import ingest
from control_plane.errors import InputError, WorkError
from control_plane.keyring import load_visitor_secrets, make_keys, visitor_key
from control_plane.models import artifacts
from control_plane.models.train import REPORT, train
from control_plane.settings import Project, Settings, Train, load_project

EVENTS = [
    f"2026-03-0{day}T10:0{minute}:00Z,{kind}-{minute},user-{number}"
    for day in (1, 2)
    for number in range(12)
    for minute, kind in enumerate(("shoe" if number % 2 else "hat",) * (3 + (number + day) % 3))
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose log has a dozen people of two tastes."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "frontshelf.toml").write_text("", encoding="utf-8")
    make_keys(root / "keys")
    source = tmp_path / "events.csv"
    source.write_text("timestamp,item_id,user_id\n" + "\n".join(EVENTS), encoding="utf-8")
    made = load_project(root, {})
    ingest(made, source)
    return made


def with_train(project: Project, **settings: int) -> Project:
    return msgspec.structs.replace(project, settings=Settings(train=Train(**settings)))


def start(project: Project, prelude: str) -> subprocess.Popen[str]:
    """Train in a process of its own, after the lines of `prelude`."""
    script = textwrap.dedent(prelude) + textwrap.dedent(
        f"""
        from pathlib import Path
        from control_plane.errors import WorkError
        from control_plane.models.train import REPORT, train
        from control_plane.settings import load_project
        try:
            train(load_project(Path({str(project.root)!r}), {{}}), progress=globals().get("told"))
        except WorkError as error:
            raise SystemExit(str(error))
        """
    )
    command = [sys.executable, "-c", script]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_train_reads_the_log_and_keeps_the_model(project):
    told: list[str] = []
    model = train(project, progress=told.append)
    assert model.report["counts"]["visitors"] == 12
    assert model.item_ids == [f"{kind}-{n}" for kind in ("hat", "shoe") for n in range(5)]
    assert artifacts.load(project.models).report == model.report
    assert told == list(model.report["seconds"])
    assert "What Frontshelf learned: shop" in (project.models / REPORT).read_text()


def test_rows_are_under_the_current_secrets_visitor_keys(project):
    secrets = load_visitor_secrets(project.keys)
    wanted = {visitor_key(secrets.secrets["k1"], "u", f"user-{n}") for n in range(12)}
    model = train(project)
    assert set(model.visitors.keys.tolist()) == wanted
    assert model.key_id == secrets.current


def test_a_project_without_events_says_so(tmp_path):
    (tmp_path / "frontshelf.toml").write_text("", encoding="utf-8")
    make_keys(tmp_path / "keys")
    with pytest.raises(WorkError, match="frontshelf ingest"):
        train(load_project(tmp_path, {}))
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"neighbours": 0}, "train.neighbours"),
        ({"visitor_items": 256}, "train.visitor_items"),
        ({"session_gap_minutes": 0}, "train.session_gap_minutes"),
        ({"segments_max": 1}, "train.segments_max"),
        ({"segments_min": 9}, "train.segments_min"),
        ({"segments_smallest": 1}, "train.segments_smallest"),
        ({"seed": -1}, "train.seed"),
    ],
)
def test_a_setting_out_of_bounds_is_named(project, settings, field):
    with pytest.raises(InputError, match=field):
        train(with_train(project, **settings))


def test_a_report_that_cannot_be_written_is_told_with_the_model_in_place(project):
    (project.models / "report.html.partial").mkdir(parents=True)
    with pytest.raises(WorkError, match=r"report\.html failed.*The model is in place"):
        train(project)
    assert len(artifacts.load(project.models).visitors.keys) == 12


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"nonsense"])
def test_a_former_model_that_cannot_be_read_is_replaced(project, content):
    project.models.mkdir()
    (project.models / artifacts.FILE).write_bytes(content)
    train(project)
    assert len(artifacts.load(project.models).visitors.keys) == 12


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
@pytest.mark.parametrize(
    "prelude",
    [
        """
        import time
        def told(step):
            if step == "choosing for visitors":
                print("there", flush=True)
                time.sleep(60)
        """,
        """
        import os, time
        def fsync(file):
            print("there", flush=True)
            time.sleep(60)
        os.fsync = fsync
        """,
    ],
    ids=["learning", "writing"],
)
def test_a_run_cut_short_leaves_the_older_model_and_the_next_run_works(project, how, prelude):
    train(project)
    before = (project.models / artifacts.FILE).read_bytes()
    with start(project, prelude) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "there\n"
            process.send_signal(how)
            assert process.wait(30) != 0
        finally:
            process.kill()
    assert (project.models / artifacts.FILE).read_bytes() == before
    train(project)
    assert {file.name for file in project.models.iterdir()} == {artifacts.FILE, REPORT}


def test_a_full_disk_is_told_and_leaves_the_older_model(project):
    train(project)
    before = (project.models / artifacts.FILE).read_bytes()
    full = """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        """
    with start(project, full) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "older model" in told
    assert {file.name for file in project.models.iterdir()} == {artifacts.FILE, REPORT}
    assert (project.models / artifacts.FILE).read_bytes() == before
