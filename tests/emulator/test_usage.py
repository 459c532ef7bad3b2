"""The platform's limits that workerd does not enforce."""

import threading

import pytest
from starlette.responses import PlainTextResponse

from control_plane.emulator import Allowance, Miniflare, Options
from control_plane.errors import PlatformError

SCRIPT = """
const kept = [0];
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url), n = Number(searchParams.get("n"));
    if (pathname === "/think") for (let i = 0; i < n * 1e6; i++) kept[0] = Math.sin(i);
    if (pathname === "/keep") for (let i = 0; i < n; i++) kept.push(new Uint8Array(1e6).fill(i));
    if (pathname === "/ask") for (let i = 0; i < n; i++) await fetch("http://origin/");
    if (pathname === "/read") for (let i = 0; i < n; i++) await env.KV.get(`k${i}`);
    if (pathname === "/bulk") await env.KV.get(Array.from({ length: n }, (_, i) => `k${i}`));
    return new Response("done");
  },
};
"""

ALLOWANCE = Allowance(cpu_ms=80, memory_mb=64, subrequests=5, kv_calls=8)
WORTH = {"/think": ("cpu_ms", 12), "/keep": ("memory_mb", 90), "/ask": ("subrequests", 6)}
WORTH["/read"] = ("kv_calls", 9)


async def origin(scope, receive, send):
    await PlainTextResponse("shop")(scope, receive, send)


def opened(workerd, lines, **changes):
    return Miniflare(
        Options(
            script=SCRIPT,
            kv_namespaces=("KV",),
            origin=origin,
            workerd=workerd,
            on_log=lines.append,
            **changes,
        )
    )


@pytest.fixture(scope="module")
def worker(workerd):
    lines = []
    with opened(workerd, lines, allowance=ALLOWANCE) as worker:
        worker.lines = lines
        yield worker


@pytest.mark.parametrize("path", ["/ask", "/read", "/think", "/keep"])
def test_what_uses_too_much_is_counted_and_logged(worker, path):
    limit, amount = WORTH[path]
    before = worker.usage.counts[limit]
    assert worker.dispatch_fetch(f"http://x{path}?n={amount}").text == "done"
    assert worker.usage.counts[limit] == before + 1
    breach = next(b for b in reversed(worker.usage.breaches) if b.limit == limit)
    assert breach.used > breach.allowed
    assert breach.where == f"GET {path}"
    assert any(line.level == "warn" and limit in line.message for line in worker.lines)


def test_what_keeps_the_limits_is_not_mentioned(worker):
    before = [*worker.usage.breaches]
    worker.dispatch_fetch("http://x/ask?n=5")
    assert worker.usage.last["subrequests"] == 5
    worker.dispatch_fetch("http://x/bulk?n=100")
    assert worker.usage.last["kv_calls"] == 1
    new = worker.usage.breaches[len(before) :]
    assert [breach for breach in new if breach.limit in ("subrequests", "kv_calls")] == []


def test_requests_that_overlap_are_not_blamed_for_each_other(worker):
    before = worker.usage.counts["kv_calls"]
    asking = [
        threading.Thread(target=worker.dispatch_fetch, args=(f"http://x/think?n={n}",))
        for n in (12, 12)
    ]
    for one in asking:
        one.start()
    while worker.usage._running < 2:
        asking[0].join(0.01)
    worker.dispatch_fetch("http://x/read?n=9")
    for one in asking:
        one.join()
    assert worker.usage.counts["kv_calls"] == before


def test_strictly_taken_it_is_the_platforms_error(workerd):
    strict = Allowance(cpu_ms=1e6, memory_mb=1e6, subrequests=2, strict=True)
    with opened(workerd, [], allowance=strict) as worker:
        answer = worker.dispatch_fetch("http://x/ask?n=3")
        assert answer.status_code == 503
        assert "1102" in answer.text
        assert "subrequests: 3 of 2" in answer.text
        assert worker.dispatch_fetch("http://x/ask?n=2").text == "done"


def test_a_script_too_large_is_said_and_strictly_taken_refused(workerd):
    lines = []
    with opened(workerd, lines, allowance=Allowance(script_mb=0.0001)) as worker:
        assert worker.usage.counts["script_mb"] == 1
        assert "the script" in lines[0].message
    with pytest.raises(PlatformError, match="script_mb"):
        opened(workerd, [], allowance=Allowance(script_mb=0.0001, strict=True))
