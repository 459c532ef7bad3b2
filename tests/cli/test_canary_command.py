"""`frontshelf deploy --canary`, `promote`, and what other commands say of a canary."""

from __future__ import annotations

import json

import pytest
from cloud import NAMESPACE
from toy_shop import RULES, compile_toy

CLOUDFLARE = ("--target", "cloudflare")


@pytest.fixture
def said(call):
    """Return a command's report as JSON."""
    return lambda *arguments: json.loads(call(*arguments, "--json", *CLOUDFLARE).stdout)


def compile_next(toy):
    toy.rules.write_text(RULES.replace("<b>new</b>", "<b>newer</b>"))
    return compile_toy(toy).release


def test_a_release_goes_from_a_few_devices_to_everyone(call, said, toy):
    first = compile_toy(toy).release
    refused = call("deploy", "--canary", "5%", *CLOUDFLARE, status=2).output
    assert "nothing is live" in refused
    call("deploy", *CLOUDFLARE)
    second = compile_next(toy)
    shown = call("deploy", "--canary", "5%", *CLOUDFLARE).stdout
    assert f"release {second} is live for 5.0% of devices" in shown
    status = said("status")
    assert (status["live"], status["canary"], status["canary_share"]) == (first, second, 0.05)
    assert [one["state"] for one in said("releases")] == ["live", "canary"]
    assert f"{second} is the canary of 5.0%" in call("promote", "--dry-run", *CLOUDFLARE).stdout
    assert said("status")["live"] == first
    assert "is live for everyone" in call("promote", *CLOUDFLARE).stdout
    assert (said("status")["live"], said("status")["previous"]) == (second, first)
    assert "has no canary" in call("promote", *CLOUDFLARE, status=2).output


def test_a_canary_ends_by_a_rollback(call, said, toy):
    first = compile_toy(toy).release
    call("deploy", *CLOUDFLARE)
    second = compile_next(toy)
    call("deploy", "--canary", "20", *CLOUDFLARE)
    assert f"the canary {second} ended" in call("rollback", *CLOUDFLARE).stdout
    assert said("status")["canary"] is None
    assert said("status")["live"] == first


def counted(call, cloud, said, faults: int) -> str:
    """Begin a canary, as many of whose decisions met a fault, by the counts of two isolates."""
    status = said("status")
    head = {"since": 4e12, "until": 4e12}
    tallies = {
        status["live"]: {"decisions": 9_000, "faults": 1},
        status["canary"]: {"decisions": 1_000, "faults": faults},
    }
    for isolate in ("0123456789ab", "ba9876543210"):
        key = f"h-{status['canary']}-{isolate}"
        url = f"{cloud.account}/storage/kv/namespaces/{NAMESPACE}/values/{key}"
        cloud.result("PUT", url, content=json.dumps({**head, "releases": tallies}))
    return status["canary"]


@pytest.mark.parametrize(("faults", "status"), [(0, 0), (50, 1)])
def test_a_rule_promotes_or_ends_it(call, said, toy, cloud, faults, status):
    first = compile_toy(toy).release
    call("deploy", *CLOUDFLARE)
    compile_next(toy)
    call("deploy", "--canary", "10%", *CLOUDFLARE)
    waits = call("promote", "--when-healthy", *CLOUDFLARE, status=1).stdout
    assert "waiting: 0 decisions of the canary" in waits
    second = counted(call, cloud, said, faults)
    assert said("status")["canary_health"]["canary"]["decisions"] == 2_000
    call("promote", "--when-healthy", "--dry-run", *CLOUDFLARE, status=status)
    assert said("status")["canary"] == second
    done = call("promote", "--when-healthy", "--watch", "1", *CLOUDFLARE, status=status).stdout
    if faults:
        assert "faults in 5.00% of decisions, 0.01% of what is live" in done
        assert f"the canary {second} ended" in done
    else:
        assert f"release {second} is live for everyone" in done
    assert said("status")["live"] == (first if faults else second)


def test_watching_without_a_rule_is_refused(call):
    assert "--when-healthy" in call("promote", "--watch", "5", status=2).output


@pytest.mark.parametrize("share", ["0%", "101%", "some"])
def test_a_share_that_is_none_is_refused(call, share):
    assert "is no share" in call("deploy", "--canary", share, status=2).output


def test_a_draft_is_no_canary(call):
    assert "live for nobody" in call("deploy", "--draft", "--canary", "5%", status=2).output
