"""One event is one event, however often and by whatever file it comes."""

import hashlib
import json

import pytest

from control_plane.collect.ingest import ingest

HEAD = "timestamp,item_id,user_id"
A, B, C = "2026-05-01,a,ann", "2026-05-01,b,ann", "2026-05-02,c,bob"


def csv(*lines, head=HEAD):
    return "\n".join([head, *lines]) + "\n"


def test_a_line_that_stands_twice_counts_twice(take, query):
    report = take("events.csv", csv(A, A, B))
    assert (report.stored, report.duplicates) == (3, 0)
    assert query("SELECT count(DISTINCT message_id) FROM events") == [(3,)]


def test_the_same_file_again_changes_nothing_at_all(take, project, write):
    def picture():
        files = sorted(file for file in project.data.rglob("*") if file.is_file())
        return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}

    content = csv(A, A, B, C, *[C] * 20, "x,c,bob")
    take("events.csv", content)
    take("items.csv", "item_id,title\na,Tent\n")
    before = picture()
    report = take("events.csv", content)
    assert (report.stored, report.duplicates, report.rejected) == (0, 24, 1)
    take("items.csv", "item_id,title\na,Tent\n")
    assert picture() == before


def test_exports_that_overlap_count_once(take):
    take("first.csv", csv(A, A, B))
    report = take("second.csv", csv(A, B, B, C))
    assert (report.stored, report.duplicates) == (2, 2)


def test_files_of_one_directory_that_overlap_count_once(project, write, query):
    write("one.csv", csv(A, A, B))
    folder = write("two.csv", csv(A, B, C)).parent
    report = ingest(project, folder)
    assert (report.rows, report.stored, report.duplicates) == (6, 4, 2)


def test_a_message_id_is_the_identity_where_it_is_given(take, query):
    head = f"{HEAD},message_id"
    report = take("events.csv", csv(f"{A},m1", f"{B},m1", f"{A},m2", head=head))
    assert (report.stored, report.duplicates) == (2, 1)
    again = take("later.csv", csv("2026-05-20,z,zoe,m2", head=head))
    assert (again.stored, again.duplicates) == (0, 1)
    assert query("SELECT message_id, lines[1].item_id FROM events ORDER BY 1") == [
        ("m1", "a"),
        ("m2", "a"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        "2026-05-01,a,bob,1,FR",
        "2026-05-01,b,ann,1,FR",
        "2026-05-01,a,ann,2,FR",
        "2026-05-01,a,ann,1,DE",
        "2026-05-01T00:00:01,a,ann,1,FR",
        "2026-05-01,a,,1,FR",
    ],
)
def test_rows_that_differ_in_any_field_are_different_events(take, other):
    head = f"{HEAD},quantity,country,session_id"
    take("one.csv", csv("2026-05-01,a,ann,1,FR,s", head=head))
    assert take("two.csv", csv(f"{other},s", head=head)).stored == 1


def test_the_same_row_in_other_words_is_the_same_event(take):
    take("one.csv", csv("2026-05-01T00:00:00Z,a,ann,1.50", head=f"{HEAD},price"))
    report = take("two.csv", "user_id;price;item_id;timestamp\nann;1.5;a;2026-05-01T02:00+02:00\n")
    assert (report.stored, report.duplicates) == (0, 1)


def test_a_new_visitor_secret_makes_no_new_events(take, project):
    content = csv(A, B)
    take("events.csv", content)
    file = project.keys / "visitor.json"
    secrets = json.loads(file.read_text())
    secrets["secrets"]["k2"] = "bmV3IHNlY3JldCBvZiAzMiBieXRlcyBsZW5ndGghISE="
    file.write_text(json.dumps({**secrets, "current": "k2"}))
    assert take("events.csv", content).duplicates == 2


def test_a_user_and_a_device_of_one_name_are_two_people(take):
    head = "timestamp,item_id,user_id,anonymous_id"
    report = take("events.csv", csv("2026-05-01,a,7,", "2026-05-01,a,,7", head=head))
    assert (report.stored, report.visitors) == (2, 2)


def test_identities_compared_in_turns_are_compared_all(take, query, monkeypatch):
    monkeypatch.setattr("control_plane.collect.identity.IDENTITIES_AT_ONCE", 5)
    lines = [f"2026-05-{1 + n % 20:02},item-{n % 15},ann" for n in range(40)]
    assert take("one.csv", csv(*lines, A, A)).stored == 42
    report = take("two.csv", csv(*lines, A, A, A, C))
    assert (report.stored, report.duplicates) == (2, 42)


def test_days_written_in_turns_are_all_written(take, query, monkeypatch):
    monkeypatch.setattr("control_plane.collect.settle.ROWS_AT_ONCE", 4)
    lines = [f"2026-05-{1 + n % 9:02},item-{n},ann" for n in range(30)]
    report = take("one.csv", csv(*lines))
    assert (report.stored, report.days) == (30, 9)
    assert query("SELECT count(DISTINCT lines[1].item_id) FROM events") == [(30,)]
