"""EdgeKV as a target: what it knows of the platform, and a deployment that is killed anywhere."""

from __future__ import annotations

import json
import logging

import httpx
import msgspec
import pytest
from akamai_cloud import GROUP, NAMESPACE, open_akamai
from memory_edgekv import MemoryEdgeKV
from weather import Killed

from control_plane.deploy.akamai import edgekv as akamai
from control_plane.deploy.akamai.api import AkamaiApi
from control_plane.deploy.akamai.edgegrid import Credentials
from control_plane.deploy.akamai.edgekv import GRANT, GROUPS, MISSING, AkamaiKV, group_of
from control_plane.deploy.akamai.edgerc import load_credentials
from control_plane.deploy.akamai.pace import Pace
from control_plane.deploy.history import releases
from control_plane.deploy.publish import publish
from control_plane.deploy.retry import Retry
from control_plane.emulator.akamai_api import Grant
from control_plane.emulator.akamai_api.limits import Limits
from control_plane.errors import InputError, PlatformError

KNOWN = Credentials(
    host="akab.test", client_token="a-token", client_secret="a-secret", access_token="access"
)


class Time:
    """A clock that sleeping moves on."""

    def __init__(self) -> None:
        self.now, self.slept = 100.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def connect(handle, time: Time | None = None, name: str = "akamai", **more) -> AkamaiKV:
    time = time or Time()
    api = AkamaiApi(
        KNOWN,
        grant=GRANT,
        missing=MISSING,
        retry=Retry(attempts=3, sleep=time.sleep),
        transport=httpx.MockTransport(handle),
        **more,
    )
    return AkamaiKV(api, "staging", NAMESPACE, GROUP, name=name, clock=lambda: time.now)


def test_keys_of_a_kind_spread_over_all_groups():
    counts = [0] * GROUPS
    for number in range(3_200):
        key = f"i-{number * 7_919_999_983 % 2**128:032x}"
        counts[int(group_of("g", key).removeprefix("g-"))] += 1
    assert min(counts) > 30


def test_a_write_that_does_not_show_yet_is_waited_for_a_minute_at_most():
    memory, time = MemoryEdgeKV(), Time()
    with connect(memory.handle, time) as target:
        target.put("head", b"new")
        place = f"{group_of(GROUP, 'head')}/head"
        new, shown = memory.texts.pop(place), 3

        def late(request: httpx.Request) -> httpx.Response:
            if len(time.slept) == shown:
                memory.texts[place] = new
            return memory.handle(request)

        target._api._client._transport = httpx.MockTransport(late)
        assert target.get("head") == b"new"
        assert time.slept == [2.0] * 3
        del memory.texts[place]
        shown = -1
        assert target.get("head") is None
        assert time.now < 100 + 62
        time.slept.clear()
        assert target.get("other") is None
        assert time.slept == []


@pytest.mark.parametrize(("items", "listed"), [(250, 100), (120, 100)])
def test_a_listing_that_leaves_items_out_is_not_believed(tmp_path, items, listed):
    with open_akamai(tmp_path, listed_items=listed) as cloud:
        api = AkamaiApi(cloud.client.credentials, base_url=cloud.url, grant=GRANT, missing=MISSING)
        with AkamaiKV(api, "staging", NAMESPACE, GROUP) as target:
            same = [key for key in map("i-{}".format, range(20_000)) if group_of("", key) == "-0"]
            target.put_many((key, b"x") for key in same[:items])
            with pytest.raises(PlatformError, match="more items than EdgeKV lists"):
                list(target.keys("m-"))


def test_exactly_as_many_items_as_are_listed_is_no_error(tmp_path):
    same = [key for key in map("i-{}".format, range(20_000)) if group_of("", key) == "-0"][:100]
    with open_akamai(tmp_path, listed_items=100) as cloud:
        api = AkamaiApi(cloud.client.credentials, base_url=cloud.url, grant=GRANT, missing=MISSING)
        with AkamaiKV(api, "staging", NAMESPACE, GROUP) as target:
            target.put_many((key, b"x") for key in same)
            assert list(target.keys()) == sorted(same)


def test_a_namespace_that_forgets_is_refused_before_anything_is_written():
    memory = MemoryEdgeKV()
    memory.retention = 30 * 86_400
    with connect(memory.handle) as target, pytest.raises(InputError, match="30 days"):
        target.put("head", b"x")
    assert memory.texts == {}


def test_a_missing_namespace_is_no_empty_shelf(tmp_path):
    with open_akamai(tmp_path) as cloud:
        api = AkamaiApi(cloud.client.credentials, base_url=cloud.url, grant=GRANT, missing=MISSING)
        with (
            AkamaiKV(api, "staging", "other", GROUP) as target,
            pytest.raises(PlatformError, match=r"akamai\.namespace"),
        ):
            target.get("head")


def test_a_client_without_the_grant_is_told_which(tmp_path):
    with open_akamai(tmp_path) as cloud:
        narrow = cloud.admit(Grant("edgekv", "READ-ONLY")).credentials
        api = AkamaiApi(narrow, base_url=cloud.url, grant=GRANT, missing=MISSING)
        with AkamaiKV(api, "staging", NAMESPACE, GROUP) as target:
            assert target.get("head") is None
            with pytest.raises(PlatformError, match="EdgeKV: READ-WRITE") as raised:
                target.put("head", b"x")
        assert raised.value.status == 403


def test_what_other_people_wrote_there_is_no_value():
    memory = MemoryEdgeKV()
    memory.texts[f"{group_of(GROUP, 'head')}/head"] = "plain text"
    with connect(memory.handle) as target, pytest.raises(PlatformError, match="not base64"):
        target.get("head")


@pytest.mark.parametrize("status", [429, 500, 503, 524])
def test_a_busy_platform_is_asked_again(status, caplog):
    memory, refusals = MemoryEdgeKV(), [2]

    def busy(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT" and refusals[0]:
            refusals[0] -= 1
            return httpx.Response(status, json={"detail": "echo a-secret", "status": status})
        return memory.handle(request)

    time = Time()
    pace = Pace(100, lambda: time.now, time.sleep)
    with caplog.at_level(logging.WARNING), connect(busy, time, pace=pace) as target:
        target.put("head", b"x")
    assert len(memory.texts) == 1
    assert caplog.text.count("Trying again") == 2
    assert "a-secret" not in caplog.text
    assert pace.per_second == pytest.approx(50 if status == 429 else 100, abs=3)


def test_a_rate_limit_slows_a_deployment_down_and_loses_nothing(tmp_path):
    with open_akamai(tmp_path, hits_per_second=10) as cloud:
        cloud.clock.advance(1)
        retry = Retry(sleep=lambda seconds: cloud.clock.advance(max(1.0, seconds)))
        api = AkamaiApi(
            cloud.client.credentials,
            base_url=cloud.url,
            grant=GRANT,
            missing=MISSING,
            retry=retry,
            pace=Pace(100, cloud.clock, cloud.clock.advance),
        )
        with AkamaiKV(api, "staging", NAMESPACE, GROUP) as target:
            target.put_many((f"i-{number}", b"%d" % number) for number in range(60))
            assert api.calls_per_second < 100
            cloud.api.edgekv.limits = Limits()
            assert len(list(target.keys())) == 60
            assert target.get("i-59") == b"59"


def test_after_the_last_attempt_the_refusal_says_what_to_do_and_no_secret():
    def refuse(request: httpx.Request) -> httpx.Response:
        said = {"title": "Too Many", "detail": "wait, access a-secret", "errorCode": "EKV_9100"}
        return httpx.Response(429, json=said)

    with connect(refuse) as target, pytest.raises(PlatformError) as raised:
        target.get("head")
    text = str(raised.value)
    assert "status 429, EKV_9100 wait" in text
    assert "run the command again later" in text
    assert "a-secret" not in text
    assert "access" not in text.replace("[secret]", "")


def test_a_clock_that_is_off_is_named():
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"detail": "Invalid timestamp"})

    with connect(refuse) as target, pytest.raises(PlatformError, match="clock is off"):
        target.get("head")


def test_calls_are_spaced_out_evenly():
    time = Time()
    pace = Pace(4, lambda: time.now, time.sleep)
    for _ in range(5):
        pace.wait()
    assert time.now == pytest.approx(101)
    for _ in range(8):
        pace.slow_down()
    assert pace.per_second == 2, "refusals at once count once"
    for _ in range(10):
        time.now += 1
        pace.slow_down()
    assert pace.per_second == 0.5
    for _ in range(400):
        pace.wait()
    assert pace.per_second == 4


def test_the_plan_counts_the_calls_that_follow_and_names_no_price(build, project):
    memory, time = MemoryEdgeKV(), Time()
    pace = Pace(10, lambda: time.now, time.sleep)
    one = build("one", [b"bear", b"ball"])
    with connect(memory.handle, time, pace=pace) as target:
        planned = publish(target, one, project, dry_run=True).plan
    memory.count = 0
    with connect(memory.handle, time, pace=pace) as target:
        publish(target, one, project)
    assert memory.count == planned.requests
    assert planned.cost_usd is None
    assert planned.seconds == pytest.approx(planned.requests / 10, abs=0.1)


@pytest.mark.parametrize("die", ["before", "after"])
def test_killed_at_any_request_the_shelf_stays_whole_and_the_next_run_finishes(
    die, build, project, live, monkeypatch
):
    monkeypatch.setattr(akamai, "GROUPS", 3)  # fewer listings to be killed in
    one, two = build("one", [b"bear", b"ball"]), build("two", [b"ball", b"kite", b"drum"])
    for request in range(300):
        memory, name = MemoryEdgeKV(die=die), f"akamai-{request}"
        with connect(memory.handle, name=name) as target:
            publish(target, one, project)
        memory.count, memory.die_at = 0, request
        with connect(memory.handle, name=name) as target:
            try:
                publish(target, two, project)
            except Killed:
                pass
            else:
                assert request > 15
                return
        memory.die_at = None
        seen = live(values(memory))
        assert seen.live.release in ("one", "two")
        with connect(memory.handle, name=name) as target:
            publish(target, two, project)
            done = live(values(memory))
            assert (done.live.release, done.previous.release) == ("two", "one")
            assert done.counter >= seen.counter
            assert [entry.release for entry in releases(target, project)] == ["two", "one"]
    pytest.fail("the deployment never ended")


@pytest.mark.parametrize("fault", [429, 503, 524, "cut", "lost"])
def test_a_fault_at_any_request_is_overcome(fault, build, project, live, monkeypatch):
    monkeypatch.setattr(akamai, "GROUPS", 3)
    one = build("one", [b"bear", b"ball"])
    for request in range(100):
        memory, seen = MemoryEdgeKV(), [0]

        def handle(sent: httpx.Request, at=request, memory=memory, seen=seen) -> httpx.Response:
            here, seen[0] = seen[0] == at, seen[0] + 1
            if here and fault == "cut":
                raise httpx.ConnectError("cut", request=sent)
            if here and fault != "lost":
                return httpx.Response(fault, json={"detail": "busy"})
            answer = memory.handle(sent)
            if here:
                raise httpx.ReadError("lost", request=sent)
            return answer

        with connect(handle, name=f"akamai-{fault}-{request}") as target:
            assert publish(target, one, project).head_moved
        assert live(values(memory)).live.release == "one"
        if seen[0] <= request:
            break
    assert request > 12


def values(memory: MemoryEdgeKV) -> dict[str, bytes]:
    target = connect(memory.handle)
    with target:
        return {key: target.get(key) for key in [*target.keys()]}


EDGERC = """[default]
host = akab-1.luna.akamaiapis.net
client_token = ct
client_secret = cs=x%y
access_token = at
max-body = 2048
[half]
host = akab-1.luna.akamaiapis.net
"""
VARIABLES = ("AKAMAI_HOST", "AKAMAI_CLIENT_TOKEN", "AKAMAI_CLIENT_SECRET", "AKAMAI_ACCESS_TOKEN")


@pytest.fixture
def edgerc(tmp_path, monkeypatch):
    file = tmp_path / ".edgerc"
    file.write_text(EDGERC)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AKAMAI_EDGERC", str(file))
    return file


def test_credentials_come_from_a_section_of_the_file(edgerc):
    found = load_credentials("default")
    assert found.host == "akab-1.luna.akamaiapis.net"
    assert (found.client_secret, found.max_body) == ("cs=x%y", 2048)
    assert "cs" not in repr(found)
    with pytest.raises(InputError, match=r"lacks client_token, client_secret, access_token"):
        load_credentials("half")
    with pytest.raises(InputError, match=r"there are default, half"):
        load_credentials("other")


def test_the_environment_wins_over_the_file_and_must_be_whole(edgerc, monkeypatch):
    for name in VARIABLES[1:]:
        monkeypatch.setenv(name, f"x-{name}")
    with pytest.raises(InputError, match="the environment lacks AKAMAI_HOST"):
        load_credentials("default")
    monkeypatch.setenv("AKAMAI_HOST", "https://akab-2.test/")
    assert load_credentials("default").host == "akab-2.test"


def test_a_file_that_is_none_is_refused_without_showing_it(edgerc):
    edgerc.write_text("client_secret = visible\n")
    with pytest.raises(InputError, match=r"is no \.edgerc file") as raised:
        load_credentials("default")
    assert "visible" not in str(raised.value)
    edgerc.unlink()
    with pytest.raises(InputError, match="no Akamai credentials"):
        load_credentials("default")


@pytest.mark.parametrize("url", ["http://akamai.test", "ftp://x", "https://", "akab.test"])
def test_signed_requests_never_go_in_clear(url):
    with pytest.raises(InputError, match="no address for signed requests"):
        AkamaiApi(KNOWN, base_url=url, grant=GRANT, missing=MISSING)


def test_secrets_that_no_header_can_hold_are_refused_unshown():
    broken = msgspec.structs.replace(KNOWN, client_secret="a b\n")
    with pytest.raises(InputError, match="client_secret") as raised:
        AkamaiApi(broken, grant=GRANT, missing=MISSING)
    assert "a b" not in json.dumps(str(raised.value))
