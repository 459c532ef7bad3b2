"""The store on disk: atomic, shared by processes, clear when the disk is not."""

import subprocess
import sys
import textwrap
import threading

import pytest

from control_plane.emulator.store import Namespace, Pair, Store
from control_plane.errors import PlatformError


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "kv.sqlite")
    yield opened
    opened.close()


def names(store, namespace="ns", **query):
    return [key.name for key in store.list_keys(namespace, **query).keys]


def test_what_is_put_is_there_after_opening_again(tmp_path):
    first = Store(tmp_path / "deep" / "kv.sqlite")
    first.put("ns", [Pair("a", b"\x00\xff", '{"m":1}', None)])
    first.close()
    second = Store(tmp_path / "deep" / "kv.sqlite")
    assert second.get("ns", "a") == Pair("a", b"\x00\xff", '{"m":1}', None)
    second.close()


def test_namespaces_keep_their_keys_apart(store):
    store.put("one", [Pair("a", b"1")])
    store.put("two", [Pair("a", b"2")])
    store.delete("one", ["a"])
    assert store.get("one", "a") is None
    assert store.get("two", "a").value == b"2"


def test_a_namespace_goes_with_its_pairs(store):
    assert store.add_namespace(Namespace("one", "One"))
    assert not store.add_namespace(Namespace("two", "One"))
    store.put("one", [Pair("a", b"1")])
    assert store.delete_namespace("one")
    assert not store.delete_namespace("one")
    assert store.get("one", "a") is None


def test_many_pairs_are_written_all_or_none(store):
    def pairs():
        yield Pair("a", b"1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put("ns", pairs())
    assert names(store) == []
    store.put("ns", [Pair("b", b"2")])
    assert names(store) == ["b"]


def test_expired_pairs_are_gone_from_every_reading(tmp_path):
    now = [1000.0]
    store = Store(tmp_path / "kv.sqlite", clock=lambda: now[0])
    store.put("ns", [Pair("a", b"1", None, 1060), Pair("b", b"2")])
    assert names(store) == ["a", "b"]
    now[0] = 1060
    assert store.get("ns", "a") is None
    assert names(store) == ["b"]
    store.close()


def test_prefixes_that_end_in_the_last_character_find_their_keys(store):
    last = "\U0010ffff"
    store.put("ns", [Pair(key, b"") for key in (last, last + "a", "z")])
    assert names(store, prefix=last) == [last, last + "a"]
    assert names(store, prefix="", limit=1) == ["z"]


def test_processes_write_at_the_same_time(store):
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from control_plane.emulator.store import Pair, Store
        store = Store(Path(sys.argv[1]))
        for number in range(50):
            store.put("ns", [Pair(f"{sys.argv[2]}-{number:02}", b"x" * 1000)])
        store.close()
    """)
    command = [sys.executable, "-c", script, str(store.file)]
    others = [subprocess.Popen([*command, name]) for name in ("a", "b")]
    for number in range(50):
        store.put("ns", [Pair(f"c-{number:02}", b"x")])
    assert [other.wait(60) for other in others] == [0, 0]
    assert len(names(store)) == 150


def test_a_reader_does_not_wait_for_a_long_write(store):
    store.put("ns", [Pair("a", b"before")])
    writing, go_on = threading.Event(), threading.Event()

    def pairs():
        yield Pair("a", b"after")
        writing.set()
        go_on.wait(10)

    writer = threading.Thread(target=lambda: store.put("ns", pairs()))
    writer.start()
    writing.wait(10)
    assert store.get("ns", "a").value == b"before"
    go_on.set()
    writer.join()
    assert store.get("ns", "a").value == b"after"


def test_a_full_disk_stores_nothing_and_says_what_to_do(store):
    store.put("ns", [Pair("a", b"1")])
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages + 10}")
    with pytest.raises(PlatformError, match=r"the disk is full\. Free some space"):
        store.put("ns", [Pair(f"k{number}", b"x" * 4000) for number in range(100)])
    assert names(store) == ["a"]


def test_a_damaged_file_is_named_with_what_to_do(tmp_path):
    file = tmp_path / "kv.sqlite"
    file.write_bytes(b"this is no database" * 1000)
    with pytest.raises(PlatformError, match=r"damaged\. Delete it") as caught:
        Store(file)
    assert str(file) in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlatformError, match=r"kv\.sqlite"):
        Store(tmp_path / "file" / "kv.sqlite")
