"""A location's view of the store, through real workerd, on a clock that the test sets."""

import json
import threading

import pytest
from conftest import SCRIPT

from control_plane.emulator import Fault, ManualClock, Miniflare, Options, View
from control_plane.errors import InputError, PlatformError

VALUE = "0123456789" * 100


class Shop:
    """A worker that does what it is told with its binding, and the store elsewhere."""

    def __init__(self, worker: Miniflare, clock: ManualClock) -> None:
        self.worker, self.clock = worker, clock
        self.faults = worker.kv_view.faults
        self.elsewhere = worker.get_kv_namespace("KV")

    def here(self, method, *args):
        body = json.dumps({"method": method, "args": args})
        answer = self.worker.dispatch_fetch("http://toy/", method="POST", content=body).json()
        return answer.get("result", answer.get("error"))

    def get(self, key, ttl=30):
        return self.here("get", key, {"cacheTtl": ttl})


def opened(view: View, workerd) -> Miniflare:
    return Miniflare(
        Options(
            script=SCRIPT,
            kv_namespaces=("KV",),
            workerd=workerd,
            kv_view=view,
            on_log=lambda line: None,
        )
    )


@pytest.fixture(scope="module")
def strict(workerd):
    clock = ManualClock()
    view = View(propagation_seconds=20, cache=True, one_write_a_second=True, clock=clock)
    with opened(view, workerd) as worker:
        yield Shop(worker, clock)


@pytest.fixture(scope="module")
def plain(workerd):
    clock = ManualClock()
    with opened(View(clock=clock), workerd) as worker:
        yield Shop(worker, clock)


@pytest.fixture
def faulty(plain):
    plain.elsewhere.put("a", VALUE)
    yield plain
    plain.faults.clear()
    assert plain.get("a") == VALUE


def test_a_write_elsewhere_shows_after_its_propagation(strict):
    strict.elsewhere.put("new", "one")
    strict.clock.advance(21)
    assert strict.get("new") == "one"
    strict.elsewhere.put("new", "two")
    strict.clock.advance(31)
    assert strict.get("new") == "two"


def test_a_location_keeps_what_it_has_read_and_misses_too(strict):
    assert strict.get("kept") is None
    strict.elsewhere.put("kept", "one")
    strict.clock.advance(29)
    assert strict.get("kept") is None
    strict.clock.advance(2)
    assert strict.get("kept") == "one"
    strict.elsewhere.put("kept", "two")
    strict.clock.advance(25)
    assert strict.get("kept") == "one"


def test_a_shorter_cache_ttl_asks_again(strict):
    strict.elsewhere.put("ttl", "one")
    strict.clock.advance(21)
    assert strict.get("ttl", 3600) == "one"
    strict.elsewhere.put("ttl", "two")
    strict.clock.advance(100)
    assert strict.get("ttl", 3600) == "one"
    assert strict.get("ttl", 60) == "two"


def test_while_writes_are_on_their_way_the_newest_that_arrived_shows(strict):
    strict.elsewhere.put("row", "one")
    strict.clock.advance(10)
    strict.elsewhere.put("row", "two")
    strict.clock.advance(11)
    assert strict.get("row") == "one"
    strict.elsewhere.delete("row")
    strict.clock.advance(31)
    assert strict.get("row") is None


def test_what_a_location_writes_it_sees_at_once(strict):
    assert strict.get("own") is None
    strict.here("put", "own", "one")
    assert strict.get("own") == "one"
    strict.clock.advance(2)
    strict.here("delete", "own")
    assert strict.get("own") is None


def test_a_second_write_within_a_second_is_refused_wherever_it_comes_from(strict):
    strict.here("put", "hasty", "one")
    assert "429" in strict.here("put", "hasty", "two")
    with pytest.raises(PlatformError, match="Too Many") as caught:
        strict.elsewhere.put("hasty", "two")
    assert caught.value.status == 429
    strict.clock.advance(1)
    strict.elsewhere.put("hasty", "three")


def test_many_values_are_read_as_one_is(strict):
    strict.elsewhere.put("many", "one")
    assert strict.here("get", ["many", "no"]) == {"many": None, "no": None}
    strict.clock.advance(61)
    assert strict.here("get", ["many", "no"]) == {"many": "one", "no": None}


def test_keys_arrive_in_another_order_than_they_were_written_and_alike_in_every_run(workerd):
    def arrivals():
        clock = ManualClock(1_000_000.0)
        view = View(propagation_seconds=(0, 60), clock=clock, seed=3)
        with opened(view, workerd) as worker:
            shop = Shop(worker, clock)
            for number in range(8):
                shop.elsewhere.put(f"k{number}", "x")
            seen = []
            for _ in range(13):
                found = shop.here("get", [f"k{number}" for number in range(8)])
                seen.append(sorted(key for key, value in found.items() if value))
                clock.advance(5)
        return seen

    first = arrivals()
    assert first == arrivals()
    assert len(first[-1]) == 8
    assert any(seen and seen != [f"k{n}" for n in range(len(seen))] for seen in first)


def test_by_default_every_write_shows_at_once(plain):
    for value in ("one", "two"):
        plain.elsewhere.put("plain", value)
        assert plain.get("plain") == value


def test_a_failing_read_is_an_error(faulty):
    faulty.faults.add(Fault(kind="error", status=503))
    assert "503" in faulty.get("a")
    assert "503" in faulty.here("get", ["a", "b"])
    assert faulty.faults.met["error"] >= 2


def test_a_late_read_waits_on_the_tests_clock(faulty):
    faulty.faults.add(Fault(kind="late", key="a", seconds=9.0))
    met = faulty.faults.met["late"]
    answers = []
    asking = threading.Thread(target=lambda: answers.append(faulty.get("a")))
    asking.start()
    while faulty.faults.met["late"] == met:
        asking.join(0.01)
    assert answers == []
    while asking.is_alive():
        faulty.clock.advance(9)
        asking.join(0.05)
    assert answers == [VALUE]


def test_a_connection_breaks_at_once_or_half_way(faulty):
    for kind in ("reset", "cut"):
        faulty.faults.add(Fault(kind=kind))
        assert faulty.get("a") not in (VALUE, None)
        assert faulty.faults.met[kind] >= 1
        faulty.faults.clear()


def test_values_are_damaged(faulty):
    faulty.faults.add(Fault(kind="truncated"))
    assert VALUE.startswith(short := faulty.get("a"))
    assert len(short) < len(VALUE)
    faulty.faults.clear()
    faulty.faults.add(Fault(kind="corrupted"))
    changed = faulty.get("a")
    assert changed != VALUE
    assert faulty.get("a") == changed


def test_a_genuine_value_shows_under_another_key(faulty):
    faulty.elsewhere.put("b", "of b", metadata={"m": 1})
    faulty.faults.add(Fault(kind="swapped", key="a", other="b"))
    assert faulty.get("a") == "of b"
    assert faulty.get("b") == "of b"


def test_an_older_value_or_none_shows(faulty):
    faulty.elsewhere.put("s", "one")
    faulty.elsewhere.put("s", "two")
    faulty.faults.add(Fault(kind="stale", key="s"), Fault(kind="missing", key="a"))
    assert faulty.get("s") == "one"
    assert faulty.get("a") is None


def test_a_share_of_the_reads_fail_and_only_of_the_named_keys(faulty):
    faulty.elsewhere.put("i-1", VALUE)
    faulty.faults.add(Fault(kind="error", key="i-?", share=0.5))
    failed = sum(faulty.get("i-1") != VALUE for _ in range(40))
    assert 8 < failed < 32
    assert faulty.get("a") == VALUE


def test_writes_fail_too(faulty):
    faulty.faults.add(Fault(kind="error", on="write", status=500))
    assert "500" in faulty.here("put", "a", "two")
    assert "500" in faulty.here("delete", "a")
    assert faulty.get("a") == VALUE


HANGING = """
export default {
  async fetch(request, env) {
    const late = new Promise((done) => setTimeout(() => done("no answer"), 300));
    return new Response(await Promise.race([env.KV.get("a"), late]));
  },
};
"""


@pytest.mark.parametrize("kind", ["hang", "stall"])
def test_a_read_that_never_ends_is_the_workers_to_give_up(workerd, kind):
    options = {"script": HANGING, "kv_namespaces": ["KV"], "workerd": workerd}
    with Miniflare({**options, "kv_view": View(faults=(Fault(kind=kind),))}) as worker:
        worker.get_kv_namespace("KV").put("a", VALUE)
        for _ in range(3):
            assert worker.dispatch_fetch("http://toy/").text == "no answer"
        worker.kv_view.faults.clear()
        assert worker.dispatch_fetch("http://toy/").text == VALUE


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": "lost"}, "no fault"),
        ({"kind": "late", "share": 2}, "no share"),
        ({"kind": "stale", "on": "write"}, "A write can meet"),
    ],
)
def test_what_is_no_fault_is_an_input_error(wrong, words):
    with pytest.raises(InputError, match=words):
        Fault(**wrong)
