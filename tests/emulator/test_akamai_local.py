"""Akamai's APIs of a running local edge: what is deployed there is on the next page."""

from __future__ import annotations

import json
import stat

import httpx
import pytest
from toy_shop import compile_toy, make_project

from control_plane.deploy.akamai.api import AkamaiApi
from control_plane.deploy.akamai.edgekv import GRANT, MISSING, AkamaiKV
from control_plane.deploy.akamai.edgerc import read_edgerc
from control_plane.deploy.publish import publish
from control_plane.emulator.dev import LocalEdge, local_api
from control_plane.emulator.local_api import project_token
from control_plane.errors import PlatformError


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path / "shop")
    compile_toy(project)
    return project


def open_target(project, edge: LocalEdge, network: str = "production") -> AkamaiKV:
    told = httpx.get(f"{edge.url}/_fs/health", trust_env=False).json()["local"]["akamai"]
    api = AkamaiApi(
        read_edgerc(project.root / told["credentials"], "default"),
        base_url=told["base_url"],
        grant=GRANT,
        missing=MISSING,
    )
    return AkamaiKV(api, network, told["namespace"], told["group"])


@pytest.mark.parametrize("platform", ["akamai", "cloudflare"])
def test_a_release_that_is_deployed_there_is_served(project, platform, workerd):
    with LocalEdge(project, platform=platform) as edge:
        with open_target(project, edge) as target:
            release = publish(target, project.build / "current", project).release
            assert "head" in list(target.keys())
        said = httpx.post(
            f"{edge.url}/_fs/decide", json={"slots": ["home.hero"]}, trust_env=False
        ).json()
        assert said["release"] == release
        with local_api(project) as api:
            auth = {"Authorization": f"Bearer {api.token}"}
            path = f"accounts/{api.account_id}/storage/kv/namespaces/{api.namespace_id}/keys"
            listed = httpx.get(f"{api.base_url}/{path}", headers=auth, trust_env=False).json()
        assert "head" in [one["name"] for one in listed["result"]]


def test_the_other_network_is_not_the_shelf_and_the_client_stays_the_same(project, workerd):
    with LocalEdge(project) as edge:
        file = project.local / "edgerc"
        first = read_edgerc(file, "default")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        with open_target(project, edge, "staging") as staging:
            staging.put("head", b"elsewhere")
            assert staging.get("head") == b"elsewhere"
        with open_target(project, edge) as target:
            assert target.get("head") is None
            assert list(target.keys()) == []
        health = httpx.get(f"{edge.url}/_fs/health", trust_env=False).text
        for secret in (first.client_secret, first.access_token, project_token(project)):
            assert secret not in health
        assert "cloudflare" in json.loads(health)["local"]
    with LocalEdge(project) as edge, open_target(project, edge, "staging") as staging:
        assert read_edgerc(file, "default").client_secret == first.client_secret
        assert staging.get("head") == b"elsewhere"


def test_the_shelf_keeps_base64_alone(project, workerd):
    with LocalEdge(project) as edge, open_target(project, edge) as target:
        target.put("m-1", b"x")
        api, path = target._api, target._item("m-1")
        with pytest.raises(PlatformError, match="base64 alone"):
            api.send(
                "PUT", path, "write text", content="no!", headers={"Content-Type": "text/plain"}
            )
        target.delete_many(["m-1"])
        assert target.get("m-1") is None
