"""Who a person is stands in the vault alone; the log is there even when it is empty."""

import sqlite3

import duckdb
import pytest

from control_plane.collect.log import EventLog
from control_plane.errors import WorkError
from control_plane.keyring import format_visitor_key, load_visitor_secrets, visitor_key

ANN, DEVICE = "ann.doe@example.com", "device-4711-of-ann"
CSV = (
    "timestamp,item_id,user_id,anonymous_id\n"
    f"2026-05-01,a,{ANN},{DEVICE}\n2026-05-01,b,{ANN},{DEVICE}\nbad,b,{ANN},{DEVICE}\n"
)


def test_identifiers_stand_in_the_vault_and_nowhere_else(take, project, query):
    take("events.csv", CSV, max_rejects=1)
    for file in project.data.rglob("*"):
        if file.is_file() and file.name != "vault.sqlite":
            assert ANN.encode() not in file.read_bytes()
            assert DEVICE.encode() not in file.read_bytes()
    ((columns,),) = query("SELECT string_agg(events::VARCHAR) FROM events")
    assert ANN not in columns
    assert DEVICE not in columns


def test_the_vault_says_who_is_behind_a_key(take, project, query):
    take("events.csv", CSV, max_rejects=1)
    secrets = load_visitor_secrets(project.keys)
    secret = secrets.secrets[secrets.current]
    keys = {"u": visitor_key(secret, "u", ANN), "a": visitor_key(secret, "a", DEVICE)}
    assert set(query('SELECT "user", device_id FROM events')) == {(keys["u"], keys["a"])}
    vault = sqlite3.connect(project.data / "vault.sqlite")
    rows = vault.execute(
        "SELECT kind, key, key_id, identifier FROM person ORDER BY kind"
    ).fetchall()
    vault.close()
    assert rows == [
        ("a", format_visitor_key(keys["a"]), "k1", DEVICE),
        ("u", format_visitor_key(keys["u"]), "k1", ANN),
    ]


def test_the_vault_is_its_owners_alone(take, project):
    take("events.csv", CSV, max_rejects=1)
    assert (project.data / "vault.sqlite").stat().st_mode & 0o077 == 0


def test_people_of_rejected_rows_do_not_enter_the_vault(take, project):
    take("events.csv", "timestamp,item_id,user_id\n2026-05-01,a,x\nbad,a,y\n", max_rejects=1)
    vault = sqlite3.connect(project.data / "vault.sqlite")
    rows = vault.execute("SELECT identifier FROM person").fetchall()
    vault.close()
    assert rows == [("x",)]


def test_an_empty_log_has_both_views(query):
    assert query("SELECT * FROM events") == []
    assert query("SELECT * FROM items") == []


def test_columns_are_the_same_with_and_without_events(take, project):
    def columns():
        with EventLog(project).connect() as log:
            views = ("events", "items")
            return [log.execute(f"DESCRIBE {view}").fetchall() for view in views]

    empty = columns()
    take("events.csv", "timestamp,item_id,session_id\n2026-05-01,a,s\n")
    take("items.csv", "item_id,title\na,Tent\n")
    assert columns() == empty


def test_a_commit_that_cannot_be_read_is_told(take, project):
    take("events.csv", "timestamp,item_id,session_id\n2026-05-01,a,s\n")
    (commit,) = (project.data / "commits").iterdir()
    commit.write_text("{")
    with pytest.raises(WorkError, match="cannot be read"):
        EventLog(project).connect()


def test_events_are_partitioned_by_day(take, project):
    take("events.csv", "timestamp,item_id,session_id\n2026-05-01,a,s\n2026-05-03,a,s\n")
    days = sorted(folder.name for folder in (project.data / "events").iterdir())
    assert days == ["day=2026-05-01", "day=2026-05-03"]
    (file,) = (project.data / "events" / "day=2026-05-01").iterdir()
    assert duckdb.sql(f"SELECT count(*) FROM '{file}'").fetchall() == [(1,)]
