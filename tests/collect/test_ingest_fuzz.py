"""Whatever stands in a file: every row is accounted for, and only our own errors are raised."""

import json
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane.collect.ingest import ingest
from control_plane.collect.log import EventLog
from control_plane.errors import FrontshelfError
from control_plane.keyring import make_keys
from control_plane.settings import Ingest, Project, Settings

NOW = datetime(2026, 6, 1)
#: An ingest takes half a second, a row nothing: few files, and many rows in each.
FUZZ = settings(
    max_examples=7,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    derandomize=True,
)

ODD = st.sampled_from(
    ["", " ", "0", "-1", "1e400", "nan", "2026-05-01", "2026-05-01T10:00:00+99:99", "a\0b", "\r",
     '"', "'", ";", "\ud83d\ude00", "9" * 400, "1777629600", "0200-01-01", "-infinity", "%s",
     "2026-05-01 10:00:00 Europe/Paris", "\u00a02\u00a0", "12e99999999", "0x1F", "٣"]
)  # fmt: skip
TEXTS = ODD | st.text(max_size=30)
FIELDS = st.sampled_from(
    ["timestamp", "item_id", "session_id", "user_id", "anonymous_id", "quantity", "price",
     "currency", "event", "consent", "message_id", "country", "is_bot", "position", "path",
     "received_at", "query", "user_agent", "order_id", "_line", "title", "available"]
)  # fmt: skip
SCALARS = TEXTS | st.none() | st.booleans() | st.integers() | st.floats()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


BYTE_LINES = st.lists(st.binary(max_size=60), min_size=8, max_size=24).map(b"\n".join)


def accounted(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_keys(root / "keys")
        file = root / name
        file.write_bytes(content)
        project = Project(root, Settings(ingest=Ingest(max_rejects=1.0)))
        try:
            report = ingest(project, file, now=NOW)
        except FrontshelfError:
            return
        parts = (report.stored, report.rejected, report.ignored, report.duplicates)
        assert sum(parts) + report.items_updated == report.rows
        with EventLog(project).connect() as log:
            assert log.execute("SELECT count(*) FROM events").fetchall() == [(report.stored,)]
        again = ingest(project, file, now=NOW)
        assert (again.stored, again.items_updated, again.rows) == (0, 0, report.rows)


@pytest.mark.slow
@FUZZ
@given(BYTE_LINES)
def test_any_bytes_as_csv(content):
    accounted("events.csv", b"timestamp,item_id,session_id,query\n" + content)


@pytest.mark.slow
@FUZZ
@given(st.lists(FIELDS, min_size=1, max_size=8, unique=True), st.data())
def test_any_fields_as_csv(fields, data):
    rows = data.draw(st.lists(st.lists(TEXTS, max_size=9), min_size=10, max_size=30))
    quoted = [",".join('"' + text.replace('"', '""') + '"' for text in row) for row in rows]
    header = ",".join(["timestamp", "item_id", "session_id", *fields])
    plain = "\n".join([header, "2026-05-01,a,s" + ",x" * len(fields), *quoted])
    accounted("events.csv", plain.encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@FUZZ
@given(st.lists(st.dictionaries(FIELDS | TEXTS, VALUES, max_size=6), min_size=8, max_size=24))
def test_any_objects_as_flat_json(rows):
    good = {"timestamp": "2026-05-01", "item_id": "a", "session_id": "s"}
    lines = [json.dumps({**good, **row}) for row in rows] + [json.dumps(good)]
    accounted("events.jsonl", "\n".join(lines).encode())


CALLS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["track", "page", "identify", "group", "x"]) | VALUES,
        "event": st.sampled_from(["Product Viewed", "Order Completed"]) | VALUES,
        "timestamp": st.just("2026-05-01T10:00:00Z") | VALUES,
        "originalTimestamp": VALUES,
        "sentAt": st.just("2026-05-01T10:00:09Z") | VALUES,
        "receivedAt": st.just("2026-05-01T10:00:10Z") | VALUES,
        "anonymousId": st.just("d1") | VALUES,
        "userId": VALUES,
        "messageId": VALUES,
        "properties": st.dictionaries(
            st.sampled_from(["product_id", "price", "quantity", "products", "decision", "query"]),
            VALUES | st.lists(st.dictionaries(st.sampled_from(["product_id", "price"]), SCALARS)),
        )
        | VALUES,
        "context": st.dictionaries(
            st.sampled_from(["consent", "page", "device", "userAgent", "location", "campaign"]),
            VALUES,
        )
        | VALUES,
    },
)


@pytest.mark.slow
@FUZZ
@given(
    st.lists(
        CALLS | st.fixed_dictionaries({"batch": st.lists(CALLS, max_size=4)}),
        min_size=8,
        max_size=20,
    )
)
def test_any_objects_as_segment_calls(calls):
    accounted("events.jsonl", "\n".join(json.dumps(call) for call in calls).encode())


@pytest.mark.slow
@FUZZ
@given(BYTE_LINES)
def test_any_bytes_as_json_and_parquet(content):
    accounted(
        "events.jsonl", b'{"timestamp":"2026-05-01","item_id":"a","session_id":"s"}\n' + content
    )
    accounted("events.parquet", content)
