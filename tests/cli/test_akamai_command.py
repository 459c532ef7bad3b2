"""`--target akamai` on the command line, against Akamai's APIs of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from akamai_cloud import NAMESPACE, AkamaiCloud, open_akamai
from toy_shop import compile_toy

from control_plane.deploy.worker_settings import worker_secrets
from control_plane.emulator.akamai_api import Grant

WHERE = ("--target", "akamai")


@pytest.fixture
def akamai(tmp_path, monkeypatch, toy) -> Iterator[AkamaiCloud]:
    """Akamai's APIs, whose credentials stand in an .edgerc file."""
    with open_akamai(tmp_path / "akamai") as cloud:
        known = cloud.client.credentials
        file = tmp_path / ".edgerc"
        file.write_text(
            f"[shop]\nhost = {known.host}\nclient_token = {known.client_token}\n"
            f"client_secret = {known.client_secret}\naccess_token = {known.access_token}\n"
        )
        monkeypatch.setenv("AKAMAI_EDGERC", str(file))
        lead(toy, cloud)
        yield cloud


def lead(toy, cloud: AkamaiCloud, network: str = "production", more: str = "") -> None:
    """Write settings that lead to the APIs of this machine."""
    (toy.root / "frontshelf.toml").write_text(
        f'[shop]\nname = "toy"\nenvironment = "test"\n[akamai]\nbase_url = "{cloud.url}"\n'
        f'namespace = "{NAMESPACE}"\nnetwork = "{network}"\nedgerc_section = "shop"\n'
        f"calls_per_second = 1000\n{more}"
    )


def test_a_release_is_deployed_shown_switched_rolled_back_and_cleaned_up(call, toy, akamai):
    compile_toy(toy)
    planned = json.loads(call("deploy", "--dry-run", "--json", *WHERE).stdout)
    assert planned["target"] == "akamai"
    done = json.loads(call("deploy", "--yes", "--json", *WHERE).stdout)
    assert done["head_moved"] is True
    assert done["written"] == len(planned["plan"]["write"]) + 1
    again = json.loads(call("deploy", "--yes", "--json", *WHERE).stdout)
    assert (again["written"], again["head_moved"]) == (0, False)
    first = json.loads(call("status", "--json", *WHERE).stdout)
    call("overlay", "off", "home.hero", "--yes", *WHERE)
    shown = call("status", *WHERE).stdout
    assert done["release"] in shown
    assert "home.hero" in shown
    assert done["release"] in call("releases", *WHERE).stdout
    call("rollback", "--yes", *WHERE, status=2)  # there is nothing before
    kept = json.loads(call("gc", "--yes", "--json", *WHERE).stdout)
    assert kept
    assert first["target"] == "akamai"
    assert call("doctor", *WHERE).stdout


def test_the_networks_hold_shelves_of_their_own(call, toy, akamai):
    compile_toy(toy)
    call("deploy", "--yes", *WHERE)
    lead(toy, akamai, "staging")
    report = json.loads(call("deploy", "--yes", "--json", *WHERE).stdout)
    assert report["target"] == "akamai-staging"
    assert report["counter"] == 1
    assert report["skipped"] == 0


def test_a_key_is_not_revoked_while_a_release_on_either_network_rests_on_it(call, toy, akamai):
    compile_toy(toy)
    call("deploy", "--yes", *WHERE)
    assert "counter: 1\n" in call("status", *WHERE).stdout
    lead(toy, akamai, "staging")
    call("deploy", "--yes", *WHERE)
    listed = json.loads(call("keys", "list", "--json").stdout)
    old = next(one["id"] for one in listed if one["name"] == "head")
    call("keys", "rotate", "head")
    call("keys", "rotate", "head")
    call("deploy", "--yes", *WHERE)  # staging alone has a head by the new key
    said = call("keys", "revoke", old, status=2).stderr
    assert "akamai: the edge would lose it" in said
    call("keys", "revoke", old, *WHERE)


def worker(cloud: AkamaiCloud) -> str:
    """Return the settings of an EdgeWorker whose activations end at once."""
    cloud.api.edgeworkers.phases = (("COMPLETE", 0.0),)
    return f'edgeworker_id = {cloud.edgeworker()}\ntoken_reference = "{cloud.token()["uuid"]}"\n'


def test_a_worker_is_tried_on_staging_and_then_serves_production(call, toy, akamai):
    lead(toy, akamai, more=worker(akamai))
    staging = (*WHERE, "--network", "staging")
    planned = call("worker", "upload", "--dry-run", *WHERE).stdout
    assert "variable EDGEKV_NAMESPACE: 'toys', new" in planned
    assert "secret COOKIE_KEY: set" in planned
    for secret in worker_secrets(toy).values():
        assert secret not in planned
    assert "--network staging" in call("worker", "upload", *WHERE, status=2).stderr
    call("worker", "upload", *staging)
    assert "nothing to do" in call("worker", "upload", *staging).stdout
    assert "no version" in call("worker", "status", *WHERE).stdout
    done = json.loads(call("worker", "upload", "--json", *WHERE).stdout)
    [running] = done["status"]["running"]
    assert json.loads(call("worker", "status", "--json", *staging).stdout)["running"] == [running]
    lead(toy, akamai, more=worker_again(akamai) + "[edge]\nmin_counter = 7\n")
    call("worker", "upload", *staging)
    call("worker", "upload", *WHERE)
    back = json.loads(call("worker", "rollback", "--json", *WHERE).stdout)
    assert back["running"][0]["version"] == running["version"]
    said = call("worker", "upload", "--share", "10%", *WHERE, status=2).stderr
    assert "--canary" in said
    assert "--network" in call("worker", "status", "--network", "staging", status=2).stderr


def worker_again(cloud: AkamaiCloud) -> str:
    [token] = cloud.api.edgekv.tokens.list()
    return f'edgeworker_id = 1\ntoken_reference = "{token["uuid"]}"\n'


def test_deploy_asks_whether_the_live_worker_reads_the_tables(call, toy, akamai):
    compile_toy(toy)
    deploy = ("deploy", "--yes", *WHERE)
    assert "edgeworker_id is not set" in call(*deploy).stderr
    lead(toy, akamai, "staging", more=worker(akamai))
    assert "is not checked" in call(*deploy).stderr
    call("worker", "upload", *WHERE)
    assert "is not checked" not in call(*deploy).stderr
    narrow = akamai.admit(Grant("edgekv")).credentials
    variables = {
        "AKAMAI_HOST": narrow.host,
        "AKAMAI_CLIENT_TOKEN": narrow.client_token,
        "AKAMAI_CLIENT_SECRET": narrow.client_secret,
        "AKAMAI_ACCESS_TOKEN": narrow.access_token,
    }
    said = call(*deploy, **variables).stderr
    assert "grant 'EdgeWorkers: READ-ONLY'" in said
    assert narrow.client_secret not in said


def test_what_is_missing_is_named(call, toy, akamai, monkeypatch, tmp_path):
    lead(toy, akamai, more='group = "a/b"\n')
    assert "akamai.group" in call("status", *WHERE, status=2).stderr
    (toy.root / "frontshelf.toml").write_text('[shop]\nname = "toy"\nenvironment = "test"\n')
    assert "akamai.namespace: not set" in call("status", *WHERE, status=2).stderr
    lead(toy, akamai)
    monkeypatch.setenv("AKAMAI_EDGERC", str(tmp_path / "none"))
    said = call("status", *WHERE, status=2).stderr
    assert "AKAMAI_CLIENT_TOKEN" in said
    said = call("worker", "status", *WHERE, status=2).stderr
    assert "akamai.edgeworker_id: not set" in said
