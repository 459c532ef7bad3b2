"""An archive from the command line: another machine, without a build, brings a release back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from cloud import TOKEN, lead_to
from s3 import empty_bucket, serve_s3
from toy_shop import RULES, compile_toy

from control_plane.cli.main import main

CLOUDFLARE = ("--target", "cloudflare")


@pytest.fixture
def archive(monkeypatch):
    with serve_s3() as url, empty_bucket(url, monkeypatch):
        monkeypatch.setenv("FRONTSHELF_ARCHIVE_URL", "s3://shelf/toys")
        monkeypatch.setenv("FRONTSHELF_ARCHIVE_ENDPOINT", url)
        yield


@pytest.fixture
def elsewhere(toy, cloud, tmp_path: Path):
    """Run commands on a machine that has the settings and keys alone."""
    root = tmp_path / "elsewhere"
    root.mkdir()
    (root / "keys").symlink_to(toy.keys)
    lead_to(type(toy)(root, toy.settings), cloud)

    def run(*arguments: str):
        whole = [*arguments, "--project", str(root), "--json", *CLOUDFLARE]
        result = CliRunner().invoke(main, whole, env={"CLOUDFLARE_API_TOKEN": TOKEN})
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


@pytest.mark.usefixtures("archive")
def test_another_machine_brings_an_old_release_back(call, toy, elsewhere):
    first = compile_toy(toy).release
    said = call("deploy", *CLOUDFLARE)
    assert "another machine is not locked out" not in said.output
    toy.rules.write_text(RULES.replace("<b>new</b>", "<b>newer</b>"))
    second = compile_toy(toy).release
    call("deploy", *CLOUDFLARE)
    told = elsewhere("status")
    assert (told["archived"], told["drift"]) == (True, "no")
    assert [one["release"] for one in elsewhere("releases")] == [second, first]
    done = elsewhere("deploy", "--release", first)
    assert (done["release"], done["counter"]) == (first, 3)
    found = {one["check"]: one["level"] for one in elsewhere("doctor")}
    assert found["archive"] == "ok"
    assert elsewhere("gc")["archive"]["removed"] == []


def test_without_an_archive_a_remote_deployment_says_what_that_means(call, toy):
    compile_toy(toy)
    assert "another machine is not locked out" in call("deploy", *CLOUDFLARE).output
    assert "no archive is set" in call("deploy", "--release", "a", *CLOUDFLARE, status=2).output


@pytest.mark.usefixtures("archive")
def test_a_checkout_with_public_keys_alone_deploys_by_keys_in_the_environment(
    call, toy, monkeypatch
):
    for name in ("release", "head"):
        file = toy.keys / f"{name}.pem"
        monkeypatch.setenv(f"FRONTSHELF_{name.upper()}_KEY", file.read_text())
        file.unlink()
    for name in ("cookie.secret", "api.token"):
        (toy.keys / name).unlink()
    release = compile_toy(toy).release
    call("deploy", *CLOUDFLARE)
    call("overlay", "off", "home.hero", *CLOUDFLARE)
    monkeypatch.delenv("FRONTSHELF_RELEASE_KEY")
    call("overlay", "on", "home.hero", *CLOUDFLARE)
    assert json.loads(call("status", "--json", *CLOUDFLARE).stdout)["live"] == release


@pytest.mark.usefixtures("archive")
def test_a_head_that_was_not_archived_is_drift(call, toy, monkeypatch):
    release = compile_toy(toy).release
    call("deploy", *CLOUDFLARE)
    with monkeypatch.context() as patch:
        patch.setenv("FRONTSHELF_ARCHIVE_URL", "")
        call("overlay", "off", "home.hero", *CLOUDFLARE)
    said = json.loads(call("status", "--json", *CLOUDFLARE).stdout)["drift"]
    assert (
        said == f"yes: head 1 with release {release} was archived last, 2 with {release} is there"
    )
