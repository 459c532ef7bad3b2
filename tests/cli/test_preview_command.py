"""`frontshelf preview` prints a link that forces what it says, and refuses what does not exist."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result
from command_line import Run
from toy_shop import RULES, compile_toy, make_project

from control_plane.cli import main

SHOP = "https://shop.example/sale?a=1"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled toy project."""
    root = tmp_path_factory.mktemp("previewed")
    project = make_project(root, RULES)
    (root / "frontshelf.toml").write_text('[shop]\nname = "toy"\nenvironment = "test"\n')
    compile_toy(project)
    return root


def claims(link: str) -> dict[str, Any]:
    (token,) = parse_qs(urlsplit(link).query)["fs_preview"]
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "==")))


def test_the_link_says_what_is_forced_and_until_when(run: Run, shop: Path) -> None:
    forced = ["--segments", "shoe-fans, others", "--variation", "t1=1", "--country", "FR"]
    forced += ["--slot", "home.hero=hero-fan", "--at", "2026-11-27T09:00", "--minutes", "5"]
    done = run("preview", *forced, "--url", SHOP, "--project", str(shop))
    assert done.returncode == 0, done.stderr
    link = done.stdout.strip()
    assert link.startswith(f"{SHOP}&fs_preview=1.")
    assert done.stderr.startswith(
        "For 5 minutes: segments shoe-fans and others, t1=1, home.hero=hero-fan, "
    )
    assert "at 2026-11-27T09:00" in done.stderr
    said = claims(link)
    assert abs(said.pop("until") - time.time() - 300) < 120
    assert said == {
        "segments": ["shoe-fans", "others"],
        "variations": {"t1": 1},
        "slots": {"home.hero": "hero-fan"},
        "country": "FR",
        "at": 1795766400000,
    }


def test_a_draft_is_put_in_place_and_linked(shop: Path) -> None:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--target", "folder", "--project", str(shop)])

    asked = ["preview", "--release", "draft", "--url", SHOP]
    missing = call(*asked)
    assert missing.exit_code == 2
    assert "frontshelf deploy --draft" in missing.stderr
    deployed = call("deploy", "--draft")
    assert deployed.exit_code == 0, deployed.stderr
    assert "draft" in deployed.stdout
    assert json.loads(call("status", "--json").stdout)["live"] is None
    done = call(*asked, "--json")
    assert done.exit_code == 0, done.stderr
    answer = json.loads(done.stdout)
    assert claims(answer["url"])["manifest"].startswith("m-")
    assert answer["forced"]["release"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--variation", "t2=1"], "Known: t1"),
        (["--variation", "t1=2"], "0 to 1"),
        (["--variation", "t1"], "hero-test=1"),
        (["--slot", "home.hero=nothing-such"], "nothing-such"),
        (["--slot", "home.her=hero"], "home.hero"),
        (["--country", "France"], "FR"),
        (["--at", "soon"], "2026-11-27T09:00"),
        (["--release", "nowhere", "--target", "folder"], "nowhere"),
        (["--segments", ",".join(["long"] * 500)], "cookie"),
    ],
)
def test_what_does_not_exist_is_refused(shop: Path, arguments: list[str], word: str) -> None:
    asked = ["preview", *arguments, "--url", SHOP, "--project", str(shop)]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 2
    assert word in done.stderr
