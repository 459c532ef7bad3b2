"""Events that browsers send are on disk before they are acknowledged."""

import asyncio
import errno
import gzip
import json
import os

import httpx
import pytest

from control_plane.emulator.inbox import Inbox

NOON = 1_790_000_000.123  # 2026-09-21


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "inbox"


def send(folder, body, path="/v1/batch", **headers):
    async def post():
        transport = httpx.ASGITransport(app=Inbox(folder, clock=lambda: NOON))
        async with httpx.AsyncClient(transport=transport, base_url="http://collect") as client:
            content = body if isinstance(body, bytes) else json.dumps(body)
            headers_sent = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.post(path, content=content, headers=headers_sent)

    return asyncio.run(post())


def lines(folder):
    return [
        json.loads(line)
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]


def track(**fields):
    return {"type": "track", "event": "Product Viewed", "messageId": "m1", **fields}


def test_a_batch_becomes_one_line_a_call_under_the_day_it_came(folder):
    answer = send(folder, {"batch": [track(), track(messageId="m2")], "sentAt": "s"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [file.name for file in folder.iterdir()] == ["2026-09-21.jsonl"]
    assert lines(folder) == [
        {**track(), "sentAt": "s", "receivedAt": "2026-09-21T14:13:20.123Z"},
        {**track(messageId="m2"), "sentAt": "s", "receivedAt": "2026-09-21T14:13:20.123Z"},
    ]


def test_the_batch_context_counts_where_a_call_has_none(folder):
    batch = [track(), track(context={"own": 1})]
    send(folder, {"batch": batch, "context": {"shared": 1}})
    assert [line["context"] for line in lines(folder)] == [{"shared": 1}, {"own": 1}]


@pytest.mark.parametrize("type", ["track", "page", "identify"])
def test_a_single_call_takes_its_type_from_the_path(folder, type):
    assert send(folder, {"event": "E", "messageId": "m"}, f"/v1/{type}").status_code == 200
    assert lines(folder)[0]["type"] == type


def test_a_call_without_an_id_gets_one(folder):
    send(folder, {"batch": [{"type": "page"}, {"type": "page"}]})
    first, second = (line["messageId"] for line in lines(folder))
    assert first
    assert first != second


def test_a_gzipped_batch_is_read(folder):
    body = gzip.compress(json.dumps({"batch": [track()]}).encode())
    assert send(folder, body, content_encoding="gzip").status_code == 200
    assert len(lines(folder)) == 1


BAD = [
    (b"{", 400, "bad_json"),
    (b"\xff\xfe", 400, "bad_json"),
    ([], 400, "bad_event"),
    ({}, 400, "bad_event"),
    ({"batch": {}}, 400, "bad_event"),
    ({"batch": [1]}, 400, "bad_event"),
    ({"batch": [{"type": "nonsense"}]}, 400, "bad_event"),
    ({"batch": [{"type": "track"}]}, 400, "bad_event"),
    ({"batch": [track(properties=[1])]}, 400, "bad_event"),
    ({"batch": [track(messageId={})]}, 400, "bad_event"),
    ({"batch": [track(properties={"x": "x" * 33_000})]}, 400, "too_large"),
    (b" " * 4_000_001, 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD)
def test_what_is_malformed_is_refused_and_nothing_of_it_kept(folder, body, status, code):
    if isinstance(body, dict) and isinstance(body.get("batch"), list):
        body = {"batch": [track(), *body["batch"]]}
    answer = send(folder, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert lines(folder) == []


def test_a_gzip_bomb_is_refused(folder):
    answer = send(folder, gzip.compress(b" " * 200_000_000), content_encoding="gzip")
    assert answer.status_code == 413
    assert send(folder, b"no gzip", content_encoding="gzip").status_code == 400


def test_an_unknown_path_is_not_found(folder):
    assert send(folder, {"batch": []}, "/v1/nonsense").status_code == 404


def test_a_half_line_of_a_power_cut_does_not_spoil_the_next(folder):
    folder.mkdir()
    file = folder / "2026-09-21.jsonl"
    file.write_text('{"messageId": "whole"}\n{"mess')
    send(folder, {"batch": [track()]})
    assert file.read_text().splitlines()[1] == '{"mess'
    assert json.loads(file.read_text().splitlines()[2])["messageId"] == "m1"


def test_a_full_disk_is_said_to_be_so_and_leaves_no_half_line(folder, monkeypatch):
    send(folder, {"batch": [track()]})
    write = os.write

    def half(descriptor, data):
        if len(data) > 200:
            return write(descriptor, data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    answer = send(folder, {"batch": [track(messageId=f"m{number}") for number in range(9)]})
    monkeypatch.undo()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "No space left" in answer.json()["error"]["message"]
    assert [line["messageId"] for line in lines(folder)] == ["m1"]
    assert send(folder, {"batch": [track(messageId="after")]}).status_code == 200
    assert [line["messageId"] for line in lines(folder)] == ["m1", "after"]
