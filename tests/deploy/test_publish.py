"""A release goes out in an order that never shows a broken shelf, and only once."""

import json
import shutil

import msgspec
import pytest

from control_plane.deploy.folder import Folder
from control_plane.deploy.head import Head, Live, sign
from control_plane.deploy.history import releases
from control_plane.deploy.publish import publish
from control_plane.errors import InputError, PlatformError, TableError
from control_plane.keyring import load_signing_key, make_keys
from control_plane.tables import value_key

ITEMS = [b"bear", b"ball", b"boat"]


def test_values_go_first_then_the_manifest_then_the_head(target, memory, build, project):
    folder = build("one", ITEMS)
    manifest = json.loads((folder / "release.json").read_text())["manifest"]
    publish(target, folder, project)
    assert memory.writes() == ["PUT bulk", f"PUT values/{manifest}", "PUT values/head"]


def test_a_release_is_read_back_before_the_head_moves(target, memory, build, project):
    publish(target, build("one", ITEMS), project)
    between = memory.log[memory.log.index("PUT bulk") + 2 : -1]
    assert len(between) == 1 + len(ITEMS) + 1  # the manifest, all (few) values, the head again
    assert all(line.startswith("GET values/") for line in between)


def test_the_head_names_the_release_and_the_one_before(target, memory, build, project, live):
    publish(target, build("one", ITEMS), project)
    first = live(memory.values)
    publish(target, build("two", [b"kite"]), project)
    second = live(memory.values)
    assert (first.counter, first.previous) == (1, None)
    assert (second.counter, second.live.release, second.previous) == (2, "two", first.live)


def test_deploying_again_writes_nothing(target, memory, build, project):
    folder = build("one", ITEMS)
    publish(target, folder, project)
    before = list(memory.writes())
    report = publish(target, folder, project)
    assert memory.writes() == before
    assert (report.written, report.skipped, report.head_moved) == (0, 3, False)
    assert report.plan.nothing_to_do


def test_what_two_releases_share_is_written_once(target, build, project):
    publish(target, build("one", ITEMS), project)
    report = publish(target, build("two", [*ITEMS[:2], b"kite"]), project)
    assert (report.written, report.skipped) == (2, 2)  # one value and the manifest


def test_a_live_release_that_lost_a_value_is_mended_without_a_new_head(
    target, memory, build, project, live
):
    folder = build("one", ITEMS)
    publish(target, folder, project)
    del memory.values[value_key("i", b"ball")]
    report = publish(target, folder, project)
    assert (report.written, report.head_moved) == (1, False)
    assert live(memory.values).counter == 1


def test_a_listed_value_with_other_bytes_is_written_again(target, memory, build, project, live):
    memory.values[value_key("i", b"ball")] = b"rubbish"
    publish(target, build("one", ITEMS), project)
    assert live(memory.values).live.release == "one"


def test_a_store_that_does_not_keep_what_it_is_given_never_gets_a_head(
    target, memory, build, project
):
    memory.on_write = lambda: memory.values.update({value_key("i", b"ball"): b"rubbish"})
    with pytest.raises(PlatformError, match="does not read back"):
        publish(target, build("one", ITEMS), project)
    assert "head" not in memory.values


def test_a_dry_run_tells_and_writes_nothing(target, memory, build, project):
    report = publish(target, build("one", ITEMS), project, dry_run=True)
    plan = report.plan
    assert memory.writes() == []
    assert not project.local.exists()
    assert (len(plan.write), plan.skip, plan.write_manifest, plan.move_head) == (3, 0, True, True)
    assert (plan.bytes, plan.live) == (12, None)


def test_the_plan_counts_the_requests_that_follow(target, memory, build, project):
    planned = publish(target, build("one", ITEMS), project, dry_run=True).plan
    memory.log.clear()
    publish(target, build("two", ITEMS), project)
    assert len(memory.log) == planned.requests
    assert planned.cost_usd == pytest.approx(5e-6 * (3 + 2 + 2) + 0.5e-6 * 6)


def test_progress_names_each_stage(target, build, project):
    told = []
    publish(target, build("one", ITEMS), project, progress=lambda *step: told.append(step))
    assert [step for step in told if step[1] == step[2]] == [
        ("checking", 3, 3),
        ("writing", 3, 3),
        ("verifying", 4, 4),
    ]


@pytest.mark.parametrize("kind", ["i", "m"])
def test_a_file_changed_after_compile_is_refused(target, memory, build, project, kind):
    folder = build("one", ITEMS)
    file = next((folder / "values").glob(f"{kind}-*"))
    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(TableError, match=f"{file.name}: changed since it was compiled"):
        publish(target, folder, project)
    assert memory.values == {}


def test_a_missing_file_is_refused(target, memory, build, project):
    folder = build("one", ITEMS)
    next((folder / "values").glob("i-*")).unlink()
    with pytest.raises(TableError, match="No such file"):
        publish(target, folder, project)
    assert memory.values == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shop": "books"}, "compiled for books/dev"),
        ({"environment": "live"}, "compiled for toys/live"),
        ({"format": 99}, "format 99"),
    ],
)
def test_a_build_for_others_is_refused(target, memory, build, project, changes, said):
    with pytest.raises(InputError, match=said):
        publish(target, build("one", ITEMS, **changes), project)
    assert memory.values == {}


def test_a_digest_that_is_not_the_manifests_is_refused(target, build, project):
    with pytest.raises(TableError, match="does not fit its manifest"):
        publish(target, build("one", ITEMS, digest="00" * 32), project)


def test_a_manifest_signed_with_an_older_key_is_refused(target, build, project):
    folder = build("one", ITEMS)
    (project.keys / "release.pem").unlink()
    (project.keys / "public.json").unlink()
    make_keys(project.keys)
    with pytest.raises(TableError, match="the edge would refuse this release"):
        publish(target, folder, project)


def test_nothing_compiled_is_a_wrong_call(target, tmp_path, project):
    with pytest.raises(InputError, match="frontshelf compile"):
        publish(target, tmp_path, project)


def test_a_release_file_that_is_no_json_is_refused(target, build, project):
    folder = build("one", ITEMS)
    (folder / "release.json").write_bytes(b"{\xff")
    with pytest.raises(TableError, match=r"release\.json: cannot be read"):
        publish(target, folder, project)


def _foreign_head(project, **changes) -> bytes:
    live = Live("m-" + "0" * 32, bytes(32), "theirs")
    head = Head(shop="toys", environment="dev", counter=9, issued_at=0, live=live)
    return sign(msgspec.structs.replace(head, **changes), load_signing_key(project.keys, "release"))


def test_a_head_of_another_shop_in_the_target_stops_the_deployment(target, memory, build, project):
    memory.values["head"] = _foreign_head(project, shop="books")
    with pytest.raises(TableError, match=r"of books/dev, not of toys/dev"):
        publish(target, build("one", ITEMS), project)
    assert list(memory.values) == ["head"]


@pytest.mark.parametrize("value", [b"hello", b"\x83\xa3key", b""])
def test_rubbish_under_head_stops_the_deployment(target, memory, build, project, value):
    memory.values["head"] = value
    with pytest.raises(TableError, match="not this project's"):
        publish(target, build("one", ITEMS), project)


def test_a_head_signed_with_another_key_stops_the_deployment(target, memory, build, project):
    memory.values["head"] = _foreign_head(project)
    with pytest.raises(TableError, match="signed with key"):
        publish(target, build("one", ITEMS), project)


def test_the_counter_goes_on_when_the_store_was_emptied(target, memory, build, project, live):
    publish(target, build("one", ITEMS), project)
    memory.values.clear()
    publish(target, build("two", ITEMS), project)
    assert live(memory.values).counter == 2


def test_the_counter_goes_on_from_another_machines_head(target, memory, build, project, live):
    publish(target, build("one", ITEMS), project)
    publish(target, build("two", ITEMS), project)
    shutil.rmtree(project.local)
    publish(target, build("three", ITEMS), project)
    assert live(memory.values).counter == 3


def test_the_counter_starts_where_a_revoked_key_put_it(target, memory, build, project, live):
    edge = msgspec.structs.replace(project.settings.edge, min_counter=50)
    settings = msgspec.structs.replace(project.settings, edge=edge)
    raised = msgspec.structs.replace(project, settings=settings)
    publish(target, build("one", ITEMS), raised)
    assert live(memory.values).counter == 50


def test_a_store_that_still_shows_the_head_before_is_waited_for(target, memory, build, project):
    publish(target, build("one", ITEMS), project)
    old = memory.values["head"]
    publish(target, build("two", ITEMS), project, clock=lambda: 1000.0)
    memory.values["head"] = old
    with pytest.raises(PlatformError, match="still answers with head 1"):
        publish(target, build("three", ITEMS), project, clock=lambda: 1010.0)
    assert publish(target, build("four", ITEMS), project, clock=lambda: 1200.0).counter == 3


def test_somebody_elses_head_in_the_middle_of_a_deployment_wins(
    target, memory, build, project, live
):
    publish(target, build("one", ITEMS), project)
    theirs = msgspec.structs.replace(live(memory.values), counter=7)
    value = sign(theirs, load_signing_key(project.keys, "head"))
    memory.on_write = lambda: memory.values.update(head=value)
    with pytest.raises(PlatformError, match="somebody else moved the head"):
        publish(target, build("two", [b"kite"]), project)
    assert memory.values["head"] == value


def test_a_folder_can_be_deployed_to(build, project, tmp_path):
    target = Folder(tmp_path / "cdn")
    report = publish(target, build("one", ITEMS), project)
    assert (report.written, report.target) == (4, "folder")
    assert [entry.state for entry in releases(target, project)] == ["live"]
