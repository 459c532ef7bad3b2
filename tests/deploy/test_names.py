"""What a manifest names is what the compiler wrote, wherever the manifest puts it."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_shop import compile_toy, make_project

from control_plane.compiler import manifest as manifests
from control_plane.deploy.folder import Folder
from control_plane.deploy.named import names_of

RULES = """
content:
  strip: {items: {from: [popular], limit: 4, boost: [{category: hats, by: 2}]}}
slots:
  home.strip: {default: strip}
"""


@pytest.mark.parametrize("moved", manifests.MOVES)
def test_every_value_of_a_release_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: tuple[str, ...]
) -> None:
    monkeypatch.setattr(manifests, "MOVES", (moved,))
    project = make_project(tmp_path, RULES)
    release = compile_toy(project)
    listed = [one for one in release.values if one["kind"] != "manifest"]
    visitors = {one["key"][2:] for one in listed if one["kind"] == "visitors"}
    assert "weights" in {one["kind"] for one in listed}
    found = names_of(Folder(project.build / "current" / "values"), project, release.manifest)
    assert found.visitors == visitors
    assert found.values == {one["key"][2:] for one in listed} - visitors
