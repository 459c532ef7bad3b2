"""`frontshelf doctor`, for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import Run


def test_the_exit_status_says_whether_there_is_a_problem(run: Run, tmp_path: Path) -> None:
    assert run("init", "shop").returncode == 0
    well = run("doctor", "--project", "shop", "--target", "folder")
    assert (well.returncode, "PROBLEM" in well.stdout) == (0, False)
    assert "warning  head: nothing is deployed" in well.stdout
    (tmp_path / "shop" / "keys" / "head.pem").unlink()
    ill = run("doctor", "--project", "shop", "--target", "folder", "--json")
    found = {one["check"]: one for one in json.loads(ill.stdout)}
    assert (ill.returncode, found["keys"]["level"]) == (1, "problem")
    assert "frontshelf init" in found["keys"]["remedy"]


def test_a_target_that_cannot_be_opened_is_a_finding_too(run: Run) -> None:
    assert run("init", "shop").returncode == 0
    done = run("doctor", "--project", "shop", "--target", "cloudflare")
    assert done.returncode == 1
    assert "cloudflare.account_id" in done.stdout
    assert "ok       keys" in done.stdout
