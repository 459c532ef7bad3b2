"""A canary is promoted, ended or waited for by what isolates counted."""

import json
import random

import msgspec
import pytest

from control_plane.deploy.canary_health import Tally, canary_health, judge
from control_plane.deploy.head import read_head
from control_plane.deploy.publish import publish
from control_plane.settings import Deploy

RULE = Deploy()
FINE = Tally(decisions=20_000, empty=200, faults=2, reads=4_000, read_ms=40_000)


def some(**changes) -> Tally:
    """A canary of a tenth of the visitors, which fares as what is live does but for this."""
    tenth = Tally(decisions=2_000, empty=20, faults=0, reads=400, read_ms=4_000)
    return msgspec.structs.replace(tenth, **changes)


def verdict(live: Tally, canary: Tally) -> str:
    return judge(live, canary, RULE)[0]


def test_what_fares_alike_is_healthy():
    assert verdict(FINE, some()) == "healthy"
    assert verdict(FINE, some(empty=0, read_ms=1_000)) == "healthy"


def test_too_few_decisions_are_waited_for_and_counted():
    level, reasons = judge(FINE, some(decisions=999, empty=9), RULE)
    assert level == "waiting"
    assert "999 decisions of the canary" in reasons[0]
    assert verdict(Tally(), some()) == "waiting"
    assert verdict(Tally(), Tally()) == "waiting"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"faults": 40}, "faults in 2.00% of decisions, 0.01%"),
        ({"empty": 100}, "empty shelves in 5.00% of decisions, 1.00%"),
        ({"read_ms": 40_000}, "a read takes 100 ms, 10 ms"),
    ],
)
def test_what_is_worse_is_named(changes, word):
    level, reasons = judge(FINE, some(**changes), RULE)
    assert level == "unhealthy"
    assert word in reasons[0]


def test_a_broken_canary_is_ended_before_there_are_many_decisions():
    assert verdict(FINE, some(decisions=60, faults=60, empty=0)) == "unhealthy"


def test_one_fault_in_a_few_decisions_is_chance():
    assert verdict(FINE, some(decisions=50, faults=1, empty=0)) == "waiting"


def test_slower_reads_that_nobody_notices_are_no_harm():
    assert verdict(FINE, some(read_ms=400 * 25)) == "healthy"


def test_a_canary_that_is_alike_is_hardly_ever_ended_by_chance():
    draw = random.Random(7)

    def drawn(count: int) -> Tally:
        return Tally(
            decisions=count,
            empty=sum(draw.random() < 0.02 for _ in range(count)),
            faults=sum(draw.random() < 0.001 for _ in range(count)),
        )

    ended = sum(verdict(drawn(4_000), drawn(1_000)) == "unhealthy" for _ in range(200))
    assert ended <= 3


@pytest.fixture
def canary(target, build, project):
    """Return a function that tells of the canary after isolates told their counts."""
    publish(target, build("one", [b"bear"]), project)
    publish(target, build("two", [b"ball"]), project, canary=0.1)
    head = read_head(target, project)

    def told(*isolates: bytes):
        for number, value in enumerate(isolates):
            target.put(f"h-two-{number:012x}", value)
        return canary_health(target, head, head.canary, RULE)

    told.since = head.canary.since
    return told


def counts(since: float, one: int = 900, two: int = 300, **more) -> bytes:
    releases = {"one": {"decisions": one}, "two": {"decisions": two, **more}}
    return json.dumps({"since": since, "until": since + 1, "releases": releases}).encode()


def test_counts_of_all_isolates_are_summed(canary):
    health = canary(*[counts(canary.since + 1) for _ in range(5)])
    assert (health.verdict, health.isolates) == ("healthy", 5)
    assert (health.live.decisions, health.canary.decisions) == (4_500, 1_500)


def test_counts_from_before_this_canary_say_nothing_of_it(canary):
    assert canary(counts(canary.since - 1, faults=300)).isolates == 0


def test_what_is_no_counts_is_left_out_and_said(canary, caplog):
    health = canary(b"{", counts(canary.since + 1))
    assert health.isolates == 1
    assert "holds no counts" in caplog.text


def test_without_counts_it_waits(canary):
    assert canary().verdict == "waiting"


def test_a_canary_that_nobody_can_open_is_not_waited_for(canary, target, project):
    target.delete_many([read_head(target, project).canary.manifest])
    health = canary()
    assert health.verdict == "unhealthy"
    assert "missing or changed" in health.reasons[0]
