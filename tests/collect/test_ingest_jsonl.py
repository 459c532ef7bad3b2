"""Lines of JSON: flat rows, and Segment calls as browsers and servers send them."""

from datetime import datetime

import pytest

from control_plane.errors import InputError

AT = "2026-05-01T10:00:00Z"
FLAT = {"timestamp": AT, "item_id": "a", "session_id": "s"}


def track(event="Product Viewed", **fields):
    call = {"type": "track", "event": event, "messageId": "m1", "anonymousId": "d1"}
    return {**call, "timestamp": AT, "properties": {"product_id": "a"}, **fields}


def lines(query, fields="*"):
    return query(f"SELECT {fields} FROM events ORDER BY sequence")


def test_a_flat_row_may_hold_numbers_and_lists(take, query):
    row = {**FLAT, "timestamp": 1777629600, "price": 0.1, "quantity": 3, "consent": ["analytics"]}
    take("events.jsonl", [row])
    assert lines(query, '"timestamp", lines[1].price_minor, lines[1].quantity, consent') == [
        (datetime(2026, 5, 1, 10), 10, 3, ["analytics"])
    ]


def test_a_long_price_loses_no_digit(take, query):
    take(
        "events.jsonl", b'{"timestamp":"2026-05-01","item_id":"a","session_id":"s","price":1.10}\n'
    )
    assert lines(query, "lines[1].price_minor") == [(110,)]


def test_a_track_call_becomes_an_event_with_its_products(take, query):
    products = [
        {"product_id": "a", "quantity": 2, "price": 19.99, "position": 1},
        {"sku": "b", "price": "5"},
    ]
    properties = {"order_id": "o1", "currency": "EUR", "products": products}
    take("events.jsonl", [track("Order Completed", properties=properties)])
    ((message, event, found, order),) = lines(query, "message_id, event, lines, order_id")
    assert (message, event, order) == ("m1", "Order Completed", "o1")
    assert [tuple(line.values()) for line in found] == [
        ("a", 2, 1999, "EUR", 1),
        ("b", 1, 500, "EUR", None),
    ]


def test_context_consent_session_and_decision_are_kept(take, query):
    context = {
        "page": {"path": "/p/a", "referrer": "https://x.example/"},
        "country": "FR",
        "device": {"type": "mobile"},
        "userAgent": "Mozilla/5.0",
        "campaign": {"source": "mail"},
        "consent": {"personalization": True, "analytics": False},
        "sessionId": "s9",
    }
    decision = {"id": "d-1", "slot": "home.hero", "variation": 1, "propensity": 0.5}
    properties = {"product_id": "a", "decision": decision}
    take("events.jsonl", [track(properties=properties, context=context)])
    ((kept, consent, session, decided),) = lines(query, "context, consent, session_id, decision")
    assert kept == {
        "country": "FR",
        "device": "mobile",
        "path": "/p/a",
        "referrer": "https://x.example/",
        "user_agent": "Mozilla/5.0",
        "utm_source": "mail",
    }
    assert (consent, session) == (["personalization"], "s9")
    assert {name: value for name, value in decided.items() if value is not None} == decision


def test_an_identify_call_links_device_and_user(take, query):
    call = {"type": "identify", "userId": "ann", "anonymousId": "d1", "timestamp": AT}
    take("events.jsonl", [{**call, "traits": {"email": "ann@example.com"}}])
    ((event, device, user),) = lines(query, 'event, device_id, "user"')
    assert event == "Identified"
    assert device
    assert user


def test_a_page_call_is_a_page_view_and_a_group_call_is_ignored(take, query):
    page = {"type": "page", "anonymousId": "d", "timestamp": AT, "properties": {"path": "/x"}}
    report = take("events.jsonl", [page, {"type": "group", "anonymousId": "d", "timestamp": AT}])
    assert (report.rows, report.stored, report.ignored) == (2, 1, 1)
    assert lines(query, "event, context['path']") == [("Page Viewed", "/x")]


def test_a_batch_lends_its_calls_its_time_of_sending_and_its_context(take, query):
    batch = {
        "batch": [track(messageId="1"), track(messageId="2", context={"country": "DE"})],
        "context": {"country": "FR"},
    }
    assert take("events.jsonl", [batch]).rows == 2
    assert lines(query, "message_id, context['country']") == [("1", "FR"), ("2", "DE")]


def test_a_wrong_clock_is_corrected_by_when_the_call_was_sent_and_received(take, query):
    call = track(
        timestamp="2031-01-01T00:00:00Z",
        sentAt="2031-01-01T00:00:10Z",
        receivedAt="2026-05-01T10:00:10Z",
    )
    take("events.jsonl", [call])
    assert lines(query, '"timestamp", received_at') == [
        (datetime(2026, 5, 1, 10), datetime(2026, 5, 1, 10, 0, 10))
    ]


def test_a_time_that_was_corrected_before_is_not_corrected_again(take, query):
    call = track(
        originalTimestamp="2031-01-01T00:00:00Z",
        sentAt="2031-01-01T00:00:10Z",
        receivedAt="2026-05-01T10:00:10Z",
    )
    take("events.jsonl", [call])
    assert lines(query, '"timestamp"') == [(datetime(2026, 5, 1, 10),)]


def test_calls_and_flat_rows_may_be_mixed_and_keep_their_order(take, query):
    rows = [FLAT, track(properties={"product_id": "b"}), {**FLAT, "item_id": "c"}]
    assert take("events.jsonl", rows).stored == 3
    assert lines(query, "lines[1].item_id") == [("a",), ("b",), ("c",)]


def test_a_flat_row_may_have_a_column_of_a_calls_name(take, query):
    assert take("events.jsonl", [{**FLAT, "type": "web", "batch": 7}]).stored == 1


def test_a_row_that_says_nothing_of_consent_among_others_that_do_has_none(take, query):
    rows = [{**FLAT, "consent": "granted"}, {**FLAT, "item_id": "b"}]
    report = take("events.jsonl", rows)
    assert report.consent_note is None
    assert lines(query, "consent") == [(["analytics", "personalization"],), ([],)]


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (b'{"timestamp": ', None, "not valid JSON"),
        (b'{"type": "track", "properties": [], "price": NaN}', None, "not valid JSON"),
        (b'{"batch": [{"type": 7, "context": [], "price": NaN}]}', None, "not valid JSON"),
        (b'["a"]', None, "not a JSON object"),
        (
            b'{"timestamp": "2026-05-01", "session_id": "s", "query": "a\\u0000b"}',
            "query",
            "contains a NUL byte",
        ),
        (b'{"query": "a\0b"}', None, "contains a NUL byte"),
        (
            b'{"type": "track", "event": "x", "properties": {"product_id": "a\\u0000"}, '
            b'"timestamp": "2026-05-01", "anonymousId": "d"}',
            "item_id",
            "contains a NUL byte",
        ),
        (b'{"query": "caf\xe9"}', None, "not valid UTF-8"),
        (b'{"query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, "nested too deeply"),
        (b'{"query": "' + b"x" * 10_000_000 + b'"}', None, "longer than 1048576 bytes"),
        (b'{"type": "track", "properties": {}}', "event", "a track call without an event's name"),
        (
            b'{"type": "track", "event": "x", "properties": []}',
            "properties",
            "Expected object | null, got array",
        ),
        (
            b'{"type": "track", "event": "x", "properties": {"products": {}}}',
            "properties.products",
            "Expected array | null, got object",
        ),
        (b'{"batch": [7]}', None, "not a JSON object"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected(take, rejects, query, line, field, reason):
    good = b'{"timestamp": "2026-05-01", "item_id": "a", "session_id": "s"}'
    report = take("events.jsonl", good + b"\n" + line + b"\n" + good, max_rejects=1)
    assert rejects(report) == [(2, field, reason)]
    assert report.stored == 2


def test_a_bad_product_names_its_field(take, rejects):
    bad = track(properties={"products": [{"product_id": "a"}, {"product_id": "b", "price": "x"}]})
    report = take("events.jsonl", [track(messageId="2"), bad], max_rejects=1)
    assert rejects(report) == [(2, "price", "not a number")]


def test_rows_without_any_time_are_a_missing_column(take):
    with pytest.raises(InputError, match="no column timestamp"):
        take("events.jsonl", [{"time": AT, "item_id": "a", "session_id": "s"}])


def test_no_row_is_no_file(take):
    with pytest.raises(InputError, match="holds no row"):
        take("events.jsonl", "\n\n")
