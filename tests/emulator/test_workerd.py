"""workerd as a supervised process: crashes, reloads, and nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import httpx
import pytest
from msgspec import structs

from control_plane.emulator.miniflare import Miniflare, Options
from control_plane.errors import InputError, PlatformError

SAYS = """export default { async fetch(request) {
  const wait = Number(new URL(request.url).searchParams.get("wait") ?? 0);
  if (wait) await new Promise((done) => setTimeout(done, wait));
  return new Response("VERSION");
} };"""


def says(version: str) -> str:
    return SAYS.replace("VERSION", version)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def eventually(true, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def test_a_worker_that_crashed_is_started_again(workerd):
    said = []
    with Miniflare(Options(script=says("one"), workerd=workerd, on_log=said.append)) as worker:
        first = worker.pid
        os.kill(first, signal.SIGKILL)
        assert worker.dispatch_fetch("http://x/").text == "one"
        # The new one may answer before it has told its supervisor that it listens.
        assert eventually(lambda: worker.pid != first)
        assert worker.restarts == 1
    assert any("workerd ended with status -9" in line.message for line in said)


def test_a_reload_answers_with_the_new_worker(workerd):
    with Miniflare(Options(script=says("one"), workerd=workerd)) as worker:
        first = worker.pid
        worker.set_options(structs.replace(worker.options, script=says("two")))
        assert worker.dispatch_fetch("http://x/").text == "two"
        assert not alive(first)


def test_a_worker_that_cannot_start_leaves_the_old_one_serving(workerd):
    options = Options(script=says("one"), workerd=workerd, on_log=lambda line: None)
    with Miniflare(options) as worker:
        with pytest.raises(PlatformError, match="Unexpected identifier"):
            worker.set_options(structs.replace(options, script="export default not a worker"))
        assert worker.dispatch_fetch("http://x/").text == "one"


def test_reloads_under_load_lose_no_request(workerd):
    options = Options(script=says("0"), workerd=workerd)
    failures, answers, stop = [], [], threading.Event()

    def load(address: str, keep_alive: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if keep_alive else 0)
        with httpx.Client(trust_env=False, limits=limits) as client:
            tries = 0
            while not stop.is_set():
                try:
                    answers.append(client.get(f"{address}/?wait=5").text)
                    tries = 0
                except httpx.HTTPError as error:
                    # A client that keeps connections sends again when one was closed meanwhile.
                    tries += 1
                    if tries > 1 or not keep_alive:
                        failures.append(repr(error))

    with Miniflare(options) as worker:
        threads = [
            threading.Thread(target=load, args=(worker.ready, number % 2 == 0))
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for version in range(1, 6):
            worker.set_options(structs.replace(options, script=says(str(version))))
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert {"0", "1", "2", "3", "4", "5"} <= set(answers)


def test_a_stuck_request_delays_the_end_no_longer_than_the_grace(workerd):
    said = []
    worker = Miniflare(Options(script=says("one"), workerd=workerd, on_log=said.append))
    worker._supervisor.grace_seconds = 0.3
    stuck = socket.create_connection(("127.0.0.1", httpx.URL(worker.ready).port))
    stuck.sendall(b"GET /?wait=60000 HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.2)
    pid, started = worker.pid, time.monotonic()
    worker.dispose()
    stuck.close()
    assert time.monotonic() - started < 3
    assert not alive(pid)


def test_disposal_leaves_no_process_port_thread_or_file(workerd):
    threads = set(threading.enumerate())
    with Miniflare(Options(script=says("one"), workerd=workerd)) as worker:
        pid, port, folder = worker.pid, httpx.URL(worker.ready).port, worker._folder
        assert folder.exists()
    assert not alive(pid)
    assert not folder.exists()
    assert set(threading.enumerate()) <= threads
    socket.create_server(("127.0.0.1", port)).close()


def test_a_taken_port_is_named_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port}") as caught:
            Miniflare(Options(script=says("one"), port=port))
    assert "--port" in caught.value.remedy


CHILD = """
    import sys, threading
    from pathlib import Path
    from control_plane.emulator import miniflare, workerd
    binary, tie = Path(sys.argv[1]), sys.argv[2]
    workerd.Supervisor.__init__.__kwdefaults__["tie"] = tie
    script = "export default { fetch() { return new Response('up'); } };"
    options = miniflare.Options(script=script, workerd=binary, persist=Path(sys.argv[3]))
    worker = miniflare.Miniflare(options)
    print(worker.pid, worker.ready, worker._folder, flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize("tie", ["pipe", "signal"] if sys.platform == "linux" else ["pipe"])
def test_no_workerd_outlives_a_parent_that_was_killed(workerd, tmp_path, tie):
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(workerd), tie, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    pid, address, folder = child.stdout.readline().split()
    assert httpx.get(address).text == "up"
    child.kill()
    child.wait()
    child.stdout.close()
    assert eventually(lambda: not alive(int(pid)))
    left_behind = Path(folder)
    assert left_behind.exists()
    with Miniflare(Options(script=says("next"), workerd=workerd, persist=tmp_path)):
        assert not left_behind.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_ctrl_c_in_the_terminal_reaches_us_and_not_workerd(workerd):
    with Miniflare(Options(script=says("one"), workerd=workerd)) as worker:
        assert os.getpgid(worker.pid) != os.getpgid(0)


def test_what_a_worker_logs_arrives_with_its_level(workerd):
    said = []
    script = """export default { fetch() {
      console.log("line", { a: 1 }); console.error("bad"); return new Response(); } };"""
    with Miniflare(Options(script=script, workerd=workerd, on_log=said.append)) as worker:
        worker.dispatch_fetch("http://x/")
        assert eventually(lambda: len(said) == 2)
    assert [(line.level, line.message) for line in said] == [
        ("log", "line { a: 1 }"),
        ("error", "bad"),
    ]
