"""A canary that is read late changes nothing of what a newer head said meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

from around_core import around_core
from toy_shop import RULES, compile_toy, make_project, variables

from control_plane.deploy.folder import Folder
from control_plane.deploy.head import KEY, read_head
from control_plane.deploy.history import rollback
from control_plane.deploy.publish import publish
from control_plane.emulator.miniflare import Miniflare


def test_a_canary_that_is_read_late_takes_no_newer_head_back(tmp_path) -> None:
    project = make_project(tmp_path)
    store = Folder(tmp_path / "store")
    compile_toy(project)
    publish(store, project.build / "current", project)
    project.rules.write_text(RULES.replace("<b>new</b>", "<b>newer</b>"))
    compile_toy(project)
    publish(store, project.build / "current", project, canary=0.5)
    heads = {"older": store.get(KEY) or b""}
    manifest = read_head(store, project).canary.manifest
    rollback(store, project)
    heads["newer"] = store.get(KEY) or b""
    main = Path(__file__).with_name("slow_canary.js")
    options = around_core(main, variables=variables(project), on_log=lambda line: None)
    with Miniflare(options) as worker:
        values = {key: store.get(key) for key in store.keys("")} | heads
        for key, value in values.items():
            worker.dispatch_fetch(f"http://toy/{key}", method="PUT", content=value)
        asked = {"at": int(time.time() * 1000), "older": "older", "newer": "newer"}
        told = worker.dispatch_fetch(
            "http://toy/", method="POST", json={**asked, "canary": manifest}
        ).json()
    assert told == {"counter": 3, "canary": None}
