"""Tiny made-up files in the public logs' formats, read and cut as the field does."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from control_plane.bench.public_clicks import DAY, ClickSet, find_click_sets
from control_plane.errors import InputError

#: Sessions by day: a test on the last, which has one click on an item nobody knew before.
SESSIONS = [(day, ["a", "b", "c"]) for day in range(6)] + [(30, ["b", "new", "c", "c"])]
EVERYWHERE = ["a", "b", "c"]


def clicks() -> list[tuple[str, str, int]]:
    """Return (session, item, seconds), each click ten seconds after the one before."""
    return [
        (f"{number}", item, day * DAY + 10 * step)
        for number, (day, items) in enumerate(SESSIONS)
        for step, item in enumerate(items)
    ]


def read(folder: Path, name: str) -> tuple[ClickSet, list[tuple[str, str]]]:
    with duckdb.connect() as duck:
        found = find_click_sets(folder)[name](duck)
        return found, [row[:2] for row in found.train.fetchall()]


def write(folder: Path, name: str, lines: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def diginetica(folder: Path) -> None:
    lines = ["session_id;user_id;item_id;timeframe;eventdate"]
    # Out of order, as the real file is: `timeframe` orders a session.
    for session, item, at in reversed(clicks()):
        date = f"2016-05-{at // DAY + 1:02}"
        lines.append(f"{session};NA;{item};{1000 * (at % DAY)};{date}")
    write(folder, "train-item-views.csv", lines)


def yoochoose(folder: Path) -> None:
    lines = [
        f"{session},2014-05-{at // DAY + 1:02}T10:00:{at % DAY:02}.100Z,{item},0"
        for session, item, at in clicks()
    ]
    write(folder, "yoochoose-clicks.dat", lines)


def retailrocket(folder: Path) -> None:
    lines = ["timestamp,visitorid,event,itemid,transactionid"]
    for session, item, at in clicks():
        lines.append(f"{1_430_000_000_000 + 1000 * at},9,view,{item},")
        lines.append(f"{1_430_000_000_000 + 1000 * at + 1},9,addtocart,cart-{session},")
    write(folder, "events.csv", lines)


def tmall(folder: Path) -> None:
    lines = ["SessionId\tItemId\tTime"]
    lines += [f"{session}\t{item}\t{at // 600}" for session, item, at in clicks()]
    lines += ["99\ta\t130000", "99\tb\t130000"]
    write(folder, "dataset15.csv", lines)


MAKERS = {
    "diginetica": diginetica,
    "yoochoose-64": yoochoose,
    "retailrocket": retailrocket,
    "tmall": tmall,
}


@pytest.mark.parametrize("name", list(MAKERS))
def test_the_newest_sessions_are_the_test_and_the_others_learned_from(
    name: str, tmp_path: Path
) -> None:
    MAKERS[name](tmp_path / name)
    found, train = read(tmp_path, name)
    # The unknown item is out, and so are items of fewer than five clicks.
    assert found.prefixes == [["b"], ["b", "c"]]
    assert found.targets == ["c", "c"]
    assert found.session.tolist() == [0, 0]
    items = [item for _, item in train]
    assert items == EVERYWHERE * (1 if name == "yoochoose-64" else 6)


def test_a_log_in_the_folder_itself_is_found(tmp_path: Path) -> None:
    diginetica(tmp_path)
    assert list(find_click_sets(tmp_path)) == ["diginetica"]


def test_a_pause_begins_a_new_session_where_only_visitors_are_known(tmp_path: Path) -> None:
    retailrocket(tmp_path)
    _, train = read(tmp_path, "retailrocket")
    assert len({session for session, _ in train}) == 6


def test_retailrocket_as_cut_by_others_is_taken_as_it_is(tmp_path: Path) -> None:
    table = pa.table({"session_id": ["s", "s"], "item_id": ["a", "b"], "timestamp": [1, 2]})
    pq.write_table(table, tmp_path / "train.parquet")
    tests = [(["a", "b"], "c"), (["a"], "b"), (["b"], "a")]
    lines = [json.dumps({"prefix": prefix, "target": target}) for prefix, target in tests]
    write(tmp_path, "test.jsonl", lines)
    found, train = read(tmp_path, "retailrocket")
    assert train == [("s", "a"), ("s", "b")]
    assert found.session.tolist() == [0, 0, 1]


def test_a_file_that_is_something_else_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, "train-item-views.csv", ["who;knows", "1;2"])
    with pytest.raises(InputError, match=r"train-item-views\.csv.*cannot be read as diginetica"):
        read(tmp_path, "diginetica")
