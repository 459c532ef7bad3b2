"""A worker's key-value binding, through real workerd."""

import time

import httpx
import pytest

from control_plane.emulator.miniflare import Miniflare, Options
from control_plane.errors import PlatformError


def test_what_a_worker_puts_it_gets(kv):
    kv("put", "a", "one")
    assert kv("get", "a") == "one"


def test_a_missing_key_is_null(kv):
    assert kv("get", "nothing") is None
    assert kv("getWithMetadata", "nothing") == {
        "value": None,
        "metadata": None,
        "cacheStatus": None,
    }


@pytest.mark.parametrize("key", ["a/b", "a&b=c", "a?b#c", "é\U0001f600", "a b+c%2F", "..a", "\n"])
def test_awkward_keys_name_their_own_value(kv, key):
    kv("put", key, "mine")
    assert kv("get", key) == "mine"
    assert [entry["name"] for entry in kv("list")["keys"]] == [key]
    kv("delete", key)
    assert kv("get", key) is None


def test_metadata_comes_back_with_value_and_list(kv):
    kv("put", "a", "one", {"metadata": {"ä": [1, None]}})
    assert kv("getWithMetadata", "a")["metadata"] == {"ä": [1, None]}
    assert kv("list")["keys"] == [{"name": "a", "metadata": {"ä": [1, None]}}]


def test_deleting_what_is_not_there_is_no_error(kv):
    assert "failed" not in str(kv("delete", "nothing"))


def test_a_list_is_cut_into_pages_by_prefix_and_limit(kv, toy):
    namespace = toy.get_kv_namespace("KV")
    for key in ("a", "b-1", "b-2", "b-3", "b.", "c"):
        namespace.put(key, "x")
    first = kv("list", {"prefix": "b-", "limit": 2})
    assert [entry["name"] for entry in first["keys"]] == ["b-1", "b-2"]
    assert not first["list_complete"]
    rest = kv("list", {"prefix": "b-", "limit": 2, "cursor": first["cursor"]})
    assert [entry["name"] for entry in rest["keys"]] == ["b-3"]
    assert rest["list_complete"]


def test_keys_are_listed_in_the_order_of_their_bytes(kv, toy):
    namespace = toy.get_kv_namespace("KV")
    for key in ("b", "\U0001f600", "B", "\uffff", "é"):
        namespace.put(key, "x")
    assert [e["name"] for e in kv("list")["keys"]] == ["B", "b", "é", "\uffff", "\U0001f600"]


def test_many_values_are_read_at_once(kv):
    kv("put", "a", '{"n": 1}')
    kv("put", "b", "[2]", {"metadata": "m"})
    assert kv("get", ["a", "b", "no"]) == {"a": '{"n": 1}', "b": "[2]", "no": None}
    assert kv("get", ["a", "b"], "json") == {"a": {"n": 1}, "b": [2]}
    many = kv("getWithMetadata", ["b", "no"])
    assert many["b"] == {"value": "[2]", "metadata": "m"}
    assert many["no"] is None


def test_a_value_expires(kv, toy, monkeypatch):
    kv("put", "a", "soon", {"expirationTtl": 60})
    kv("put", "b", "later", {"expiration": int(time.time()) + 3600})
    assert kv("list")["keys"][0]["expiration"] == pytest.approx(time.time() + 60, abs=5)
    assert kv("get", "a") == "soon"
    store = toy.get_kv_namespace("KV")._store
    monkeypatch.setattr(store, "clock", lambda: time.time() + 61)
    assert kv("get", "a") is None
    assert [entry["name"] for entry in kv("list")["keys"]] == ["b"]


REFUSED = [
    (("get", "a", {"cacheTtl": 29}), "Invalid cache_ttl of 29. Cache TTL must be at least 30."),
    (("put", "a", "x", {"expirationTtl": 59}), "Invalid expiration_ttl of 59."),
    (("put", "a", "x", {"expiration": 1000}), "Invalid expiration of 1000."),
    (("put", "a", "x", {"metadata": "m" * 1023}), "Metadata length of 1025 exceeds limit of 1024."),
    (("list", {"limit": 1001}), "Invalid key_count_limit of 1001."),
    (("get", [f"k{n}" for n in range(101)]), "You can request 1 to 100 keys at once, not 101."),
    (("get", "k" * 513), "exceeds key length limit of 512"),
    (("get", ".."), "is not allowed"),
    (("get", ""), "cannot be empty"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_a_limit_that_is_broken_is_the_words_of_the_error(kv, call, words):
    assert words in kv(*call)


def test_what_just_keeps_the_limits_is_taken(kv):
    kv("put", "k" * 512, "x", {"metadata": "m" * 1022, "expirationTtl": 60})
    assert kv("get", "k" * 512, {"cacheTtl": 30}) == "x"
    assert len(kv("get", [f"k{n}" for n in range(100)])) == 100


def test_a_value_over_25_mib_is_refused_whatever_its_declared_length(workerd):
    script = """export default { async fetch(request, env) {
      const megabyte = new Uint8Array(1024 * 1024), size = Number(await request.text());
      const body = new ReadableStream({ start() { this.n = 0; }, pull(out) {
        this.n++ < size ? out.enqueue(megabyte) : out.close(); } });
      try { await env.KV.put("big", body); return new Response("taken"); }
      catch (error) { return new Response(error.message); }
    } };"""
    with Miniflare(Options(script=script, kv_namespaces=("KV",), workerd=workerd)) as worker:
        asked = [
            worker.dispatch_fetch("http://x/", method="POST", content=size).text
            for size in ("26", "25")
        ]
        assert asked == [
            "KV PUT failed: 413 Value length of 27262976 exceeds limit of 26214400.",
            "taken",
        ]
        assert len(worker.get_kv_namespace("KV").get("big", "bytes")) == 25 * 1024 * 1024


def test_python_holds_the_same_namespace_with_the_same_limits(kv, toy):
    namespace = toy.get_kv_namespace("KV")
    namespace.put("a", b"\xff\x00", metadata={"m": 1})
    assert namespace.get_with_metadata("a", "bytes").value == b"\xff\x00"
    assert kv("getWithMetadata", "a")["metadata"] == {"m": 1}
    with pytest.raises(PlatformError, match="at least 60") as caught:
        namespace.put("a", "x", expiration_ttl=10)
    assert caught.value.status == 400


def test_other_programs_cannot_use_the_binding(toy):
    address = toy.api_url.removesuffix("/client/v4")
    for header in ({}, {"frontshelf-service": "guess/kv-0"}):
        answer = httpx.get(f"{address}/a", headers=header)
        assert answer.status_code in (400, 404)
