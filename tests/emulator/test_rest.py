"""Cloudflare's REST API over the store that the worker reads."""

import base64
import json
import time

import httpx
import pytest

from control_plane.emulator.account import ACCOUNT
from control_plane.emulator.options import namespace_id


@pytest.fixture
def api(toy, kv):
    base = f"{toy.api_url}/accounts/{ACCOUNT}/storage/kv/namespaces"
    headers = {"Authorization": f"Bearer {toy.api_token}"}
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
        yield client


NS = namespace_id("KV")


def code(response):
    envelope = response.json()
    assert envelope["success"] is False
    assert envelope["result"] is None
    return response.status_code, envelope["errors"][0]["code"]


def test_what_the_api_writes_the_worker_reads(api, kv):
    answer = api.put(f"{NS}/values/a%2Fb", content="one")
    assert answer.json() == {"success": True, "errors": [], "messages": [], "result": {}}
    assert kv("get", "a/b") == "one"


def test_what_the_worker_writes_the_api_reads(api, kv):
    kv("put", "é", "one", {"metadata": {"m": 1}, "expirationTtl": 600})
    answer = api.get(f"{NS}/values/%C3%A9")
    assert answer.content == b"one"
    assert int(answer.headers["expiration"]) == pytest.approx(time.time() + 600, abs=5)
    assert api.get(f"{NS}/metadata/%C3%A9").json()["result"] == {"m": 1}
    [key] = api.get(f"{NS}/keys").json()["result"]
    assert key == {"name": "é", "metadata": {"m": 1}, "expiration": key["expiration"]}


def test_bytes_come_back_as_they_went(api):
    raw = bytes(range(256)) * 100
    api.put(f"{NS}/values/a", content=raw)
    assert api.get(f"{NS}/values/a").content == raw


def test_a_form_carries_value_and_metadata(api, kv):
    raw = b"--x\r\n\r\n\x00\xff\n"
    form = {"value": ("value", raw), "metadata": (None, '{"m": "é"}')}
    assert api.put(f"{NS}/values/a?expiration_ttl=60", files=form).status_code == 200
    assert api.get(f"{NS}/values/a").content == raw
    assert kv("getWithMetadata", "a")["metadata"] == {"m": "é"}


@pytest.mark.parametrize("body", [b"", b"nonsense", b"--b\r\nx"])
def test_a_broken_form_is_a_malformed_value(api, body):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = api.put(f"{NS}/values/a", content=body, headers=headers)
    assert code(answer) == (400, 10012)


def test_a_deleted_key_is_not_found(api):
    api.put(f"{NS}/values/a", content="x")
    assert api.delete(f"{NS}/values/a").json()["success"]
    assert code(api.get(f"{NS}/values/a")) == (404, 10009)
    assert code(api.get(f"{NS}/metadata/a")) == (404, 10009)
    assert api.delete(f"{NS}/values/a").json()["success"]


def test_keys_come_in_pages_that_end(api, toy):
    namespace = toy.get_kv_namespace("KV")
    wanted = [f"k-{number:03}" for number in range(25)]
    for key in [*wanted, "other"]:
        namespace.put(key, "x")
    found, query = [], {"prefix": "k-", "limit": 10}
    for _ in range(3):
        page = api.get(f"{NS}/keys", params=query).json()
        found += [key["name"] for key in page["result"]]
        query["cursor"] = page["result_info"]["cursor"]
    assert found == wanted
    assert query["cursor"] == ""
    assert page["result_info"]["count"] == 5


def test_many_pairs_are_written_read_and_deleted_in_one_call(api, kv):
    encoded = base64.b64encode(b"\x00\x01").decode()
    pairs = [
        {"key": "a", "value": "text", "metadata": {"m": 1}, "expiration_ttl": 60},
        {"key": "b", "value": encoded, "base64": True},
    ]
    done = {"successful_key_count": 2, "unsuccessful_keys": []}
    assert api.put(f"{NS}/bulk", json=pairs).json()["result"] == done
    assert api.get(f"{NS}/values/b").content == b"\x00\x01"
    read = api.post(f"{NS}/bulk/get", json={"keys": ["a", "no"], "withMetadata": True}).json()
    assert read["result"]["values"]["a"]["value"] == "text"
    assert read["result"]["values"]["a"]["metadata"] == {"m": 1}
    assert read["result"]["values"]["no"] is None
    assert api.post(f"{NS}/bulk/delete", json=["a", "no"]).json()["result"] == done
    assert api.request("DELETE", f"{NS}/bulk", json=["b"]).json()["success"]
    assert kv("list")["keys"] == []


def test_a_bulk_write_with_one_bad_pair_writes_nothing(api, kv):
    pairs = [{"key": "good", "value": "x"}, {"key": "bad", "value": "!", "base64": True}]
    assert code(api.put(f"{NS}/bulk", json=pairs)) == (400, 10012)
    assert kv("list")["keys"] == []


REFUSED = [
    ("PUT", "values/" + "k" * 513, b"x", (414, 10030)),
    ("PUT", "values/a?expiration_ttl=59", b"x", (400, 10034)),
    ("PUT", "values/a?expiration=1", b"x", (400, 10033)),
    ("PUT", "values/a?expiration_ttl=99999999999999999999", b"x", (400, 10034)),
    ("PUT", "values/", b"x", (400, 10042)),
    ("GET", "keys?limit=9", b"", (400, 10028)),
    ("GET", "keys?limit=x", b"", (400, 10028)),
    ("GET", "keys?cursor=" + "c" * 600, b"", (400, 10041)),
    ("PUT", "bulk", b"[{}]", (400, 10029)),
    ("PUT", "bulk", b"\xff", (400, 10029)),
    ("PUT", "bulk", json.dumps([{"key": "a", "value": ""}] * 10001).encode(), (400, 10029)),
    ("POST", "bulk/delete", json.dumps(["a"] * 10001).encode(), (400, 10029)),
    ("POST", "bulk/get", json.dumps({"keys": ["a"] * 101}).encode(), (400, 10029)),
    ("PUT", "values/a", b"x" * (25 * 1024 * 1024 + 1), (413, 10024)),
    ("POST", "nonsense", b"", (404, 10025)),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"), REFUSED, ids=[f"{r[0]} {r[1][:20]}" for r in REFUSED]
)
def test_what_breaks_a_limit_has_its_status_and_code(api, method, path, body, expected):
    assert code(api.request(method, f"{NS}/{path}", content=body)) == expected


@pytest.mark.slow
def test_bulk_takes_100_mib_and_no_more(api):
    value = "x" * (1024 * 1024 - 40)
    pairs = [{"key": f"k{number}", "value": value} for number in range(100)]
    assert api.put(f"{NS}/bulk", json=pairs, timeout=60).json()["success"]
    body = b" " * (100 * 1024 * 1024 + 1)
    assert code(api.put(f"{NS}/bulk", content=body, timeout=60)) == (413, 10024)


def test_without_the_token_nothing_is_told(api, toy):
    url = f"{toy.api_url}/accounts/{ACCOUNT}/storage/kv/namespaces/{NS}/keys"
    assert code(httpx.get(url)) == (400, 9106)
    for wrong in ("Bearer wrong", "Bearer é".encode(), toy.api_token):
        assert code(httpx.get(url, headers={"Authorization": wrong})) == (403, 10000)
    other = url.replace(ACCOUNT, "f" * 32)
    good = {"Authorization": f"Bearer {toy.api_token}"}
    assert code(httpx.get(other, headers=good)) == (403, 10000)
    assert httpx.get(f"{toy.api_url}/user/tokens/verify", headers=good).json()["success"]
    assert code(httpx.get(f"{toy.api_url}/nowhere", headers=good)) == (404, 7003)


def test_namespaces_are_made_listed_in_pages_and_deleted(api):
    made = [api.post("", json={"title": f"made-{number}"}).json()["result"] for number in range(3)]
    assert made[0] == {"id": made[0]["id"], "title": "made-0", "supports_url_encoding": True}
    assert code(api.post("", json={"title": "made-0"})) == (400, 10014)
    assert code(api.post("", json={})) == (400, 10019)
    query = {"per_page": 2, "order": "title", "direction": "desc"}
    first = api.get("", params=query).json()
    assert [namespace["title"] for namespace in first["result"]] == ["made-2", "made-1"]
    assert first["result_info"] == {
        "page": 1, "per_page": 2, "count": 2, "total_count": 4, "total_pages": 2,
    }  # fmt: skip
    assert api.get("", params={**query, "page": 3}).json()["result"] == []
    assert code(api.get("", params={"page": "0"})) == (400, 10007)
    for namespace in made:
        assert api.get(namespace["id"]).json()["result"] == namespace
        assert api.delete(namespace["id"]).json()["success"]
        assert code(api.get(f"{namespace['id']}/keys")) == (404, 10013)
