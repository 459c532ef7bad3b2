"""The client is patient with what passes, short with what does not, and keeps the token secret."""

import json
import logging
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from control_plane.deploy.cloudflare.kv import CloudflareKV, batches
from control_plane.deploy.retry import Retry, retry_after_seconds
from control_plane.errors import InputError, PlatformError

TOKEN = "very-secret-t0ken"
OK = (200, {}, {"success": True, "errors": [], "result": {}})


class Server:
    """Answers with the script's lines, one a request, the last for ever; None hangs up."""

    def __init__(self) -> None:
        self.script = [OK]
        self.requests: list[tuple[str, str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = outer.script[min(len(outer.requests), len(outer.script) - 1)]
                outer.requests.append((self.command, self.path, body))
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, content = answer
                if callable(content):
                    content = content(self.headers, body)
                raw = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_PUT = do_POST = handle_any

            def log_message(self, *arguments: object) -> None:
                """Stay silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/client/v4"

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(server, waits):
    retry = Retry(attempts=4, sleep=waits.append, chance=lambda: 1.0)
    with CloudflareKV(server.url, TOKEN, "acct", "ns1", retry=retry) as client:
        yield client


def refusal(status: int, code: int, message: str, **headers: str) -> tuple:
    return status, headers, {"success": False, "errors": [{"code": code, "message": message}]}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 524])
def test_what_may_pass_is_asked_again_after_longer_and_longer_waits(server, client, waits, status):
    server.script = [(status, {}, b"<html>busy</html>")] * 3 + [(200, {}, b"bear")]
    assert client.get("i-1") == b"bear"
    assert waits == [0.5, 1.0, 2.0]


def test_a_dropped_connection_is_asked_again(server, client, waits):
    server.script = [None, (200, {}, b"bear")]
    assert client.get("i-1") == b"bear"
    assert len(waits) == 1


def test_retry_after_is_kept(server, client, waits):
    server.script = [refusal(429, 10000, "slow down", **{"Retry-After": "7"}), (200, {}, b"bear")]
    assert client.get("i-1") == b"bear"
    assert 7 <= waits[0] <= 8


def test_a_wait_of_an_hour_is_left_to_people(server, client, waits):
    server.script = [refusal(429, 10000, "slow down", **{"Retry-After": "3600"})]
    with pytest.raises(PlatformError, match="status 429"):
        client.get("i-1")
    assert waits == []


def test_patience_ends(server, client):
    server.script = [(503, {}, b"")]
    with pytest.raises(PlatformError, match=r"cannot write i-1: status 503(.|\n)*later") as raised:
        client.put("i-1", b"bear")
    assert raised.value.status == 503
    assert len(server.requests) == 4


def test_a_server_that_is_not_there_is_named(server, waits):
    retry = Retry(attempts=2, sleep=waits.append)
    with (
        CloudflareKV("http://127.0.0.1:1/client/v4", TOKEN, "acct", "ns1", retry=retry) as client,
        pytest.raises(PlatformError, match=r"127\.0\.0\.1:1/.*cannot read i-1: ConnectError"),
    ):
        client.get("i-1")
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(401, 10000, "Authentication error"), "CLOUDFLARE_API_TOKEN"),
        (refusal(403, 10000, "Forbidden"), "Workers KV Storage: Edit"),
        (refusal(404, 10013, "namespace not found"), "10013 namespace not found.\n.*namespace_id"),
        (refusal(404, 7003, "Could not route"), "cloudflare.account_id"),
        (refusal(400, 10147, "bad value"), "asking again will not help"),
        (refusal(413, 10000, "too large"), "413"),
        ((302, {"Location": "/elsewhere"}, b""), "302"),
    ],
)
def test_a_refusal_is_final_and_says_what_to_do(server, client, waits, answer, said):
    server.script = [answer]
    for call in (
        lambda: client.get("i-1"),
        lambda: client.put("i-1", b"bear"),
        lambda: client.put_many([("i-1", b"bear")]),
        lambda: client.delete_many(["i-1"]),
        lambda: list(client.keys("i-")),
    ):
        with pytest.raises(PlatformError, match=said):
            call()
    assert len(server.requests) == 5
    assert waits == []


def test_a_missing_key_is_none_but_a_missing_namespace_is_not(server, client):
    server.script = [refusal(404, 10009, "get: 'key not found'")]
    assert client.get("i-1") is None


@pytest.mark.parametrize("content", [b"<html>", b"\xff\xfe", b"[]", {"result": []}])
def test_an_answer_that_is_not_cloudflares_is_refused(server, client, content):
    server.script = [(200, {}, content)]
    with pytest.raises(PlatformError):
        list(client.keys())


def test_values_travel_as_base64(server, client):
    client.put_many([("i-1", bytes(range(256)))])
    method, path, body = server.requests[0]
    assert (method, path.endswith("/namespaces/ns1/bulk")) == ("PUT", True)
    [pair] = json.loads(body)
    assert (pair["key"], pair["base64"], pair["value"][:8]) == ("i-1", True, "AAECAwQF")


def test_keys_that_the_platform_did_not_take_are_sent_again(server, client):
    half = (200, {}, {"success": True, "errors": [], "result": {"unsuccessful_keys": ["i-2"]}})
    server.script = [half, half, OK]
    client.put_many([("i-1", b"bear"), ("i-2", b"ball")])
    sent = [[pair["key"] for pair in json.loads(body)] for _, _, body in server.requests]
    assert sent == [["i-1", "i-2"], ["i-2"], ["i-2"]]


def test_keys_that_the_platform_never_takes_are_an_error(server, client, waits):
    half = (200, {}, {"success": True, "errors": [], "result": {"unsuccessful_keys": ["i-2"]}})
    server.script = [half]
    with pytest.raises(PlatformError, match="1 values were refused each time, i-2"):
        client.put_many([("i-1", b"bear"), ("i-2", b"ball")])
    assert len(waits) == 3


def test_listing_follows_the_cursor(server, client):
    def page(names: list[str], cursor: str) -> tuple:
        result = [{"name": name} for name in names]
        info = {"cursor": cursor, "count": len(names)}
        return 200, {}, {"success": True, "result": result, "result_info": info}

    server.script = [page(["i-1", "i-2"], "next"), page(["i-3"], "")]
    assert list(client.keys("i-")) == ["i-1", "i-2", "i-3"]
    paths = [path.partition("?")[2] for _, path, _ in server.requests]
    assert paths == ["limit=1000&prefix=i-", "limit=1000&prefix=i-&cursor=next"]


def test_bulk_calls_keep_within_both_bounds():
    pairs = [(str(number), b"x" * 10) for number in range(25)]
    assert [len(batch) for batch in batches(pairs, max_pairs=10)] == [10, 10, 5]
    assert [len(batch) for batch in batches(pairs, max_bytes=45)] == [4, 4, 4, 4, 4, 4, 1]
    large = [("a", b"x"), ("b", b"x" * 99), ("c", b"x")]
    assert [len(batch) for batch in batches(large, max_bytes=45)] == [1, 1, 1]
    assert list(batches([])) == []


def test_values_are_read_only_as_their_call_comes(server, client):
    read = []

    def pairs():
        for number in range(5):
            read.append((number, len(server.requests)))
            yield f"i-{number}", bytes(8_000_000)

    client.put_many(pairs())
    assert read == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)]
    assert len(server.requests) == 3


def test_the_token_is_in_no_text(server, client, waits, caplog):
    caplog.set_level(logging.DEBUG)
    echo = (403, {}, lambda headers, body: {"errors": [{"code": 1, "message": str(headers)}]})
    busy = (500, {}, echo[2])
    for script in ([echo], [busy], [None]):
        server.script = script
        with pytest.raises(PlatformError) as raised:
            client.get("i-1")
        assert TOKEN not in str(raised.value)
        assert TOKEN not in repr(raised.value)
    assert "[token]" in caplog.text
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(client)
    assert TOKEN not in str(vars(client))


@pytest.mark.parametrize("token", ["", "wi th", f"{TOKEN}\n", "schlüssel"])
def test_an_unfit_token_is_refused_without_being_shown(token):
    with pytest.raises(InputError, match="CLOUDFLARE_API_TOKEN") as raised:
        CloudflareKV("https://kv.test", token, "acct", "ns1")
    assert not token or token.strip() not in str(raised.value)


@pytest.mark.parametrize("url", ["http://example.test/client/v4", "ftp://127.0.0.1", "", "kv.test"])
def test_the_token_is_never_sent_in_clear(url):
    with pytest.raises(InputError, match=r"cloudflare\.base_url"):
        CloudflareKV(url, TOKEN, "acct", "ns1")


@pytest.mark.parametrize(
    ("account", "namespace", "field"),
    [("", "ns1", "account_id"), ("acct", "", "namespace_id"), ("acct", "../x", "namespace_id")],
)
def test_a_missing_identifier_is_named(account, namespace, field):
    with pytest.raises(InputError, match=rf"cloudflare\.{field}"):
        CloudflareKV("https://kv.test", TOKEN, account, namespace)


def test_retry_after_takes_seconds_or_a_date():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after_seconds({"retry-after": "12"}) == 12
    assert retry_after_seconds({"retry-after": "Thu, 01 Jan 2026 00:01:00 GMT"}, now) == 60
    assert retry_after_seconds({"retry-after": "Wed, 31 Dec 2025 00:00:00 GMT"}, now) == 0
    assert retry_after_seconds({"retry-after": "soon"}) is None
    assert retry_after_seconds({}) is None


def test_waits_are_spread_by_chance_and_bounded():
    calm = Retry(chance=lambda: 0.5)
    assert [calm.wait_seconds(attempt) for attempt in (0, 1, 2, 20)] == [0.25, 0.5, 1.0, 15.0]
