"""Reports and exit statuses that scripts rely on are those that docs/deploy.md tells of."""

from __future__ import annotations

import json
import re
from pathlib import Path

from toy_shop import RULES, compile_toy

GUIDE = Path(__file__).parents[2] / "docs" / "deploy.md"
CLOUDFLARE = ("--target", "cloudflare")


def told() -> dict[str, set[str]]:
    """Return the fields by command, as the guide's table has them."""
    part = GUIDE.read_text().split("## For machines")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", part, re.M)
    return {command: set(re.findall(r"`(\w+)`", fields)) for command, fields in rows}


def test_each_report_has_the_fields_that_the_guide_tells(call, toy):
    seen: dict[str, set[str]] = {}

    def run(command: str, *arguments: str, status: int = 0) -> None:
        where = () if command.startswith("keys") else CLOUDFLARE
        said = call(*command.split(), *arguments, "--json", *where, status=status).stdout
        found = json.loads(said)
        seen[command] = set(found[0] if isinstance(found, list) else found)

    compile_toy(toy)
    run("worker upload")
    run("worker status")
    run("deploy")
    toy.rules.write_text(RULES.replace("<b>new</b>", "<b>newer</b>"))
    compile_toy(toy)
    run("deploy", "--canary", "5%")
    run("status")
    run("promote --when-healthy", status=1)
    run("promote")
    run("rollback")
    run("releases")
    run("overlay off", "home.hero")
    run("gc")
    run("doctor")
    run("keys list")
    assert seen == told()


def test_a_wrong_call_ends_with_two_and_failed_work_with_one(call, toy):
    compile_toy(toy)
    call("deploy", "--canary", "none", status=2)
    call("nonsense", status=2)
    refused = call("deploy", *CLOUDFLARE, token="expired", status=1)
    assert refused.stdout == ""
    assert "expired" not in refused.stderr
