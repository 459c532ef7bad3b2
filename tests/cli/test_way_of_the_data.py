"""From a file of events to a live release, one command after another."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from command_line import COMMAND, Run


def test_each_command_leads_to_the_next(run: Run, shop: Path) -> None:
    here = ("--project", str(shop))
    trained = run("train", *here)
    assert trained.returncode == 0, trained.stderr
    assert "3 items" in trained.stdout
    compiled = run("compile", "--json", *here)
    release = json.loads(compiled.stdout)["release"]
    planned = run("deploy", "--dry-run", *here)
    assert "dry run" in planned.stdout
    deployed = run("deploy", *here)
    assert f"release {release} is live at local" in deployed.stdout
    again = json.loads(run("deploy", "--json", *here).stdout)
    assert (again["written"], again["head_moved"]) == (0, False)
    listed = run("releases", *here)
    assert re.match(rf"{release}  .* UTC  live", listed.stdout)
    status = json.loads(run("status", "--json", *here).stdout)
    assert (status["live"], status["counter"]) == (release, 1)


@pytest.mark.slow
def test_changed_rules_can_be_rolled_back(run: Run, shop: Path) -> None:
    here = ("--project", str(shop))
    for command in ("train", "compile", "deploy"):
        assert run(command, *here).returncode == 0
    first = json.loads(run("status", "--json", *here).stdout)["live"]
    rules = shop / "rules.yaml"
    rules.write_text(rules.read_text().replace("limit: 6", "limit: 7"))
    for command in ("compile", "deploy"):
        assert run(command, *here).returncode == 0
    assert json.loads(run("status", "--json", *here).stdout)["live"] != first
    back = run("rollback", *here)
    assert f"release {first} is live again (counter 3)" in back.stdout
    wrong = run("rollback", "nosuch", *here)
    assert wrong.returncode == 2


def test_gc_says_what_stays_and_what_goes(run: Run, shop: Path) -> None:
    here = ("--project", str(shop))
    for command in ("train", "compile", "deploy"):
        assert run(command, *here).returncode == 0
    live = json.loads(run("status", "--json", *here).stdout)["live"]
    settings = shop / "frontshelf.toml"
    settings.write_text(settings.read_text() + "\n[deploy]\nkeep_releases = 2\n")
    said = run("gc", "--dry-run", *here)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [f"kept: {live}  live", "would be removed: nothing"]
    done = json.loads(run("gc", "--yes", "--json", "--keep", "1", *here).stdout)
    assert (done["removed"], done["waiting"], done["next_at"]) == ({}, {}, None)
    assert [(one["release"], one["why"]) for one in done["kept"]] == [(live, "live")]
    nothing = run("gc", "--target", "folder", *here)
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "nothing was removed" in nothing.stderr


def test_dev_says_when_it_is_ready_and_shows_what_is_deployed(run: Run, shop: Path) -> None:
    here = ("--project", str(shop))
    for command in ("train", "compile"):
        assert run(command, *here).returncode == 0
    dev = subprocess.Popen(
        [*COMMAND, "dev", "--port", "0", *here],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert dev.stdout
        ready = re.fullmatch(r"ready (http://127\.0\.0\.1:\d+)\n", dev.stdout.readline())
        assert ready
        with httpx.Client(base_url=ready[1], timeout=20) as edge:
            assert edge.get("/_fs/health").json()["status"] == "no_release"
            assert edge.get("/any/page").status_code == 404
            assert run("deploy", *here).returncode == 0
            asked = {
                "slots": ["home.recommended"],
                "consent": {"personalization": True},
                "session": {"events": [{"event": "view", "item": "boots"}]},
            }
            answer = edge.post("/_fs/decide", json=asked).json()
            assert answer["decisions"]["home.recommended"]["reason"] == "session"
            assert "socks" in answer["decisions"]["home.recommended"]["items"]
            event = {"type": "track", "event": "Product Viewed", "anonymousId": "d"}
            batch = {"batch": [event | {"messageId": "m", "properties": {"product_id": "laces"}}]}
            assert edge.post("/_fs/v1/batch", json=batch).status_code == 200
        taken = run("ingest", str(shop / "inbox"), *here)
        assert "1 stored" in taken.stdout
    finally:
        dev.send_signal(signal.SIGTERM)
        out, err = dev.communicate(timeout=20)
    assert dev.returncode == 0, err
    assert out == ""


def test_a_port_in_use_is_named(run: Run, shop: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("dev", "--port", port, "--project", str(shop))
    assert result.returncode == 2
    assert port in result.stderr
    assert "Traceback" not in result.stderr


def test_visitor_keys_come_one_a_line(run: Run, shop: Path) -> None:
    named = run("key", "anna", "ben", "--project", str(shop)).stdout.split()
    piped = run("key", "--project", str(shop), stdin="anna\nben\n").stdout.split()
    assert named == piped
    assert all(re.fullmatch("[0-9a-f]{16}", key) for key in named)
    assert len(set(named)) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("train",), 2, "Run 'frontshelf init' there first"),
        (("comple",), 2, "Did you mean 'compile'"),
        (("ingest", "nowhere.csv", "--project", "shop"), 2, "nowhere.csv"),
        (("compile", "--project", "shop"), 1, "Run 'frontshelf train' first"),
        (("deploy", "--project", "shop"), 2, "frontshelf compile"),
        (("rollback", "--project", "shop"), 2, "Nothing was deployed"),
        (("deploy", "--target", "cloudflare", "--project", "shop"), 2, "cloudflare.account_id"),
    ],
)
def test_a_wrong_call_ends_with_a_remedy(
    run: Run, shop: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    result = run(*arguments)
    assert result.returncode == status, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_typo_in_the_rules_is_named_with_its_line(run: Run, shop: Path) -> None:
    rules = shop / "rules.yaml"
    rules.write_text(rules.read_text().replace("limit: 6", "limt: 6"))
    assert run("train", "--project", str(shop)).returncode == 0
    result = run("compile", "--project", str(shop))
    assert result.returncode == 2
    assert re.search(r"rules\.yaml:\d+: .*limt.*", result.stderr)
    assert "limit" in result.stderr


def test_a_typo_in_the_settings_is_named(run: Run, shop: Path) -> None:
    settings = shop / "frontshelf.toml"
    settings.write_text(settings.read_text().replace("neighbours =", "neighbors ="))
    result = run("train", "--project", str(shop))
    assert result.returncode == 2
    assert "train.neighbors" in result.stderr
    assert "Did you mean 'neighbours'" in result.stderr
