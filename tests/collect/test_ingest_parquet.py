"""Parquet of any column types, and files that are broken."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from control_plane.collect.ingest import ingest
from control_plane.errors import InputError


@pytest.fixture
def store(tmp_path):
    def put(columns, name="events.parquet", **options):
        file = tmp_path / name
        pq.write_table(pa.table(columns), file, **options)
        return file

    return put


@pytest.mark.parametrize(
    "times",
    [
        pa.array([datetime(2026, 5, 1, 10)]),
        pa.array([datetime(2026, 5, 1, 10, tzinfo=UTC)]),
        pa.array([datetime(2026, 5, 1, 10)], pa.timestamp("ns")),
        pa.array([datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))]),
        pa.array([1777629600]),
        pa.array([1777629600000.0]),
        pa.array(["2026-05-01T10:00:00Z"], pa.large_string()),
        pa.array(["2026-05-01T10:00:00Z"]).dictionary_encode(),
    ],
)
def test_times_may_have_any_type(project, store, query, times):
    file = store({"timestamp": times, "item_id": ["a"], "session_id": [7]})
    ingest(project, file)
    assert query('SELECT "timestamp", session_id FROM events') == [(datetime(2026, 5, 1, 10), "7")]


def test_numbers_lists_and_nulls_are_read(project, store, query):
    file = store(
        {
            "timestamp": [date(2026, 5, 1)] * 2,
            "item_id": [85123, None],
            "user_id": [17850.0, None],
            "session_id": ["s", "s"],
            "event": ["Order Completed"] * 2,
            "price": [Decimal("2.55"), None],
            "quantity": [6.0, None],
            "consent": [["analytics"], None],
            "extra": [{"nested": 1}, None],
        }
    )
    report = ingest(project, file)
    assert (report.stored, report.visitors) == (2, 1)
    assert [column.name for column in report.unknown_columns] == []
    assert query("SELECT lines, consent FROM events ORDER BY sequence")[0] == (
        [
            {
                "item_id": "85123",
                "quantity": 6,
                "price_minor": 255,
                "currency": None,
                "position": None,
            }
        ],
        ["analytics"],
    )


def test_the_same_rows_in_csv_and_parquet_count_once(project, store, take, query):
    take("events.csv", "timestamp,item_id,user_id,price\n2026-05-01 10:00:00,a,17850,2.55\n")
    columns = {"timestamp": [datetime(2026, 5, 1, 10)], "item_id": ["a"]}
    report = ingest(project, store({**columns, "user_id": [17850.0], "price": [2.55]}))
    assert (report.stored, report.duplicates) == (0, 1)


def test_a_broken_file_is_refused(project, store, query):
    file = store({"timestamp": ["2026-05-01"] * 999, "item_id": ["a"] * 999})
    whole = file.read_bytes()
    for broken in (whole[:-40], whole[:40] + b"\0" * 200 + whole[240:], b"PAR1", b"no parquet"):
        file.write_bytes(broken)
        with pytest.raises(InputError, match="the Parquet file cannot be read"):
            ingest(project, file)
    assert query("SELECT count(*) FROM events") == [(0,)]


def test_no_row_is_no_file(project, store):
    with pytest.raises(InputError, match="holds no row"):
        ingest(project, store({"timestamp": pa.array([], pa.string())}))


def test_a_parquet_file_is_known_by_its_first_bytes(project, store):
    file = store({"timestamp": ["2026-05-01"], "item_id": ["a"], "session_id": ["s"]}, "events.bin")
    assert ingest(project, file).stored == 1
