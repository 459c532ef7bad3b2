"""A project's own edge, and the API that deployments go through."""

import json
import subprocess
import sys
import textwrap
import time

import httpx
import pytest

from control_plane.emulator.dev import LocalEdge, local_api
from control_plane.emulator.faults import Fault, parse_fault
from control_plane.emulator.usage import Allowance
from control_plane.emulator.variables import edge_variables
from control_plane.errors import InputError
from control_plane.keyring import load_ring, load_text, load_visitor_secrets, make_keys
from control_plane.keyring.rotation import rotate_key
from control_plane.settings import Edge, Project, Settings


@pytest.fixture
def project(tmp_path, workerd, monkeypatch) -> Project:
    monkeypatch.setenv("WORKERD_BIN", str(workerd))
    make_keys(tmp_path / "keys")
    return Project(tmp_path, Settings(edge=Edge(exclude=("/cart", "/pay*"), min_counter=7)))


def write(api, key, value):
    url = (
        f"{api.base_url}/accounts/{api.account_id}/storage/kv/namespaces/"
        f"{api.namespace_id}/values/{key}"
    )
    headers = {"Authorization": f"Bearer {api.token}"}
    return httpx.put(url, content=value, headers=headers).status_code


def silent(line):
    """Say nothing of what the worker logs."""


@pytest.fixture(params=["cloudflare", "akamai"])
def platform(request) -> str:
    return request.param


def test_the_edge_answers_and_tells_where_the_local_apis_are(project, platform):
    with LocalEdge(project, platform=platform, on_log=silent) as edge:
        told = httpx.get(f"{edge.url}/_fs/health").json()["local"]["cloudflare"]
        with local_api(project) as api:
            assert told["base_url"] == api.base_url
            assert told["account_id"] == api.account_id
            assert told["namespaces"] == {"SHELF": api.namespace_id}
            assert api.token not in json.dumps(told)


def test_what_is_deployed_while_it_runs_is_what_the_worker_reads(project):
    with LocalEdge(project, on_log=silent) as edge, local_api(project) as api:
        assert write(api, "a", b"live") == 200
        assert edge.miniflare.get_kv_namespace("SHELF").get("a") == "live"
        assert api.base_url == edge.miniflare.api_url


def test_what_is_deployed_before_it_runs_is_there_when_it_starts(project):
    with local_api(project) as api:
        assert write(api, "a", b"earlier") == 200
    with pytest.raises(httpx.ConnectError):
        write(api, "a", b"too late")
    with LocalEdge(project, on_log=silent) as edge:
        assert edge.miniflare.get_kv_namespace("SHELF").get("a") == "earlier"


def test_a_running_edge_is_found_and_a_closed_one_is_not(project):
    file = project.local / "dev.json"
    with LocalEdge(project, on_log=silent) as edge:
        assert json.loads(file.read_text())["url"] == edge.url
    assert not file.exists()
    assert sorted(path.name for path in project.local.iterdir()) == [
        "api.token",
        "edgerc",
        "kv.sqlite",
    ]


def test_an_edge_that_was_killed_is_not_taken_for_a_running_one(project):
    script = """
        import sys
        from pathlib import Path
        from control_plane.emulator.dev import LocalEdge
        from control_plane.settings import Project, Settings
        edge = LocalEdge(Project(Path(sys.argv[1]), Settings()), on_log=lambda line: None)
        print(edge.url, flush=True)
        sys.stdin.read()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(project.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child.stdout, child.stdin:
        child.stdout.readline()
        with local_api(project) as api:
            assert write(api, "a", b"one") == 200
        child.kill()
        child.wait()
    assert (project.local / "dev.json").exists()
    with local_api(project) as api:
        assert write(api, "b", b"two") == 200
    with LocalEdge(project, on_log=silent) as edge:
        listed = edge.miniflare.get_kv_namespace("SHELF").list()
        assert [key.name for key in listed.keys] == ["a", "b"]


def test_events_are_in_the_inbox_once_they_are_acknowledged(project, platform):
    with LocalEdge(project, platform=platform, on_log=silent) as edge:
        call = {"type": "track", "event": "Product Viewed", "messageId": "m1"}
        answer = httpx.post(f"{edge.url}/_fs/v1/batch", json={"batch": [call]})
        assert answer.status_code == 200
        [file] = project.inbox.glob("*.jsonl")
        assert json.loads(file.read_text())["messageId"] == "m1"


def test_the_shops_own_pages_come_through(project, toy, platform):
    with LocalEdge(project, origin=toy.ready, platform=platform, on_log=silent) as edge:
        assert httpx.post(f"{edge.url}/", json={"method": "get", "args": ["unwritten"]}).json() == {
            "result": None
        }
    with LocalEdge(project, on_log=silent) as edge:
        assert httpx.get(f"{edge.url}/").status_code == 404


def test_the_token_is_made_once_and_others_cannot_read_it(project):
    with local_api(project) as first, local_api(project) as second:
        assert first.token == second.token
    assert (project.local / "api.token").stat().st_mode & 0o077 == 0


def test_the_worker_is_told_the_projects_settings_and_keys(project):
    told = edge_variables(project, trust_loopback=True)
    assert told["EXCLUDE"] == "/cart,/pay*"
    assert told["MIN_COUNTER"] == "7"
    assert told["HEAD_SECONDS"] == "0.2"
    assert told["TRUST_LOOPBACK"] == "1"
    assert told["COOKIE_KEY"] == load_text(project.keys, "cookie.secret")
    current = load_visitor_secrets(project.keys).current
    assert told["VISITOR_KEYS"].startswith(f"{current}:")
    assert edge_variables(project, trust_loopback=False)["TRUST_LOOPBACK"] == "0"


def test_a_strict_edge_is_as_patient_as_one_in_production(project):
    told = edge_variables(project, trust_loopback=True, strict=True)
    assert not {"HEAD_SECONDS", "HEAD_WAIT_MS", "READ_MS", "SLOT_MS"} & told.keys()


def test_a_strict_edge_sees_a_deployment_in_its_own_time(project):
    silent_edge = {"strict": True, "on_log": silent}
    with LocalEdge(project, **silent_edge) as edge, local_api(project) as api:
        assert write(api, "head", b"not signed") == 200
        assert write(api, "head", b"too hasty") == 429
        assert httpx.get(f"{edge.url}/_fs/health").json()["faults"] == {"head_missing": 1}


def test_faults_happen_at_a_local_edge(project):
    faults = (parse_fault("error:head"),)
    with LocalEdge(project, faults=faults, on_log=silent) as edge:
        assert httpx.get(f"{edge.url}/_fs/health").json()["faults"] == {"head_failed": 1}


def test_a_request_that_uses_too_much_is_told_and_answered_all_the_same(project):
    lines = []
    allowance = Allowance(cpu_ms=1e6, memory_mb=1e6, kv_calls=0)
    with LocalEdge(project, allowance=allowance, on_log=lines.append) as edge:
        assert httpx.get(f"{edge.url}/_fs/health").json()["status"] == "no_release"
        assert httpx.head(f"{edge.url}/_fs/sdk.js").headers["content-type"].startswith("text/")
        assert httpx.post(f"{edge.url}/_fs/decide", content=b"{").status_code == 400
    told = [line.message for line in lines if line.message.startswith("limit")]
    assert told == ["limit kv_calls: 1 of 0 used by GET /_fs/health"]


def test_strictly_taken_a_request_that_uses_too_much_is_the_platforms_error(project):
    allowance = Allowance(cpu_ms=1e6, memory_mb=1e6, kv_calls=0, strict=True)
    with LocalEdge(project, allowance=allowance, on_log=silent) as edge:
        answer = httpx.get(f"{edge.url}/_fs/health")
        assert (answer.status_code, answer.text[:16]) == (503, "error code: 1102")
        assert httpx.get(f"{edge.url}/_fs/sdk.js").status_code == 200
        with pytest.raises(InputError, match="cannot listen"):
            LocalEdge(project, allowance=allowance, port=int(edge.url[-5:].strip(":")))


def test_a_fault_is_read_from_its_words():
    assert parse_fault("late") == Fault(kind="late")
    assert parse_fault("corrupted:i-*:0.1") == Fault(kind="corrupted", key="i-*", share=0.1)
    for wrong in ("lost", "late:*:much", "late:*:3", ""):
        with pytest.raises(InputError, match=r"fault|share"):
            parse_fault(wrong)


def test_a_project_without_keys_is_told_to_make_them(tmp_path):
    with pytest.raises(InputError, match="frontshelf init"):
        LocalEdge(Project(tmp_path, Settings()))


def test_a_running_edge_follows_keys_that_rotate(project, platform):
    with LocalEdge(project, platform=platform, on_log=silent) as edge:
        rotate_key(project.keys, "head")
        both = {key.public for key in load_ring(project.keys).head}
        wait_until(lambda: believed(edge) == both)
        assert len(both) == 2
        assert httpx.get(f"{edge.url}/_fs/health").status_code == 200


def test_keys_that_cannot_be_read_leave_the_edge_as_it_was(project, caplog):
    with LocalEdge(project, on_log=silent) as edge:
        (project.keys / "public.json").write_text("{")
        wait_until(lambda: "goes on with those before" in caplog.text)
        assert httpx.get(f"{edge.url}/_fs/health").status_code == 200


def believed(edge: LocalEdge) -> set[str]:
    """Return the keys of heads that the worker has been told of."""
    options = edge.miniflare.options
    told = dict(options.variables)
    if options.modules and "settings.js" in options.modules:
        told = json.loads(
            options.modules["settings.js"].decode()[len("export const settings = ") : -2]
        )
    return set(told["HEAD_KEYS"].split(","))


def wait_until(true) -> None:
    ends = time.monotonic() + 20
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)
