"""`frontshelf overlay`, seen at the edge of this machine while it runs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from command_line import COMMAND, Run

ASKED = {
    "slots": ["home.recommended"],
    "consent": {"personalization": True},
    "session": {"events": [{"event": "view", "item": "boots"}]},
}


@pytest.fixture
def edge(run: Run, shop: Path) -> Iterator[httpx.Client]:
    """The deployed shop's edge, running."""
    here = ("--project", str(shop))
    for command in ("train", "compile", "deploy"):
        done = run(command, *here)
        assert done.returncode == 0, done.stderr
    dev = subprocess.Popen(
        [*COMMAND, "dev", "--port", "0", *here],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert dev.stdout
        ready = re.fullmatch(r"ready (http://127\.0\.0\.1:\d+)\n", dev.stdout.readline())
        assert ready
        with httpx.Client(base_url=ready[1], timeout=20) as client:
            yield client
    finally:
        dev.terminate()
        dev.communicate(timeout=30)


def shown(edge: httpx.Client) -> list[str]:
    return edge.post("/_fs/decide", json=ASKED).json()["decisions"]["home.recommended"]["items"]


@pytest.mark.slow
def test_overlays_show_at_once_and_say_what_they_did(
    run: Run, shop: Path, edge: httpx.Client, tmp_path: Path
) -> None:
    here = ("--project", str(shop), "--json")
    assert "socks" in shown(edge)
    (tmp_path / "stock.csv").write_text("item_id,available,price\nsocks,no,\nlaces,yes,2.50\n")
    dry = json.loads(run("overlay", "stock", "stock.csv", "--dry-run", *here).stdout)
    assert (dry["changed"], dry["items"], dry["dry_run"]) == (True, 2, True)
    assert "socks" in shown(edge)
    done = json.loads(run("overlay", "stock", "stock.csv", *here).stdout)
    assert (done["rows"], done["stock"], done["rejected"], done["counter"]) == (2, 2, 0, 2)
    assert "socks" not in shown(edge)
    assert "€2.50" in edge.get("/_fs/slot/home.recommended").text
    assert edge.get("/_fs/health").json()["overlays"] == {"stock": 2, "erased": 0, "off": []}
    off = json.loads(run("overlay", "off", "home.recommended", *here).stdout)
    assert off["off"] == ["home.recommended"]
    assert edge.get("/_fs/slot/home.recommended").status_code == 204
    assert json.loads(run("overlay", "on", "home.recommended", *here).stdout)["off"] == []
    status = json.loads(run("status", *here).stdout)
    assert (status["stock"], status["off"], status["counter"]) == (2, [], 4)
    key = run("key", "anna", "--project", str(shop)).stdout.strip()
    erased = json.loads(run("overlay", "erase", key, f"k1:{key}", *here).stdout)
    assert erased["erased"] == 1
    anna = edge.post("/_fs/decide", json={**ASKED, "visitor": key}).json()
    assert anna["decisions"]["home.recommended"]["reason"] != "visitor"


def test_a_wrong_overlay_ends_with_a_remedy(run: Run, shop: Path) -> None:
    here = ("--project", str(shop))
    (shop / "stock.csv").write_text("item_id,available\nsocks,maybe\n")
    for arguments, status, said in (
        (("erase", "anna@example.com"), 2, "'frontshelf key USER_ID' prints it"),
        (("erase", "k9:0123456789abcdef"), 2, "Known: k1"),
        (("off", "home.hero"), 2, "run 'frontshelf deploy'"),
        (("stock", str(shop / "nothing.csv")), 2, "no such file"),
        (("stock", str(shop / "stock.csv")), 1, "stock.csv:2: available: neither yes nor no"),
    ):
        ended = run("overlay", *arguments, *here)
        assert ended.returncode == status, ended.stderr
        assert said in ended.stderr
        assert ended.stdout == ""
