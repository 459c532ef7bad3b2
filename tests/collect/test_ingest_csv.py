"""CSV as it comes: dialects, broken lines, and the line each row starts in."""

import pytest

from control_plane.errors import InputError

HEAD = "timestamp,item_id,session_id,query"
GOOD = "2026-05-01,a,s,x"


def items(query):
    return [item for (item,) in query("SELECT lines[1].item_id FROM events ORDER BY sequence")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(take, query, delimiter):
    text = "\n".join([HEAD, "2026-05-01,a,s,x"]).replace(",", delimiter)
    take("events.csv", text)
    assert items(query) == ["a"]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(take, query):
    text = f"\ufeff{HEAD}\r\n2026-05-01,a,s,x\r\n2026-05-01,b,s,y\r\n"
    assert take("events.csv", text).stored == 2
    assert query("SELECT query FROM events ORDER BY sequence") == [("x",), ("y",)]


def test_empty_lines_are_no_rows(take):
    assert take("events.csv", f"{HEAD}\n\n{GOOD}\n\n\n{GOOD}\n").rows == 2


def test_lines_are_counted_through_quoted_newlines(take, rejects, query):
    text = f'{HEAD}\n2026-05-01,a,s,"two\nlines"\nyesterday,b,s,x\n{GOOD}\n'
    report = take("events.csv", text, max_rejects=1)
    assert rejects(report) == [(4, "timestamp", "not a time")]
    assert query("SELECT query FROM events ORDER BY sequence") == [("two\nlines",), ("x",)]


def test_rows_of_too_few_or_too_many_fields_are_rejected(take, rejects):
    report = take("events.csv", f"{HEAD}\n2026-05-01,a,s\n{GOOD},y\n{GOOD}\n", max_rejects=1)
    assert rejects(report) == [
        (2, None, "3 fields instead of 4"),
        (3, None, "5 fields instead of 4"),
    ]
    assert report.reasons == {"wrong number of fields": 2}


def test_a_quote_never_closed_costs_only_its_own_line(take, rejects, query):
    text = f'{HEAD}\n2026-05-01,a,s,x\n2026-05-01,b,s,"open\n2026-05-01,c,s,x\n2026-05-01,d,s,x\n'
    report = take("events.csv", text, max_rejects=1)
    assert rejects(report) == [(3, None, "a quote is opened and never closed")]
    assert items(query) == ["a", "c", "d"]


def test_text_after_a_closing_quote_costs_only_its_own_line(take, rejects, query):
    text = f'{HEAD}\n2026-05-01,a,s,"5" disc"\n2026-05-01,b,s,x\n'
    report = take("events.csv", text, max_rejects=1)
    ((line, field, reason),) = rejects(report)
    assert (line, field) == (2, None)
    assert reason.startswith("broken quotes")
    assert items(query) == ["b"]


def test_bytes_that_are_no_utf8_reject_their_row(take, rejects, query):
    text = f"{HEAD}\n{GOOD}\n2026-05-01,b,s,caf".encode() + b"\xe9\n2026-05-01,c,s,x\n"
    report = take("events.csv", text, max_rejects=1)
    assert rejects(report) == [(3, None, "not valid utf-8 (byte 19 of the line)")]
    assert items(query) == ["a", "c"]


def test_another_encoding_is_read_when_the_mapping_names_it(take, query):
    text = f"{HEAD}\n2026-05-01,a,s,".encode() + b"caf\xe9\n"
    take("events.csv", text, mapping="[file]\nencoding = 'cp1252'")
    assert query("SELECT query FROM events") == [("café",)]


def test_a_nul_byte_rejects_its_row(take, rejects, query):
    report = take("events.csv", f"{HEAD}\n2026-05-01,a\0b,s,x\n{GOOD}\n", max_rejects=1)
    assert rejects(report) == [(2, "item_id", "contains a NUL byte")]
    assert items(query) == ["a"]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_of_ten_megabytes_rejects_its_row(take, rejects, query, quote):
    long = quote + "x" * 10_000_000 + quote
    report = take("events.csv", f"{HEAD}\n2026-05-01,b,s,{long}\n{GOOD}\n", max_rejects=1)
    assert rejects(report) == [(2, "query", "longer than 32768 bytes")]
    assert items(query) == ["a"]


def test_a_line_beyond_all_bounds_rejects_its_row(take, rejects, query):
    long = "x" * 17 * 1024 * 1024
    report = take("events.csv", f"{HEAD}\n2026-05-01,b,s,{long}\n{GOOD}\n", max_rejects=1)
    assert rejects(report) == [(2, None, "longer than 16777216 bytes")]
    assert items(query) == ["a"]


def test_a_field_in_an_unknown_column_is_screened_too(take, rejects):
    text = f"{HEAD},notes\n{GOOD},{'y' * 40_000}\n{GOOD},fine\n"
    report = take("events.csv", text, max_rejects=1)
    assert rejects(report) == [(2, "notes", "longer than 32768 bytes")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "holds no header"),
        (f"{HEAD}\n".encode(), "a header and no rows"),
        (f"{HEAD},query\n{GOOD},x\n".encode(), "two columns of this name"),
        ("\ufeffa,b\n".encode("utf-16"), "UTF-16"),
        (b"\xff\xff,\xe9\n1,2\n", "the header is not valid utf-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused(take, content, problem, project):
    with pytest.raises(InputError, match=problem):
        take("events.csv", content)
    assert not (project.data / "events").exists()


def test_the_order_of_many_batches_is_kept(take, query):
    count = 120_000
    lines = "\n".join(f"{1_770_000_000 + n // 1000},i{n},s,x" for n in range(count))
    assert take("events.csv", f"{HEAD}\n{lines}\n").stored == count
    found = query('SELECT lines[1].item_id FROM events ORDER BY "timestamp", sequence')
    assert [item for (item,) in found] == [f"i{n}" for n in range(count)]
