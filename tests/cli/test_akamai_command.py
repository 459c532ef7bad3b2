"""`--target akamai` on the command line, against Akamai's APIs of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from akamai_cloud import NAMESPACE, AkamaiCloud, open_akamai
from toy_shop import compile_toy

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


def test_what_is_missing_is_named(call, toy, akamai, monkeypatch, tmp_path):
    lead(toy, akamai, more='group = "a/b"\n')
    assert "akamai.group" in call("status", *WHERE, status=2).stderr
    (toy.root / "frontshelf.toml").write_text('[shop]\nname = "toy"\nenvironment = "test"\n')
    assert "akamai.namespace: not set" in call("status", *WHERE, status=2).stderr
    lead(toy, akamai)
    monkeypatch.setenv("AKAMAI_EDGERC", str(tmp_path / "none"))
    said = call("status", *WHERE, status=2).stderr
    assert "AKAMAI_CLIENT_TOKEN" in said
