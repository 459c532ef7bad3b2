"""Miniflare's verbs."""

from pathlib import Path

import pytest
from msgspec import structs
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from control_plane.deploy.wrangler import Rule
from control_plane.emulator import options as resolving
from control_plane.emulator.config import Origin, parse_origin
from control_plane.emulator.miniflare import Miniflare, Options
from control_plane.errors import InputError, PlatformError

ECHO = """import note from "./note.txt";
export default { async fetch(request, env) {
  const url = new URL(request.url);
  if (url.pathname.startsWith("/out")) return fetch(request);
  if (url.pathname === "/service") return env.HELPER.fetch("http://helper/path");
  if (url.pathname === "/moved") return Response.redirect("http://other.example/", 302);
  const cookies = { "Set-Cookie": "a=1; Path=/" };
  return Response.json({ url: request.url, method: request.method, note, cf: request.cf,
    body: await request.text(), headers: Object.fromEntries(request.headers),
    vars: { TEXT: env.TEXT, JSON: env.JSON } }, { headers: cookies });
} };"""


async def helper(scope, receive, send):
    request = Request(scope)
    answer = PlainTextResponse(f"{request.headers['host']} {request.url.path}")
    await answer(scope, receive, send)


@pytest.fixture(scope="module")
def options(workerd):
    return Options(
        modules={"worker.js": ECHO, "note.txt": "a note: é\n"},
        rules=(Rule(type="Text", globs=("**/*.txt",)),),
        variables={"TEXT": 'é"\\\n', "JSON": {"a": [1, None]}},
        services={"HELPER": helper},
        workerd=workerd,
        on_log=lambda line: None,
    )


@pytest.fixture(scope="module")
def worker(options):
    with Miniflare(options) as running:
        yield running


def test_a_request_arrives_as_it_was_sent(worker):
    answer = worker.dispatch_fetch(
        "https://shop.example:8443/a%20b?c=d%26&c",
        method="PUT",
        headers={"X-Mine": "1", "CF-Blob": '{"country": "FR"}'},
        content="body",
    )
    seen = answer.json()
    assert seen["url"] == "https://shop.example:8443/a%20b?c=d%26&c"
    assert (seen["method"], seen["body"]) == ("PUT", "body")
    assert seen["headers"]["host"] == "shop.example:8443"
    assert seen["headers"]["x-mine"] == "1"
    assert seen["cf"] == {"country": "FR"}


def test_variables_and_text_modules_reach_the_worker_unharmed(worker):
    seen = worker.dispatch_fetch("http://x/").json()
    assert seen["vars"] == {"TEXT": 'é"\\\n', "JSON": {"a": [1, None]}}
    assert seen["note"] == "a note: é\n"


def test_no_cookie_is_kept_between_requests(worker):
    worker.dispatch_fetch("http://x/")
    assert "cookie" not in worker.dispatch_fetch("http://x/").json()["headers"]


def test_redirects_are_the_tests_to_follow(worker):
    assert worker.dispatch_fetch("http://x/moved").status_code == 302


def test_a_service_binding_is_an_asgi_app(worker):
    assert worker.dispatch_fetch("http://x/service").text == "helper /path"


def test_without_an_origin_a_fetch_finds_nothing(worker):
    answer = worker.dispatch_fetch("http://x/out")
    assert (answer.status_code, answer.headers["content-type"]) == (
        404,
        "text/plain; charset=utf-8",
    )


def test_an_origin_on_this_machine_sees_the_visitors_host(worker, workerd):
    script = "export default { fetch: (request) => fetch(request) };"
    with Miniflare(Options(script=script, workerd=workerd, origin=worker.ready)) as edge:
        seen = edge.dispatch_fetch("http://shop.example/a?b=c").json()
    assert seen["url"] == "http://shop.example/a?b=c"


def test_an_origin_elsewhere_is_asked_by_its_own_name(worker, workerd, monkeypatch):
    here = worker.ready.removeprefix("http://")
    elsewhere = Origin(address=here, host="shop.example")
    monkeypatch.setattr(resolving, "parse_origin", lambda url: elsewhere)
    script = """export default { fetch: (request) => fetch(request, { redirect: "manual" }) };"""
    with Miniflare(Options(script=script, workerd=workerd, origin="http://shop.example")) as edge:
        seen = edge.dispatch_fetch("http://local:8787/a?b=c", method="POST", content="body")
        assert seen.json()["url"] == "http://shop.example/a?b=c"
        assert seen.json()["body"] == "body"
        moved = edge.dispatch_fetch("http://local:8787/moved")
        assert moved.headers["location"] == "http://other.example/"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:5000", Origin(address="127.0.0.1:5000")),
        ("http://localhost", Origin(address="localhost:80")),
        ("https://[::1]:8443/", Origin(address="[::1]:8443", tls=True)),
        ("https://shop.example", Origin(address="shop.example:443", tls=True, host="shop.example")),
        ("http://shop.example:81", Origin(address="shop.example:81", host="shop.example:81")),
    ],
)
def test_an_origin_is_read(url, origin):
    assert parse_origin(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "shop.example",
        "ftp://x",
        "http://",
        "http://x/path",
        "http://x?q",
        "http://x:99999",
        "http://u:p@x",
    ],
)
def test_what_is_no_origin_is_an_input_error(url):
    with pytest.raises(InputError, match="origin"):
        parse_origin(url)


def test_values_outlive_the_worker_in_a_kept_folder(workerd, tmp_path):
    script = 'export default { fetch: async (_, env) => new Response(await env.KV.get("a")) };'
    options = Options(script=script, kv_namespaces=("KV",), persist=tmp_path, workerd=workerd)
    with Miniflare(options) as first:
        first.get_kv_namespace("KV").put("a", "kept")
    with Miniflare(options) as second:
        assert second.dispatch_fetch("http://x/").text == "kept"
    assert [file.name for file in tmp_path.iterdir()] == ["kv.sqlite"]


def test_options_change_while_the_values_stay(workerd):
    script = (
        'export default { fetch: async (_, env) => new Response(env.V + await env.KV.get("a")) };'
    )
    options = Options(script=script, kv_namespaces=("KV",), variables={"V": "1"}, workerd=workerd)
    with Miniflare(options) as worker:
        worker.get_kv_namespace("KV").put("a", "kept")
        address = worker.ready
        worker.set_options(structs.replace(options, variables={"V": "2"}))
        assert worker.dispatch_fetch("http://x/").text == "2kept"
        assert worker.ready == address
        with pytest.raises(InputError, match="port"):
            worker.set_options(structs.replace(options, port=1))


def test_a_failed_change_leaves_the_old_services_too(workerd):
    async def other(scope, receive, send):
        await PlainTextResponse("other")(scope, receive, send)

    script = 'export default { fetch: (_, env) => env.HELPER.fetch("http://helper/path") };'
    options = Options(
        script=script, services={"HELPER": helper}, workerd=workerd, on_log=lambda line: None
    )
    with Miniflare(options) as worker:
        broken = structs.replace(options, services={"HELPER": other}, script="not a worker")
        with pytest.raises(PlatformError):
            worker.set_options(broken)
        assert worker.dispatch_fetch("http://x/").text == "helper /path"
        worker.set_options(structs.replace(options, services={"HELPER": other}))
        assert worker.dispatch_fetch("http://x/").text == "other"
        assert len([path for path in worker._folder.iterdir() if path.is_dir()]) == 1


def test_a_folder_that_cannot_be_written_is_named(workerd, tmp_path):
    (tmp_path / "file").write_text("")
    options = Options(script="export default {}", workerd=workerd, persist=tmp_path / "file")
    with pytest.raises(PlatformError, match="cannot write the worker's files"):
        Miniflare(options)


def test_what_is_called_wrongly_is_said(worker, workerd):
    with pytest.raises(InputError, match="not an absolute URL"):
        worker.dispatch_fetch("/path")
    with pytest.raises(InputError, match="KV"):
        worker.get_kv_namespace("KV")
    with pytest.raises(InputError, match="exactly one of"):
        Miniflare(Options(workerd=workerd))


def test_workerds_own_words_tell_why_a_worker_cannot_start(workerd):
    options = Options(script="export default {", workerd=workerd, on_log=lambda line: None)
    with pytest.raises(PlatformError, match="SyntaxError"):
        Miniflare(options)


def test_a_binary_that_is_no_workerd_is_said(tmp_path):
    fake = tmp_path / "workerd"
    fake.write_text("#!/bin/sh\necho 'wrong glibc' >&2\nexit 3\n")
    fake.chmod(0o755)
    options = Options(script="export default {}", workerd=fake, on_log=lambda line: None)
    with pytest.raises(PlatformError, match="wrong glibc"):
        Miniflare(options)


def test_options_may_be_given_by_name(workerd: Path) -> None:
    script = "export default { fetch: (_, env) => env.KV.get('k').then((v) => new Response(v)) }"
    with Miniflare({"script": script, "kv_namespaces": ["KV"], "workerd": str(workerd)}) as worker:
        worker.get_kv_namespace("KV").put("k", "by name")
        assert worker.dispatch_fetch("http://shop.example/").text == "by name"


def test_an_unknown_option_suggests_the_one_that_was_meant() -> None:
    with pytest.raises(InputError, match="Did you mean 'kv_namespaces'"):
        Miniflare({"kv_namespace": ["KV"]})
