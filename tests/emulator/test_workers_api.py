"""Cloudflare's Workers API: what is uploaded, versioned, deployed and kept."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from cloud import MODULE, NAMESPACE, Cloud, form, open_cloud, refused

from control_plane.emulator.account import ACCOUNT
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.store import Store
from control_plane.emulator.workers.records import Records
from control_plane.emulator.workers.serve import uploaded_options
from control_plane.errors import InputError

SECRET = {"type": "secret_text", "name": "KEY", "text": "sesame"}
PLAIN = {"type": "plain_text", "name": "SHOP", "text": "toy"}
SHELF = {"type": "kv_namespace", "name": "SHELF", "namespace_id": NAMESPACE}


@pytest.fixture
def cloud(tmp_path) -> Iterator[Cloud]:
    with open_cloud(tmp_path) as cloud:
        yield cloud


def test_an_upload_is_a_version_that_serves_everyone(cloud):
    made = cloud.upload("shop", bindings=[PLAIN, SECRET])
    assert (made["id"], made["last_deployed_from"], made["has_modules"]) == ("shop", "api", True)
    [deployment] = cloud.result("GET", f"{cloud.scripts}/shop/deployments")["deployments"]
    [share] = deployment["versions"]
    assert share["percentage"] == 100
    assert share["version_id"].replace("-", "") == made["deployment_id"]
    version = cloud.result("GET", f"{cloud.scripts}/shop/versions/{share['version_id']}")
    assert version["number"] == 1
    assert version["resources"]["script_runtime"]["compatibility_date"] == "2026-06-01"
    assert [one["id"] for one in cloud.result("GET", cloud.scripts)] == ["shop"]
    service = cloud.result("GET", f"{cloud.account}/workers/services/shop")
    assert service["default_environment"]["script"]["last_deployed_from"] == "api"


def test_a_worker_that_is_not_there_is_told_by_its_code(cloud):
    assert refused(cloud.call("GET", f"{cloud.scripts}/none")) == (404, 10007)
    assert refused(cloud.call("GET", f"{cloud.account}/workers/services/none")) == (404, 10090)
    versions = f"{cloud.scripts}/none/versions"
    assert refused(cloud.call("POST", versions, files=form("x"))) == (404, 10007)
    assert refused(cloud.call("DELETE", f"{cloud.scripts}/none")) == (404, 10007)
    assert refused(cloud.call("POST", f"{cloud.scripts}/none/tails")) == (404, 10007)


def test_no_answer_holds_a_secret(cloud):
    cloud.upload("shop", bindings=[PLAIN, SECRET])
    cloud.result("PUT", f"{cloud.scripts}/shop/secrets", json={"name": "TWO", "text": "open me"})
    version = cloud.result("GET", f"{cloud.scripts}/shop/versions")["items"][0]["id"]
    for path in (
        "", "/shop", "/shop/settings", "/shop/secrets", "/shop/versions", "/shop/deployments",
        "/shop/secrets/KEY", "/shop/content/v2", f"/shop/versions/{version}",
    ):  # fmt: skip
        text = cloud.call("GET", f"{cloud.scripts}{path}").text
        assert "sesame" not in text
        assert "open me" not in text
    names = [one["name"] for one in cloud.result("GET", f"{cloud.scripts}/shop/secrets")]
    assert names == ["KEY", "TWO"]


def test_secrets_survive_an_upload_that_names_none(cloud):
    cloud.upload("shop", bindings=[PLAIN, SECRET])
    cloud.upload("shop", "again", bindings=[])
    assert _names(cloud) == {"KEY"}
    cloud.upload("shop", "again", bindings=[PLAIN], keep_bindings=[])
    assert _names(cloud) == {"SHOP"}
    cloud.upload("shop", "again", bindings=[], keep_bindings=["plain_text"])
    assert _names(cloud) == {"SHOP"}


def test_a_binding_can_be_inherited(cloud):
    cloud.upload("shop", bindings=[SHELF])
    inherit = {"type": "inherit", "name": "SHELF"}
    cloud.upload("shop", bindings=[inherit])
    assert cloud.result("GET", f"{cloud.scripts}/shop/settings")["bindings"] == [SHELF]
    url = f"{cloud.scripts}/fresh?bindings_inherit=strict"
    assert refused(cloud.call("PUT", url, files=form("x", bindings=[inherit]))) == (400, 10057)


def test_a_secret_is_live_at_once_and_only_when_the_newest_version_serves(cloud):
    cloud.upload("shop")
    secrets = f"{cloud.scripts}/shop/secrets"
    assert cloud.result("PUT", secrets, json={"name": "KEY", "text": "one"})["name"] == "KEY"
    [now, before] = cloud.result("GET", f"{cloud.scripts}/shop/deployments")["deployments"]
    assert now["versions"] != before["versions"]
    assert now["annotations"]["workers/triggered_by"] == "secret"
    cloud.result("DELETE", f"{secrets}/KEY")
    assert refused(cloud.call("DELETE", f"{secrets}/KEY")) == (404, 10007)
    cloud.add_version("shop", "newer")
    body = {"name": "KEY", "text": "two"}
    assert refused(cloud.call("PUT", secrets, json=body)) == (400, 10215)


def test_two_versions_can_share_the_visitors(cloud):
    cloud.upload("shop")
    newer = cloud.add_version("shop", "newer", annotations={"workers/message": "é" * 700})
    [second, first] = cloud.result("GET", f"{cloud.scripts}/shop/versions")["items"]
    assert (second["id"], second["annotations"]["workers/message"]) == (newer, "é" * 500)
    shares = [
        {"version_id": newer, "percentage": 10},
        {"version_id": first["id"], "percentage": 90},
    ]
    made = _deploy(cloud, shares, annotations={"workers/message": "careful"}).json()["result"]
    assert made["annotations"]["workers/message"] == "careful"
    assert made["versions"] == shares
    [live, _] = cloud.result("GET", f"{cloud.scripts}/shop/deployments")["deployments"]
    assert live == made
    assert cloud.result("GET", f"{cloud.scripts}/shop/deployments/{made['id']}") == made


def test_shares_that_make_no_deployment_are_refused(cloud):
    cloud.upload("shop")
    first = cloud.result("GET", f"{cloud.scripts}/shop/versions")["items"][0]["id"]
    second = cloud.add_version("shop", "newer")
    for shares in (
        [],
        [(first, 99)],
        [(first, 100), (second, 0)],
        [(first, 50), (first, 50)],
        [(first, 40), (second, 40), ("x", 20)],
    ):
        versions = [{"version_id": id, "percentage": share} for id, share in shares]
        assert _deploy(cloud, versions).status_code == 400
    unknown = [{"version_id": "0" * 8, "percentage": 100}]
    assert refused(_deploy(cloud, unknown)) == (404, 10007)


def test_an_older_version_comes_back_with_its_secrets_only_by_force(cloud):
    cloud.upload("shop", bindings=[SECRET])
    first = cloud.result("GET", f"{cloud.scripts}/shop/versions")["items"][0]["id"]
    cloud.result("PUT", f"{cloud.scripts}/shop/secrets", json={"name": "KEY", "text": "changed"})
    back = [{"version_id": first, "percentage": 100}]
    answer = _deploy(cloud, back)
    assert refused(answer) == (400, 10220)
    assert "KEY" in answer.text
    assert _deploy(cloud, back, query="?force=true").is_success


def test_only_the_newest_hundred_versions_can_be_deployed(cloud):
    cloud.upload("shop", "1")
    oldest = cloud.result("GET", f"{cloud.scripts}/shop/versions")["items"][0]["id"]
    for number in range(100):
        cloud.add_version("shop", str(number))
    able = cloud.result("GET", f"{cloud.scripts}/shop/versions?deployable=true")["items"]
    assert len(able) == 100
    share = [{"version_id": oldest, "percentage": 100}]
    assert refused(_deploy(cloud, share)) == (404, 10007)
    found: list[str] = []
    for page in range(1, 13):
        query = {"page": page, "per_page": 10}
        answer = cloud.call("GET", f"{cloud.scripts}/shop/versions", params=query).json()
        found += [one["id"] for one in answer["result"]["items"]]
        assert answer["result_info"]["total_pages"] == 11
    assert len(set(found)) == len(found) == 101


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"main_module": "gone.js"}, "No such module"),
        ({"body_part": "main.js"}, "ES modules"),
        ({"migrations": {"new_tag": "v1", "steps": []}}, "Durable Objects"),
        ({"assets": {"jwt": "x"}}, "assets"),
        ({"compatibility_date": "2999-01-01"}, "in the future"),
        ({"compatibility_date": "soon"}, "Invalid compatibility date"),
        ({"bindings": [{"type": "d1", "name": "DB", "id": "x"}]}, "d1"),
        ({"bindings": [PLAIN, PLAIN]}, "already in use"),
        ({"bindings": [{**PLAIN, "name": "no name"}]}, "not a valid binding name"),
        ({"bindings": [{**PLAIN, "text": "x" * 5121}]}, "5120 bytes"),
        ({"bindings": [{**PLAIN, "name": f"V{n}"} for n in range(65)]}, "limit of 64"),
        ({"bindings": {}}, "invalid metadata"),
        ({"annotations": {"workers/tag": "t" * 101}}, "100 bytes"),
    ],
)
def test_what_the_platform_would_refuse_is_refused(cloud, metadata, words):
    answer = cloud.call("PUT", f"{cloud.scripts}/shop", files=form("x", **metadata))
    assert refused(answer) == (400, 10021)
    assert words in answer.json()["errors"][0]["message"]
    assert cloud.result("GET", cloud.scripts) == []


def test_a_script_too_large_is_refused_as_the_plan_says(cloud):
    noise = random.Random(1).randbytes(3 * 1024 * 1024)
    files = {**form("x"), "noise.bin": ("noise.bin", noise, "application/octet-stream")}
    assert refused(cloud.call("PUT", f"{cloud.scripts}/shop", files=files)) == (413, 10027)
    cloud.api.workers.plan = "paid"
    assert cloud.call("PUT", f"{cloud.scripts}/shop", files=files).is_success


def test_a_body_that_is_no_form_is_refused(cloud):
    assert cloud.call("PUT", f"{cloud.scripts}/shop", content=b"x").status_code == 400
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    broken = cloud.call("PUT", f"{cloud.scripts}/shop", content=b"--b\r\nx", headers=headers)
    assert broken.status_code == 400
    parts = form("x")
    del parts["metadata"]
    assert refused(cloud.call("PUT", f"{cloud.scripts}/shop", files=parts)) == (400, 10021)
    wrong = {"x.wasm": ("", "application/wasm")}
    answer = cloud.call("PUT", f"{cloud.scripts}/shop", files=form("x", wrong))
    assert refused(answer) == (400, 10021)
    assert refused(cloud.call("PUT", f"{cloud.scripts}/NO", files=form("x"))) == (400, 10021)


def test_settings_belong_to_the_worker_and_not_to_a_version(cloud):
    cloud.upload("shop", observability={"enabled": True}, tags=["a"])
    url = f"{cloud.scripts}/shop/script-settings"
    assert cloud.result("GET", url)["observability"] == {"enabled": True}
    cloud.result("PATCH", url, json={"tags": ["b"], "observability": {"enabled": False}})
    settings = cloud.result("GET", f"{cloud.scripts}/shop/settings")
    assert (settings["tags"], settings["observability"]) == (["b"], {"enabled": False})
    assert len(cloud.result("GET", f"{cloud.scripts}/shop/versions")["items"]) == 1


def test_a_change_of_settings_is_a_version_that_serves_at_once(cloud):
    cloud.upload("shop", bindings=[PLAIN, SHELF])
    inherit = [{"type": "inherit", "name": name} for name in ("SHOP", "SHELF")]
    url = f"{cloud.scripts}/shop/settings"

    def patch(settings):
        text = json.dumps(settings)
        return cloud.call("PATCH", url, files={"settings": (None, text, "application/json")})

    settings = patch({"bindings": [*inherit, SECRET], "tags": ["a"]}).json()["result"]
    assert settings["tags"] == ["a"]
    assert _names(cloud) == {"SHOP", "SHELF", "KEY"}
    assert patch({"compatibility_date": "2026-05-01"}).is_success
    assert _names(cloud) == {"SHOP", "SHELF", "KEY"}
    [newest, *_] = cloud.result("GET", f"{cloud.scripts}/shop/versions")["items"]
    [live, *_] = cloud.result("GET", f"{cloud.scripts}/shop/deployments")["deployments"]
    assert live["versions"] == [{"version_id": newest["id"], "percentage": 100}]
    assert refused(patch([])) == (400, 10021)
    cloud.add_version("shop", "newer")
    assert refused(patch({"tags": []})) == (400, 10214)


def test_a_subdomain_is_switched_on_and_off(cloud):
    cloud.upload("shop")
    url = f"{cloud.scripts}/shop/subdomain"
    assert cloud.result("GET", url) == {"enabled": False, "previews_enabled": False}
    assert cloud.result("POST", url, json={"enabled": True})["enabled"] is True
    assert cloud.result("DELETE", url)["enabled"] is False
    assert cloud.result("GET", f"{cloud.account}/workers/subdomain")["subdomain"]


def test_a_zone_has_routes(cloud):
    zone = cloud.result("POST", "zones", json={"name": "shop.example"})
    assert cloud.result("GET", "zones?name=shop.example") == [zone]
    assert cloud.result("GET", "zones?name=other.example") == []
    assert cloud.result("GET", f"zones/{zone['id']}") == zone
    routes = f"zones/{zone['id']}/workers/routes"
    route = {"pattern": "shop.example/*", "script": "shop"}
    assert refused(cloud.call("POST", routes, json=route)) == (400, 10019)
    cloud.upload("shop")
    made = cloud.result("POST", routes, json=route)
    assert cloud.result("GET", routes) == [{**route, "id": made["id"]}]
    assert cloud.result("GET", f"{routes}/{made['id']}") == made
    assert refused(cloud.call("POST", routes, json=route)) == (409, 10020)
    elsewhere = {**route, "pattern": "else.example/*"}
    assert refused(cloud.call("POST", routes, json=elsewhere)) == (400, 10022)
    changed = {"pattern": "*.shop.example/p/*", "script": None}
    assert cloud.result("PUT", f"{routes}/{made['id']}", json=changed)["script"] is None
    cloud.result("DELETE", f"{routes}/{made['id']}")
    assert cloud.result("GET", routes) == []
    assert refused(cloud.call("GET", f"{routes}/{made['id']}")) == (404, 10014)
    assert refused(cloud.call("GET", "zones/none/workers/routes")) == (404, 7003)


def test_a_worker_is_given_all_its_routes_at_once(cloud):
    zone = cloud.result("POST", "zones", json={"name": "shop.example"})
    routes = f"zones/{zone['id']}/workers/routes"
    for name in ("shop", "other"):
        cloud.upload(name)
    cloud.result("POST", routes, json={"pattern": "shop.example/old", "script": "shop"})
    cloud.result("POST", routes, json={"pattern": "shop.example/taken", "script": "other"})
    url = f"{cloud.scripts}/shop/routes"
    taken = [{"pattern": "shop.example/taken"}]
    assert refused(cloud.call("PUT", url, json=taken)) == (409, 10020)
    cloud.result("PUT", url, json=[{"pattern": "shop.example/*", "zone_name": "shop.example"}])
    found = [(one["pattern"], one["script"]) for one in cloud.result("GET", routes)]
    assert found == [("shop.example/*", "shop"), ("shop.example/taken", "other")]
    assert refused(cloud.call("PUT", url, json=[{"pattern": "x.example/*"}])) == (400, 10022)


def test_all_of_it_outlives_the_process(tmp_path):
    with open_cloud(tmp_path) as cloud:
        cloud.upload("shop", bindings=[PLAIN, SECRET, SHELF])
    with open_cloud(tmp_path) as cloud:
        assert _names(cloud) == {"SHOP", "KEY", "SHELF"}
        content = cloud.call("GET", f"{cloud.scripts}/shop")
        assert content.headers["cf-entrypoint"] == "main.js"
        assert b"new Response('hello')" in content.content
        cloud.result("DELETE", f"{cloud.scripts}/shop")
        assert refused(cloud.call("GET", f"{cloud.scripts}/shop")) == (404, 10007)
        assert cloud.result("GET", cloud.scripts) == []


WORKER = """
import text from "./words.js";
import { named } from "./parts/named.js";
export default { async fetch(request, env) {
  const late = await import("./parts/late.js");
  const kept = await env.SHELF.get("key");
  return Response.json([text, named, late.default, env.SHOP, env.KEY, kept]);
} };"""


def test_what_was_uploaded_runs_in_workerd_over_the_same_store(tmp_path, workerd):
    with open_cloud(tmp_path) as cloud:
        modules = {
            "main.js": (WORKER, MODULE),
            "words.js": ("import './not-code.js'", "text/plain"),
            "parts/named.js": ("export const named = 'named';", MODULE),
            "parts/late.js": ("export default 'late';", MODULE),
        }
        cloud.upload("shop", modules=modules, bindings=[PLAIN, SECRET, SHELF])
        values = f"{cloud.account}/storage/kv/namespaces/{NAMESPACE}/values"
        cloud.result("PUT", f"{values}/key", content=b"value")
    store = Store(tmp_path / "kv.sqlite")
    options = uploaded_options(Records(store), "shop")
    with Miniflare(options) as worker:
        said = worker.dispatch_fetch("http://shop.example/").json()
    assert said == ["import './not-code.js'", "named", "late", "toy", "sesame", "value"]
    with pytest.raises(InputError, match="no version of the worker 'none'"):
        uploaded_options(Records(store), "none")
    store.close()


def test_who_calls_is_told_of_the_account(cloud):
    assert cloud.result("GET", "accounts")[0]["id"] == ACCOUNT
    assert cloud.result("GET", f"accounts/{ACCOUNT}")["id"] == ACCOUNT
    assert cloud.result("GET", "memberships")[0]["account"]["id"] == ACCOUNT
    assert "email" in cloud.result("GET", "user")


def _names(cloud: Cloud) -> set[str]:
    return {
        one["name"] for one in cloud.result("GET", f"{cloud.scripts}/shop/settings")["bindings"]
    }


def _deploy(cloud: Cloud, versions, query: str = "", annotations=None):
    body = {"strategy": "percentage", "versions": versions, "annotations": annotations or {}}
    return cloud.call("POST", f"{cloud.scripts}/shop/deployments{query}", json=body)
