"""What becomes of each row of a flat file."""

from datetime import datetime

import pytest

from control_plane.errors import InputError, RejectedError

HEAD = "timestamp,item_id,session_id"


def rows(*lines, head=HEAD):
    return "\n".join([head, *lines]) + "\n"


def test_a_row_becomes_an_event_with_one_line(take, query):
    head = f"{HEAD},event,quantity,price,currency,order_id,country,device"
    line = "2026-05-01T10:00:00Z,a-1,s1,Order Completed,2,19.99,EUR,o-7,FR,mobile"
    report = take("events.csv", rows(line, head=head))
    assert (report.rows, report.stored, report.days) == (1, 1, 1)
    ((event, at, lines, order, context),) = query(
        'SELECT event, "timestamp", lines, order_id, context FROM events'
    )
    assert (event, at, order) == ("Order Completed", datetime(2026, 5, 1, 10), "o-7")
    assert lines == [
        {
            "item_id": "a-1",
            "quantity": 2,
            "price_minor": 1999,
            "currency": "EUR",
            "position": None,
        }
    ]
    assert context == {"country": "FR", "device": "mobile"}


def test_a_row_without_an_event_name_is_a_product_view(take, query):
    take("events.csv", rows("2026-05-01,a,s"))
    assert query("SELECT event FROM events") == [("Product Viewed",)]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-05-01T10:00:00Z", datetime(2026, 5, 1, 10)),
        ("2026-05-01T12:00:00+02:00", datetime(2026, 5, 1, 10)),
        ("2026-05-01 12:00:00.5+0200", datetime(2026, 5, 1, 10, 0, 0, 500_000)),
        ("2026-05-01 10:00", datetime(2026, 5, 1, 10)),
        ("2026-05-01", datetime(2026, 5, 1)),
        ("1777629600", datetime(2026, 5, 1, 10)),
        ("1777629600.25", datetime(2026, 5, 1, 10, 0, 0, 250_000)),
        ("1777629600000", datetime(2026, 5, 1, 10)),
        ("1.7776296e9", datetime(2026, 5, 1, 10)),
    ],
)
def test_times_are_iso_or_epoch_seconds_or_milliseconds(take, query, text, at):
    take("events.csv", rows(f"{text},a,s"))
    assert query('SELECT "timestamp" FROM events') == [(at,)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing"),
        ("yesterday", "not a time"),
        ("2026-02-31T10:00:00Z", "not a time"),
        ("infinity", "not a time"),
        ("1777629600000000", "not a time"),
        ("0200-01-01T00:00:00Z", "before 1990"),
        ("1989-12-31T23:59:59Z", "before 1990"),
        ("20260501", "before 1990"),
        ("2026-06-02T12:00:01Z", "in the future"),
        ("9999-12-31", "in the future"),
    ],
)
def test_a_row_with_an_implausible_time_is_rejected_with_its_line(take, rejects, text, reason):
    report = take("events.csv", rows("2026-05-01,a,s", f"{text},a,s"), max_rejects=1)
    assert (report.stored, report.rejected) == (1, 1)
    assert rejects(report) == [(3, "timestamp", reason)]


@pytest.mark.parametrize(
    ("currency", "price", "minor"),
    [
        ("EUR", "19.99", 1999),
        ("EUR", "0.29", 29),
        ("EUR", "1.005", 101),
        ("EUR", "4.35", 435),
        ("JPY", "500", 500),
        ("KWD", "1.234", 1234),
        ("eur", ".5", 50),
        ("", "2", 200),
        ("EUR", "1e2", 10000),
        ("EUR", "", None),
    ],
)
def test_prices_are_minor_units_of_their_currency(take, query, currency, price, minor):
    take("events.csv", rows(f"2026-05-01,a,s,{price},{currency}", head=f"{HEAD},price,currency"))
    assert query("SELECT lines[1].price_minor FROM events") == [(minor,)]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("quantity", "0", "below 1"),
        ("quantity", "-2", "below 1"),
        ("quantity", "1.5", "not a whole number"),
        ("quantity", "two", "not a whole number"),
        ("quantity", "1e30", "not a whole number"),
        ("quantity", "9999999999", "implausibly large"),
        ("price", "free", "not a number"),
        ("price", "1,50 €", "not a number"),
        ("price", "nan", "not a number"),
        ("price", "-1", "negative"),
        ("currency", "euros", "not a currency code"),
        ("position", "first", "not a whole number"),
        ("item_id", "x" * 201, "longer than 200 bytes"),
        ("is_bot", "perhaps", "neither yes nor no"),
        ("received_at", "later", "not a time"),
    ],
)
def test_a_field_that_says_nothing_rejects_its_row(take, rejects, column, value, reason):
    if column == "item_id":
        content = rows("2026-05-01,a,s", f'2026-05-01,"{value}",s')
    else:
        content = rows("2026-05-01,a,s,", f'2026-05-01,a,s,"{value}"', head=f"{HEAD},{column}")
    report = take("events.csv", content, max_rejects=1)
    assert (report.stored, rejects(report)) == (1, [(3, column, reason)])


def test_a_whole_quantity_written_as_a_float_counts(take, query):
    take("events.csv", rows("2026-05-01,a,s,3.0", head=f"{HEAD},quantity"))
    assert query("SELECT lines[1].quantity FROM events") == [(3,)]


def test_a_row_of_nobody_is_rejected(take, rejects):
    report = take("events.csv", rows("2026-05-01,a,s", "2026-05-01,a,"), max_rejects=1)
    assert rejects(report) == [(3, "user_id", "no user, device or session")]


def test_a_view_of_no_item_is_rejected_and_a_search_is_not(take, rejects, query):
    head = f"{HEAD},event,query"
    report = take(
        "events.csv",
        rows("2026-05-01,,s,Product Viewed,", "2026-05-01,,s,Products Searched,shoes", head=head),
        max_rejects=1,
    )
    assert rejects(report) == [(2, "item_id", "the event is about an item and names none")]
    assert query("SELECT event, query, lines FROM events") == [("Products Searched", "shoes", [])]


def test_sessions_without_any_user_are_kept(take, query):
    report = take("events.csv", rows("2026-05-01,a,s"))
    assert report.visitors == 0
    assert query('SELECT session_id, device_id, "user" FROM events') == [("s", None, None)]


def test_rows_of_equal_times_keep_the_order_of_the_file(take, query):
    take("events.csv", rows(*(f"2026-05-01,{item},s" for item in "cabd")))
    ordered = query('SELECT lines[1].item_id FROM events ORDER BY "timestamp", sequence')
    assert [item for (item,) in ordered] == list("cabd")


def test_consent_is_what_the_column_grants(take, query):
    take(
        "events.csv",
        rows(
            "2026-05-01,a,s,personalization|analytics",
            "2026-05-01,b,s,personalization",
            "2026-05-01,c,s,none",
            "2026-05-01,d,s,",
            "2026-05-01,e,s,granted",
            head=f"{HEAD},consent",
        ),
    )
    consents = dict(query("SELECT lines[1].item_id, consent FROM events"))
    assert consents == {
        "a": ["analytics", "personalization"],
        "b": ["personalization"],
        "c": [],
        "d": [],
        "e": ["analytics", "personalization"],
    }


def test_a_file_without_consent_counts_as_consented_and_the_report_says_so(take, query):
    report = take("events.csv", rows("2026-05-01,a,s"))
    assert query("SELECT consent FROM events") == [(["personalization", "analytics"],)]
    assert report.consent_note is not None
    assert "counted as granted" in report.consent_note


def test_crawlers_are_flagged_and_kept(take, query):
    agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    take(
        "events.csv",
        rows(
            f"2026-05-01,a,s,{agent},",
            "2026-05-01,b,s,Mozilla/5.0 (Linux; CUBOT X30) Chrome/99,",
            "2026-05-01,c,s,,yes",
            head=f"{HEAD},user_agent,is_bot",
        ),
    )
    flags = dict(query("SELECT lines[1].item_id, is_bot FROM events"))
    assert flags == {"a": True, "b": False, "c": True}


def test_addresses_lose_their_query(take, query):
    line = "2026-05-01,a,s,/p/a?mail=ann@example.com,https://x.example/?q=ann#top"
    take("events.csv", rows(line, head=f"{HEAD},path,referrer"))
    assert query("SELECT context FROM events") == [
        ({"path": "/p/a", "referrer": "https://x.example/"},)
    ]


def test_too_many_rejects_store_nothing_and_leave_the_rejects_to_look_at(take, query, project):
    with pytest.raises(RejectedError, match=r"2 of 3 rows were rejected.*\n.*not a time"):
        take("events.csv", rows("2026-05-01,a,s", "x,a,s", "y,a,s"))
    assert query("SELECT count(*) FROM events") == [(0,)]
    (file,) = (project.data / "rejects").iterdir()
    assert len(file.read_text().splitlines()) == 2


def test_as_many_rejects_as_allowed_are_no_failure(take):
    report = take("events.csv", rows(*["2026-05-01,a,s"] * 9, "x,a,s"))
    assert (report.stored, report.rejected) == (9, 1)


def test_a_missing_column_names_what_the_file_has(take):
    with pytest.raises(InputError, match=r"no column timestamp\n.*time, item_id, session_id"):
        take("events.csv", rows("2026-05-01,a,s", head="time,item_id,session_id"))
    with pytest.raises(InputError, match="no column user_id or anonymous_id or session_id"):
        take("events.csv", rows("2026-05-01,a", head="timestamp,item_id"))


def test_unknown_columns_are_named_with_what_may_be_meant(take):
    report = take("events.csv", rows("2026-05-01,a,s,2,red", head=f"{HEAD},qantity,shade"))
    named = {column.name: column.suggestion for column in report.unknown_columns}
    assert named == {"qantity": "quantity", "shade": None}


def test_columns_are_known_in_the_spelling_of_others(take, query):
    take("events.csv", rows("2026-05-01,a,s", head="Timestamp,productId,Session ID"))
    assert query("SELECT lines[1].item_id, session_id FROM events") == [("a", "s")]
